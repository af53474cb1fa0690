"""Issuer: whose tokens are believed: where its public keys are (OpenID Discovery 1.0), and what a token of it says.

Keys are fetched when the first token comes, anew after ten minutes, and when a token names a key that is not known, though not
twice within ten seconds: whoever sends made-up tokens costs the issuer nothing. While the issuer is away, the keys that are
known hold for a day.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from planrail.keys import AuthSettings

log = logging.getLogger(__name__)

_FRESH_S = 600.0
_STALE_S = 86_400.0
_PAUSE_S = 10.0
_TIMEOUT_S = 5.0
_MOST_BYTES = 1_000_000
_LONGEST_TOKEN = 16_384
_REQUIRED = ("exp", "iss", "aud", "sub")


@dataclass(frozen=True)
class _Public:
    """A public key of the issuer, and the one algorithm that it is for, if that is said."""

    kid: object
    algorithm: str | None
    key: Any  # of cryptography: one class a kind


class Issuer:
    """The configured issuer of tokens."""

    def __init__(self, settings: AuthSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: tuple[_Public, ...] = ()
        self._fetched: float | None = None
        self._tried: float | None = None
        self._lock = asyncio.Lock()

    async def claims(self, token: str) -> Mapping[str, Any] | None:
        """What a token says; None for one that is not the issuer's, is over, or is meant for another server."""
        of = self._settings
        try:
            if len(token) > _LONGEST_TOKEN:
                return None
            head = jwt.get_unverified_header(token)
            key = await self._key(head.get("kid"), head.get("alg"))
            if key is None:
                return None
            found: Mapping[str, Any] = jwt.decode(
                token, key.key, algorithms=list(of.algorithms), audience=of.resource, issuer=of.issuer,
                leeway=of.leeway_s, options={"require": list(_REQUIRED)},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError):  # the last two: a key of another kind than the token says
            return None
        return found

    async def look(self) -> int:
        """How many keys the issuer tells now; raises HTTPError, InvalidURL and ValueError."""
        return len(await self._fetch())

    async def _key(self, kid: object, algorithm: object) -> _Public | None:
        """The key of that id; the only one where a token names none."""
        if algorithm not in self._settings.algorithms:
            return None
        found = self._known(kid, algorithm)
        if found is None or not self._is_fresh(_FRESH_S):
            await self._look_again(needed=found is None)
            found = self._known(kid, algorithm)
        return found if self._is_fresh(_STALE_S) else None

    def _known(self, kid: object, algorithm: object) -> _Public | None:
        able = [key for key in self._keys if key.algorithm in (None, algorithm)]
        alike = [key for key in able if kid is None or key.kid == kid]
        return alike[0] if len(alike) == 1 else None

    def _is_fresh(self, within_s: float) -> bool:
        return self._fetched is not None and self._clock() - self._fetched < within_s

    async def _look_again(self, *, needed: bool) -> None:
        """Fetch the keys, unless that was just tried. Whoever has a key already waits for no other's fetch."""
        if self._lock.locked() and not needed:
            return
        async with self._lock:
            if self._tried is not None and self._clock() - self._tried < _PAUSE_S:
                return
            self._tried = self._clock()
            try:
                self._keys = await self._fetch()
                self._fetched = self._clock()
            except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, ValueError) as error:
                log.warning("the keys of the issuer %s could not be fetched: %s", self._settings.issuer, error)

    async def _fetch(self) -> tuple[_Public, ...]:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as web:
            at = self._settings.jwks_url or await self._discovered(web)
            listed = (await _document(web, at)).get("keys")
        found = [_public(entry) for entry in listed] if isinstance(listed, list) else []
        return tuple(key for key in found if key is not None)

    async def _discovered(self, web: httpx.AsyncClient) -> str:
        """Where the issuer says that its keys are; raises ValueError for what is not this issuer's word."""
        issuer = self._settings.issuer
        told = await _document(web, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        at = told.get("jwks_uri")
        if told.get("issuer") != issuer:
            raise ValueError("its configuration names another issuer")
        if not isinstance(at, str) or (urlsplit(issuer).scheme == "https" and urlsplit(at).scheme != "https"):
            raise ValueError("its configuration names no jwks_uri that can be trusted")
        return at


async def _document(web: httpx.AsyncClient, at: str) -> Mapping[str, Any]:
    """The JSON object there, of bounded size; raises HTTPError and ValueError. Redirects are not followed."""
    content = b""
    async with web.stream("GET", at, headers={"Accept": "application/json"}) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"{at} answered {response.status_code}")
        async for part in response.aiter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                raise ValueError(f"{at} answered with more than {_MOST_BYTES} bytes")
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError(f"{at} answered with no JSON object")
    return found


def _public(entry: object) -> _Public | None:
    """A key that signs tokens, of a pair; None for any other (a shared secret would let whoever knows it sign)."""
    if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP") or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK({name: value for name, value in entry.items() if name != "d"}).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return _Public(entry.get("kid"), entry.get("alg"), key)
