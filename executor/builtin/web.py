"""Web: one HTTP exchange with the public internet, within bounds of size, time and hops.

The transport is used without a client: no proxy and no .netrc of the environment, no cookie. A request goes to an address that
was checked (`executor.builtin.addresses`), while Host and the TLS server name stay the URL's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from executor.builtin import addresses
from executor.builtin.addresses import Resolve, Unsent, permitted
from executor.builtin.decoding import BoundedBody
from executor.builtin.handle import Unfit
from executor.builtin.http_settings import HttpSettings
from executor.builtin.url import parsed_url, port_of
from planner.here import outgoing

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered at last, after redirects."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes


class Web:
    """Exchanges under one set of bounds."""

    def __init__(self, settings: HttpSettings, *, resolve: Resolve = addresses.resolve) -> None:
        self._settings = settings
        self._resolve = resolve
        self._allowed = frozenset(host.lower() for host in settings.allow_private)

    async def get(self, url: str) -> Answer:
        """GET, following redirects; each hop is checked anew. Raises Unfit."""
        async with asyncio.timeout(self._settings.timeout_s):
            at = parsed_url(url)
            for _ in range(self._settings.max_redirects + 1):
                answer = await self._exchange("GET", at, {}, b"")
                location = answer.headers.get("location")
                if answer.status not in _REDIRECTS or location is None:
                    return answer
                at = _joined(at, location)
        raise Unfit(f"More than {self._settings.max_redirects} redirects.", "failed")

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once; a redirect is not followed. Raises Unsent where nothing can have happened, else Unfit."""
        async with asyncio.timeout(self._settings.timeout_s):
            return await self._exchange("POST", parsed_url(url), headers, content)

    async def _exchange(self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> Answer:
        host = url.raw_host.decode("ascii")
        reachable = await permitted(host, port_of(url), resolve=self._resolve, allow_private=self._allowed)
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
            response = await self._sent(transport, method, url, headers, content, reachable)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        return Answer(str(url), response.status_code, response.headers, body)

    async def _sent(
        self,
        transport: httpx.AsyncHTTPTransport,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes,
        reachable: Sequence[str],
    ) -> httpx.Response:
        """The response of the first address that takes the connection."""
        named = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._settings.user_agent,
            "Accept-Encoding": "gzip, deflate",
            **outgoing(),
            **headers,
        }
        extensions = {
            "sni_hostname": url.raw_host.decode("ascii"),
            "timeout": {"connect": min(10.0, self._settings.timeout_s), "read": None, "write": None, "pool": None},
        }
        for address in reachable:
            request = httpx.Request(
                method, url.copy_with(host=address), headers=named, content=content or None, extensions=extensions
            )
            try:
                return await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):  # httpx keeps no more of the reason than its text
                    raise Unfit(f"The certificate of {url.host} is not valid for it.", "refused") from error
            except httpx.HTTPError as error:
                raise Unfit(f"The exchange with {url.host} broke off: {type(error).__name__}.", "transient") from error
        raise Unsent(f"{url.host} cannot be reached.", "transient")

    async def _body(self, response: httpx.Response) -> bytes:
        body = BoundedBody(response.headers.get("content-encoding", ""), self._settings.max_bytes)
        try:
            async for piece in response.aiter_raw():
                body.feed(piece)
        except httpx.HTTPError as error:
            raise Unfit("The server's answer was cut off.", "transient") from error
        return body.whole()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return trusting(self._settings.ca_file)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """The usual certificates, and besides them those of the file."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _joined(at: httpx.URL, location: str) -> httpx.URL:
    try:
        return parsed_url(str(at.join(location)))
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Unfit("The server redirects to what is no URL.", "failed") from error
