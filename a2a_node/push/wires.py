"""Wires: connections to receivers, which are kept for the next notification: a new one costs more than all else of it.

A wire is one place's (scheme, host, port) alone: it leads to an address that was judged when it was made
(`executor.builtin.addresses`), and its certificate is that host's. None is older than a minute, so that a name which leads
elsewhere by now is followed. No proxy, cookie or redirect; of an answer status and headers count, its body is let go by.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import h11
import httpx

from a2a_node.push.lanes import PER_PLACE
from executor.builtin.addresses import Resolve, Unsent, permitted
from executor.builtin.handle import Unfit
from executor.builtin.url import port_of

OLDEST_S = 60.0  # of a wire; then a new one is made
_IDLE_S = 15.0
_KEPT = PER_PLACE  # idle wires to one place
_KEPT_IN_ALL = 256
_CONNECT_S = 10.0
_CHUNK = 16_384
_MOST = 65_536  # bytes of an answer's head, and of a body that is let go by: of a longer one the wire is given up
_BODY_S = 0.5  # so long a body is waited for

Place = tuple[str, str, int]


@dataclass(frozen=True)
class Reply:
    """What a receiver has answered."""

    status: int
    headers: Mapping[str, str]  # names in small letters


class Stale(Exception):
    """A wire that was kept had been closed at the other end: nothing came back on it."""


class Wire:
    """One connection, and where its conversation is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, now: float) -> None:
        self._reader = reader
        self._writer = writer
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST)
        self._used = False
        self._heard = 0  # bytes of the present answer, to the end of its head
        self.made_at = self.used_at = now

    async def post(self, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> Reply:
        """Raises Stale, and Unfit where the exchange breaks off."""
        told = {"Host": url.netloc.decode("ascii"), **headers, "Content-Length": str(len(content))}
        reused, self._used, self._heard = self._used, True, 0
        try:
            request = h11.Request(method="POST", target=url.raw_path, headers=list(told.items()))
            for event in (request, h11.Data(data=content), h11.EndOfMessage()):
                self._writer.write(self._talk.send(event) or b"")
            await self._writer.drain()
            response = await self._response()
        except (OSError, h11.ProtocolError) as error:
            if reused and not self._heard:
                raise Stale from error
            raise Unfit(f"The exchange with {url.host} broke off: {type(error).__name__}.", "transient") from error
        return Reply(response.status_code, {n.decode("latin-1"): v.decode("latin-1") for n, v in response.headers})

    async def _response(self) -> h11.Response:
        while True:
            match self._talk.next_event():
                case h11.Response() as response:
                    return response
                case h11.NEED_DATA if self._heard <= _MOST:
                    data = await self._reader.read(_CHUNK)
                    self._heard += len(data)
                    self._talk.receive_data(data)
                case h11.InformationalResponse():
                    pass
                case _:
                    raise h11.RemoteProtocolError("no answer")

    async def settled(self, now: float) -> bool:
        """Let the answer's body go by; whether the wire is good for another exchange."""
        taken = 0
        try:
            async with asyncio.timeout(_BODY_S):
                while not isinstance(event := self._talk.next_event(), h11.EndOfMessage):
                    if event is h11.NEED_DATA:
                        self._talk.receive_data(await self._reader.read(_CHUNK))
                    elif isinstance(event, h11.Data):
                        taken += len(event.data)
                    else:
                        return False
                    if taken > _MOST:
                        return False
            self._talk.start_next_cycle()
        except (OSError, TimeoutError, h11.ProtocolError):
            return False
        self.used_at = now
        return True

    def good(self, now: float) -> bool:
        """Whether another exchange may be tried on it."""
        young = now - self.made_at < OLDEST_S and now - self.used_at < _IDLE_S
        return young and not self._reader.at_eof() and not self._writer.is_closing()

    def cut(self) -> None:
        """Close it, whatever is under way on it."""
        self._writer.transport.abort()


class Wires:
    """The wires of a process."""

    def __init__(
        self, *, tls: Callable[[], ssl.SSLContext], resolve: Resolve, allow_private: Collection[str], timeout_s: float
    ) -> None:
        self._made_tls = tls
        self._resolve = resolve
        self._allowed = frozenset(host.lower().rstrip(".") for host in allow_private)
        self._timeout_s = timeout_s
        self._idle: defaultdict[Place, list[Wire]] = defaultdict(list)

    async def post(self, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> Reply:
        """POST once. Raises Unfit, of which Unsent where nothing can have happened, and TimeoutError."""
        place = (url.scheme, url.raw_host.decode("ascii"), port_of(url))
        async with asyncio.timeout(self._timeout_s):
            wire, reply = await self._posted(place, url, headers, content)
        if await wire.settled(_now()) and len(self._idle[place]) < _KEPT:
            self._idle[place].append(wire)
            self._thin()
        else:
            wire.cut()
        return reply

    async def _posted(self, place: Place, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> tuple[Wire, Reply]:
        """The answer, and the wire that it came by."""
        while True:
            wire = self._kept(place) or await self._connected(place)
            try:
                return wire, await wire.post(url, headers, content)
            except Stale:  # it was closed while nobody looked: that is no failure of the receiver's
                wire.cut()
            except BaseException:
                wire.cut()
                raise

    def _kept(self, place: Place) -> Wire | None:
        """The wire to that place which was used last, if one is good."""
        idle = self._idle.get(place, [])
        while idle:
            wire = idle.pop()
            if wire.good(_now()):
                return wire
            wire.cut()
        self._idle.pop(place, None)
        return None

    def _thin(self) -> None:
        """Close those that are good no more, where there are many; if that is not enough, a place's that was long not asked."""
        if sum(map(len, self._idle.values())) <= _KEPT_IN_ALL:
            return
        now = _now()
        oldest = min(self._idle, key=lambda place: max(w.used_at for w in self._idle[place]))
        for place, wires in list(self._idle.items()):
            kept = [] if place == oldest else [w for w in wires if w.good(now)]
            for wire in wires:
                if wire not in kept:
                    wire.cut()
            self._idle[place] = kept
            if not kept:
                del self._idle[place]

    async def _connected(self, place: Place) -> Wire:
        """A wire to the first of the place's addresses that takes one."""
        scheme, host, port = place
        tls, named = (self._tls, host) if scheme == "https" else (None, None)
        for address in await permitted(host, port, resolve=self._resolve, allow_private=self._allowed):
            try:
                async with asyncio.timeout(_CONNECT_S):
                    reader, writer = await asyncio.open_connection(address, port, limit=_CHUNK, ssl=tls, server_hostname=named)
            except ssl.SSLCertVerificationError as error:
                raise Unfit(f"The certificate of {host} is not valid for it.", "refused") from error
            except OSError:  # the next one may
                continue
            return Wire(reader, writer, _now())
        raise Unsent(f"{host} cannot be reached.", "transient")

    def close(self) -> None:
        """Close what is kept."""
        for wire in (w for wires in self._idle.values() for w in wires):
            wire.cut()
        self._idle.clear()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._made_tls()


def _now() -> float:
    return asyncio.get_running_loop().time()
