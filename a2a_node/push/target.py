"""Target: where a client wants to be told, with what to be known by, and which places may be told at all.

A place is on the public internet and speaks TLS, unless the configuration names its host (`a2a.push_allow_private`). What its
name resolves to is judged again at each notification, by the connection that is then made (`executor.builtin.web`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from functools import cached_property, lru_cache

import httpx
from pydantic import BaseModel, ConfigDict

from executor.builtin.addresses import Resolve, Unsent, permitted
from executor.builtin.handle import Unfit
from executor.builtin.url import parsed_url, port_of

_MAX_URL = 2_000  # characters
_MAX_SECRET = 8_192
_RESOLVE_S = 5.0
_PORTS = (80, 443)  # below 1024 other services listen, which an HTTP request may do something to
_OWN_PORTS = 1_024
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, 5.6.2: a token
_VISIBLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Target(BaseModel):
    """What is sealed of a configuration: where, by what the receiver knows us, and how it is told."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer Planrail may have more to say

    url: str
    token: str = ""  # sent as X-A2A-Notification-Token
    scheme: str = ""  # with credentials: sent as Authorization
    credentials: str = ""
    tenant: str = ""
    extended: bool = False  # our extension is active
    modes: tuple[str, ...] = ()  # media types that are taken; none named: all
    old: bool = False  # a client of A2A 0.3: told the whole task, in its words

    @cached_property
    def place(self) -> str:
        """Scheme, host and port: what may be shown of the URL, whose path may be a secret."""
        url = httpx.URL(self.url)
        return f"{url.scheme}://{url.raw_host.decode('ascii')}:{port_of(url)}"


class Targets:
    """Which targets are let be."""

    def __init__(self, allow_private: Collection[str], *, resolve: Resolve) -> None:
        self._allowed = frozenset(host.lower().rstrip(".") for host in allow_private)
        self._resolve = resolve

    async def check(self, target: Target) -> None:
        """Raise Unfit for one that is never told: by its form, or because its name leads into the house today."""
        checked_secrets(target)
        url = self.checked_url(target.url)
        try:
            async with asyncio.timeout(_RESOLVE_S):
                host = url.raw_host.decode("ascii")
                await permitted(host, port_of(url), resolve=self._resolve, allow_private=self._allowed)
        except (Unsent, TimeoutError):
            return  # a name that nobody knows today may be known when there is something to tell

    def checked_url(self, text: str) -> httpx.URL:
        """The URL; raises Unfit for one that is not told, whatever its name resolves to."""
        if len(text) > _MAX_URL:
            raise Unfit(f"A URL has at most {_MAX_URL:,} characters.", "refused")
        url = _parsed(text)
        if url.raw_host.decode("ascii").lower().rstrip(".") in self._allowed:
            return url
        if url.scheme != "https":
            raise Unfit("Notifications are sent to https URLs.", "refused")
        if port_of(url) < _OWN_PORTS and port_of(url) not in _PORTS:
            raise Unfit(f"Notifications are sent to port 443, or to one from {_OWN_PORTS:,} on.", "refused")
        return url


_parsed = lru_cache(maxsize=1_000)(parsed_url)


def checked_secrets(target: Target) -> None:
    """Raise Unfit for what no header can carry."""
    for name, text in (("token", target.token), ("authentication.credentials", target.credentials)):
        if text and (len(text) > _MAX_SECRET or not _VISIBLE.fullmatch(text)):
            raise Unfit(f"{name} has to be at most {_MAX_SECRET:,} visible ASCII characters.", "refused")
    if target.scheme and not _SCHEME.fullmatch(target.scheme):
        raise Unfit("authentication.scheme is no name of a scheme, like Bearer.", "refused")
