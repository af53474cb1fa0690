"""Heartbeat: what keeps a client from giving up on an answer that takes its time, and tells when it has gone.

Clients count the seconds without a byte: the SDK's own takes five and no more. A stream is kept alive by comments. The answer
to a call that waits is one JSON document, before which blanks mean nothing (RFC 8259, section 2): they are sent while it waits.
gRPC counts no seconds, and its library tells of clients that have gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from a2a.server.context import ServerCallContext

from a2a_node.body import JSONRPC_AT, App, Message, Receive, Scope, Send

BEAT = "planrail.beat"  # in a request's scope, and in its call context's state
_OK = 200
_OLD_REST = "/v1/"


class TooLate(Exception):
    """An answer cannot be told as an error any more; the connection is cut, and the client sends its message again."""


async def kept_alive(work: Coroutine[Any, Any, None], context: ServerCallContext) -> None:
    """Do the work, and keep the call's client alive meanwhile; where it goes the work is left, for nobody waits for it."""
    beat = context.state.get(BEAT)
    await (beat.during(work) if isinstance(beat, Beat) else work)


class Heartbeat:
    """An ASGI application around another one, whose requests may wait."""

    def __init__(self, app: App, *, every_s: float) -> None:
        self._app = app
        self._every_s = every_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_json = scope["path"] == JSONRPC_AT or scope["path"].startswith(_OLD_REST)
        beat = Beat(receive, send, self._every_s, b"application/json" if is_json else b"application/a2a+json")
        scope[BEAT] = beat
        await self._app(scope, receive, beat.send)


class Beat:
    """One request's."""

    def __init__(self, receive: Receive, send: Send, every_s: float, kind: bytes) -> None:
        self._receive = receive
        self._send = send
        self._every_s = every_s
        self._kind = kind
        self._begun = False
        self._is_gone = False

    async def send(self, message: Message) -> None:
        """Send what the application answers. After blanks its status has been told, which was that all is well."""
        if self._is_gone:
            return
        if self._begun and message["type"] == "http.response.start":
            if message["status"] != _OK:
                raise TooLate
            return
        await self._send(message)

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Send blanks until the work is done, or the client has gone."""
        doing, gone = asyncio.create_task(work), asyncio.create_task(self._gone())
        try:
            while True:
                await asyncio.wait((doing, gone), timeout=self._every_s, return_when=asyncio.FIRST_COMPLETED)
                if doing.done():
                    return doing.result()
                if gone.done():
                    self._is_gone = True
                    return None
                await self._blank()
        finally:
            doing.cancel()
            gone.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)

    async def _blank(self) -> None:
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", self._kind)]
            await self._send({"type": "http.response.start", "status": _OK, "headers": headers})
        await self._send({"type": "http.response.body", "body": b" ", "more_body": True})

    async def _gone(self) -> None:
        """Until the client has; the request's body has been read by now."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
