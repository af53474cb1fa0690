"""Auth: who is behind a bearer token: an API key that the configuration knows by its hash, or a token of an OAuth 2.1 issuer.

    [auth.keys.night_shift]                 # planrail key night_shift prints the key once, and these lines
    hash = "sha256:…"
    principal = "ann"
    kind = "agent"                          # what comes with it is written by a model; "user" for a person's own client
    scopes = ["approve"]

    [auth]
    resource = "https://planrail.example/mcp"   # this server, as its tokens name it (RFC 8707, RFC 9728)
    issuer = "https://login.example"
    jwks_url = "https://login.example/jwks.json"

Tokens are JWTs (RFC 9068), signed by a key of the issuer's JWKS, with its `iss` and with `resource` as `aud`. A principal is
the token's subject; two issuers' subjects are never the same principal.
"""

from __future__ import annotations

import asyncio
import hmac
from functools import cached_property
from typing import TYPE_CHECKING, Any

from executor.submission import Principal
from planner.errors import PlanrailError
from planrail.keys import AuthSettings, hash_of

if TYPE_CHECKING:  # only where an issuer is configured
    from jwt import PyJWKClient

_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA")
_LEEWAY_S = 30.0


class AuthRefused(PlanrailError):
    """A server would be open to others without knowing who they are."""

    fault = "user"


class Authenticator:
    """Tells who is behind a token."""

    def __init__(self, settings: AuthSettings) -> None:
        self.settings = settings

    async def principal(self, token: str) -> Principal | None:
        """The principal; None for a token that is none of ours, is over, or is meant for another server."""
        found = self._by_key(token)
        if found is not None or not self.settings.issuer or token.count(".") != 2:
            return found
        return await asyncio.to_thread(self._by_jwt, token)

    def _by_key(self, token: str) -> Principal | None:
        hashed = hash_of(token)
        found: Principal | None = None
        for key in self.settings.keys.values():  # all of them, so that the time tells nothing
            if hmac.compare_digest(key.hash, hashed):
                found = Principal(id=key.principal, kind=key.kind, scopes=key.scopes)
        return found

    def _by_jwt(self, token: str) -> Principal | None:
        import jwt  # noqa: PLC0415  # only where an issuer is configured

        try:
            key = self._issuer_keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token, key.key, algorithms=list(_ALGORITHMS), audience=self.settings.resource, issuer=self.settings.issuer,
                leeway=_LEEWAY_S, options={"require": ["exp", "iss", "aud", "sub"]},
            )  # fmt: skip
        except jwt.PyJWTError:
            return None
        scopes = str(claims.get("scope", "")).split()
        return Principal(id=f"{claims['iss']}#{claims['sub']}", kind="agent", scopes=frozenset(scopes))

    @cached_property
    def _issuer_keys(self) -> PyJWKClient:
        from jwt import PyJWKClient  # noqa: PLC0415

        return PyJWKClient(self.settings.jwks_url, timeout=10)


def check_open(host: str, settings: AuthSettings) -> None:
    """Raise AuthRefused for a server that others can reach and that knows nobody."""
    if host not in ("127.0.0.1", "localhost", "::1") and not settings.configured:
        raise AuthRefused(
            f"A server at {host} is open to others, and no authentication is configured.",
            hint="`planrail key NAME` makes a key and prints what to put into planrail.toml; or serve at 127.0.0.1.",
        )
