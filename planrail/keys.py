"""Keys: what the configuration says of who may come from outside: API keys by their hashes, and an issuer of tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_PREFIX = "pr_"  # of a key, so that scanners for leaked secrets find it
_BYTES = 32
APPROVE = "approve"


class ApiKey(BaseModel):
    """One key: the hash of its text, and who it stands for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    principal: str = Field(min_length=1, max_length=200)
    kind: Literal["user", "agent"] = "agent"  # agent: a model writes what comes with the key, and approves nothing
    scopes: frozenset[str] = frozenset()  # "approve": may give the approvals of the principal's runs


class AuthSettings(BaseModel):
    """Who may come from outside. Without keys and issuer nobody is known, and only this machine is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: Mapping[str, ApiKey] = Field(default_factory=dict)  # by a name of yours: a table as `planrail key` prints it
    resource: str = ""  # this server's own URL, which tokens have to name
    issuer: str = ""  # of OAuth tokens
    jwks_url: str = ""  # where the issuer's public keys are

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = [bool(part) for part in (self.resource, self.issuer, self.jwks_url)]
        if any(given[1:]) and not all(given):
            raise ValueError("resource, issuer and jwks_url go together")
        return self

    @property
    def configured(self) -> bool:
        return bool(self.keys or self.issuer)


def new_key() -> str:
    """A new API key. Nobody keeps it: only its hash is configured."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def hash_of(key: str) -> str:
    """What is configured of a key. Keys are random and long: a plain hash is enough."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
