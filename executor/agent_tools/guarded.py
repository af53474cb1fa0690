"""Guarded: the HTTP transport to other agents: only permitted addresses, no redirects, and no more bytes than are bounded.

A name is resolved and judged, and the judged address is the one that is connected to, as for the tools of `http`. The token
goes to the agent's own host alone, whatever its card names.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import httpx

from executor.builtin import addresses
from executor.builtin.addresses import Resolve, Unsent, permitted
from executor.builtin.handle import Unfit
from executor.builtin.url import parsed_url, port_of
from planner.here import outgoing

_CONNECT_S = 10.0
_SHORTEST = 4  # characters of a secret that is looked for; a shorter one would be found everywhere
_QUIET_S = 45.0  # without a byte; the task is looked at then, and listened to anew


@dataclass(frozen=True)
class Secret:
    """What is sent to an agent and is in nothing that it gives back."""

    name: str
    value: str

    def without(self, said: bytes) -> bytes:
        """What was said, with the name in the place of the secret."""
        return said.replace(self.value.encode(), f"«secret {self.name}»".encode()) if len(self.value) >= _SHORTEST else said

    def begun_in(self, said: bytes) -> int:
        """How many bytes at the end may be the secret's beginning."""
        value = self.value.encode()
        return next((n for n in range(min(len(value) - 1, len(said)), 0, -1) if said.endswith(value[:n])), 0)


class Guarded(httpx.AsyncBaseTransport):
    """One agent's transport. `most` bounds the bytes of all answers together; `headers` are for `host` alone.

    Where an answer holds the `secret`, it is read without it.
    """

    def __init__(
        self,
        *,
        allow_private: Collection[str] = (),
        most: int,
        host: str = "",
        headers: Mapping[str, str] | None = None,
        secret: Secret | None = None,
        resolve: Resolve = addresses.resolve,
    ) -> None:
        self._allowed = frozenset(name.lower() for name in allow_private)
        self._left = most
        self._most = most
        self._host = host
        self._headers = dict(headers or {})
        self._secret = secret
        self._resolve = resolve
        self._to: dict[str, httpx.AsyncHTTPTransport] = {}  # by name: connections of one are no other's, on one address too

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response; raises Unfit for an address that is not permitted, Unsent where nobody was reached."""
        url = parsed_url(str(request.url))
        host = url.raw_host.decode("ascii")
        reachable = await permitted(host, port_of(url), resolve=self._resolve, allow_private=self._allowed)
        headers = request.headers.copy()
        headers["Accept-Encoding"] = "identity"  # so that what is counted is what is read
        headers.update(outgoing())
        if host == self._host:
            headers.update(self._headers)
        inner = self._to.setdefault(host, httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False))
        for address in reachable:
            sent = httpx.Request(
                request.method, url.copy_with(host=address), headers=headers, stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )  # fmt: skip
            try:
                response = await inner.handle_async_request(sent)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):  # httpx keeps no more of the reason than its text
                    raise Unfit(f"The certificate of {host} is not valid for it.", "refused") from error
                continue
            return await self._bounded(response)
        raise Unsent(f"{host} cannot be reached.", "transient")

    async def _bounded(self, response: httpx.Response) -> httpx.Response:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        if response.headers.get("content-encoding", "identity").lower() != "identity":  # it might unfold to any size
            await response.aclose()
            raise Unfit("It answers in a coding that it was not asked for.", "invalid")
        response.stream = _Counted(response.stream, self, self._secret)
        return response

    def take(self, size: int) -> None:
        """Count bytes that came; raises Unfit when they are too many."""
        self._left -= size
        if self._left < 0:
            raise Unfit(f"It has said more than {self._most:,} bytes.", "failed")

    async def aclose(self) -> None:
        for inner in self._to.values():
            await inner.aclose()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(trust_env=False)


class _Counted(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, guard: Guarded, secret: Secret | None) -> None:
        self._inner = inner
        self._guard = guard
        self._secret = secret

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for piece in self._inner:
            self._guard.take(len(piece))
            if self._secret is None:
                yield piece
                continue
            whole = self._secret.without(held + piece)
            held = whole[len(whole) - self._secret.begun_in(whole) :]
            yield whole[: len(whole) - len(held)]
        if held:
            yield held

    async def aclose(self) -> None:
        await self._inner.aclose()


def client_over(transport: Guarded) -> httpx.AsyncClient:
    """An HTTP client over it, which follows no redirect and reads nothing of the environment."""
    timeout = httpx.Timeout(_QUIET_S, connect=_CONNECT_S)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, headers={"User-Agent": "planrail"})
