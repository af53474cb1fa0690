"""Signing: what the house signs with, by whose public half others tell that it was this house.

    made ─► signs ─► (a newer one is made) ─► signs beside the newer one, for its grace ─► gone

The keys stand in the database, so that all processes sign with the same ones. A key's name is its thumbprint (RFC 7638).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.journal.signing import SqlSigningKeys
from executor.signing_keys import StoredKey
from planner.errors import PlanrailError
from planner.toolspec import Json
from planrail.seal import Seal

if TYPE_CHECKING:  # OpenSSL, where something is signed
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}  # by curve; RSA has none
_THUMB = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class KeyUnreadable(PlanrailError):
    """A file holds no key that can sign."""

    fault = "user"


@dataclass(frozen=True)
class SigningKey:
    """A key that signs: its private half, and the public one as a JSON Web Key with `kid`, `alg` and `use`."""

    private: PrivateKey
    public: dict[str, Json]

    @property
    def kid(self) -> str:
        return str(self.public["kid"])

    @property
    def algorithm(self) -> str:
        return str(self.public["alg"])


class SigningKeys:
    """The house's own; `grace` is how long a key still signs, and is still told, after a newer one was made."""

    def __init__(self, stored: SqlSigningKeys, seal: Seal, *, now: Callable[[], datetime], grace: timedelta) -> None:
        self._stored = stored
        self._seal = seal
        self._now = now
        self._grace = grace

    async def signing(self) -> tuple[SigningKey, ...]:
        """The keys that sign, the newest first; the first one of all is made here. Raises SealBroken."""
        kept = await self._kept()
        if not kept:
            await self._stored.add(_made(1, self._seal, self._now()))  # or another process is first
            kept = await self._kept()
        return tuple(_opened(key, self._seal) for key in kept)

    async def jwks(self) -> dict[str, Json]:
        """What everybody may know: a JSON Web Key Set (RFC 7517)."""
        return {"keys": [json.loads(key.public) for key in await self._kept()]}

    async def rotate(self, *, drop: bool = False) -> StoredKey:
        """Make a new key, which signs from now on. With `drop` the older ones are gone at once: somebody else knows them."""
        while True:
            stored = await self._stored.read()
            made = _made(1 + max((key.generation for key in stored), default=0), self._seal, self._now())
            if await self._stored.add(made):  # else another process was quicker
                break
        gone = [key.generation for key in stored if drop or self._is_over(key)]
        if gone:
            await self._stored.forget(gone)
        return made

    async def _kept(self) -> list[StoredKey]:
        return [key for key in await self._stored.read() if not self._is_over(key)]

    def _is_over(self, key: StoredKey) -> bool:
        return key.retired_at is not None and key.retired_at + self._grace <= self._now()


def key_in(path: Path) -> SigningKey:
    """The private key in a PEM file; raises KeyUnreadable."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  # OpenSSL, as above

    try:
        return signing_key(load_pem_private_key(path.read_bytes(), password=None))
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        hint = "Take a private key in PEM without a password: openssl ecparam -name prime256v1 -genkey -noout -out card.pem"
        raise KeyUnreadable(f"{path} holds no key that can sign: {why}", hint=hint) from error


def signing_key(private: Any) -> SigningKey:
    """A key that signs, of its private half; raises TypeError for a kind of key that no card is signed with."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415  # OpenSSL, as above
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm  # noqa: PLC0415

    match private:
        case ec.EllipticCurvePrivateKey():
            public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case ed25519.Ed25519PrivateKey():
            public = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case rsa.RSAPrivateKey():
            public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case _:
            raise TypeError("take one of an elliptic curve, Ed25519 or RSA")
    public.pop("key_ops", None)
    algorithm = _ALGORITHMS.get(str(public["crv"])) if "crv" in public else "RS256"
    if algorithm is None:
        raise TypeError(f"no signature of a card is made with the curve {public['crv']}")
    return SigningKey(private, {**public, "kid": _thumbprint(public), "alg": algorithm, "use": "sig"})


def _thumbprint(public: dict[str, Json]) -> str:
    """The key's name, which everybody can work out from the key (RFC 7638)."""
    names = _THUMB[str(public["kty"])]
    whole = json.dumps({name: public[name] for name in names}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(whole.encode()).digest()).rstrip(b"=").decode()


def _made(generation: int, seal: Seal, now: datetime) -> StoredKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = signing_key(generate_private_key(SECP256R1()))
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return StoredKey(
        generation=generation, kid=key.kid, public=json.dumps(key.public), sealed=seal.seal(pem), created_at=now
    )  # fmt: skip


def _opened(stored: StoredKey, seal: Seal) -> SigningKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  # as above

    return signing_key(load_pem_private_key(seal.open(stored.sealed).encode(), password=None))
