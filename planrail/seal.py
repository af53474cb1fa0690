"""Seal: what is secret and has to stand in the database (signing keys, credentials of others) is sealed before it does.

The key is the setting `a2a.secret_key`, or a file in the data folder that is made when it is first needed and that only its
owner can read. Machines that share a database need the setting, since each would make a file of its own.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from planner.errors import PlanrailError
from planrail.settings import Settings

if TYPE_CHECKING:  # OpenSSL, where there is something to seal
    from cryptography.fernet import MultiFernet

FILE = "secret.key"
_HINT = "Set a2a.secret_key (PLANRAIL_A2A_SECRET_KEY) to the same value on all machines that share the database."


class SealBroken(PlanrailError):
    """What was sealed cannot be opened here, or nothing can be sealed."""

    fault = "user"


class Seal:
    """Seals with the first of the secrets, opens with any."""

    def __init__(self, secrets: Sequence[str] | Path) -> None:
        self._secrets = secrets  # or the file that holds one, made when it is first needed

    def seal(self, text: str) -> str:
        """The text, sealed; raises SealBroken where there is no key and none can be made."""
        return self._box.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text again; raises SealBroken."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415  # OpenSSL, where there is something to open

        try:
            return self._box.decrypt(sealed.encode("ascii")).decode()
        except InvalidToken as error:
            message = "What is sealed in the database was sealed with another key than this process has."
            raise SealBroken(message, hint=_HINT) from error

    @cached_property
    def _box(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415  # as above

        found = [_secret_in(self._secrets)] if isinstance(self._secrets, Path) else self._secrets
        return MultiFernet([Fernet(_derived(secret)) for secret in found])


def seal_of(settings: Settings) -> Seal:
    """The seal of a process with these settings."""
    secret = settings.a2a.secret_key
    if secret is None:
        return Seal(settings.home / FILE)
    return Seal([part.strip() for part in secret.get_secret_value().split(",")])


def _derived(secret: str) -> bytes:
    """A key as Fernet wants it, from a secret of any form."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"planrail seal")
    return base64.urlsafe_b64encode(kdf.derive(secret.encode()))


def _secret_in(path: Path) -> str:
    """The secret in the file; made where there is none. Of processes that make it at once one does."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SealBroken(f"{path} cannot be read or made: {error.strerror}.", hint=_HINT) from error


def _make(path: Path) -> None:
    whole = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # linked when it is whole, so that nobody reads half of it
    file = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32) + "\n")
        os.link(whole, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        os.unlink(whole)
