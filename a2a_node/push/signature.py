"""Signature: by which a receiver can tell that a notification came from this agent, and that nobody has changed it.

A JWT (RFC 7519) in `X-A2A-Notification-Signature`, signed by the key that signs the card and found in the same JWKS by its
`kid`. A receiver checks: `aud` is the place of its own URL, `iat` is of the last minutes, `request_body_sha256` is the body's,
`jti` is new to it. Where the client has configured no credentials it stands in `Authorization: Bearer` too, which is where
the samples of A2A look for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt

from a2a_node.push.target import Target
from planrail.signing import SigningKey, SigningKeys

HEADER = "X-A2A-Notification-Signature"
_GOOD_FOR = timedelta(minutes=5)
_KEPT_FOR = timedelta(seconds=2)  # so soon a key that was dropped signs nothing any more


class Signer:
    """Signs notifications. `issuer` is the agent's own URL, if it is configured; its JWKS is below."""

    def __init__(self, keys: SigningKeys, *, issuer: str, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._now = now
        self._kept: tuple[SigningKey, datetime] | None = None  # and when it was asked for

    async def headers(self, target: Target, name: str, task: str, content: bytes) -> dict[str, str]:
        """The headers that carry the signature; raises SealBroken where its key cannot be had."""
        now = self._now()
        key = await self._key(now)
        claims: dict[str, Any] = {
            "aud": target.place, "sub": task, "jti": name, "iat": now, "exp": now + _GOOD_FOR,
            "request_body_sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
        header = {"kid": key.kid}
        if self._issuer:
            claims["iss"] = self._issuer
            header["jku"] = f"{self._issuer}/.well-known/jwks.json"
        signed = jwt.encode(claims, key.private, algorithm=key.algorithm, headers=header)
        alone = not (target.scheme and target.credentials)
        return {HEADER: signed, **({"Authorization": f"Bearer {signed}"} if alone else {})}

    async def _key(self, now: datetime) -> SigningKey:
        """The key that signs; for a moment the one that was asked for last."""
        if self._kept is None or now - self._kept[1] > _KEPT_FOR:
            self._kept = (await self._keys.signing())[0], now
        return self._kept[0]
