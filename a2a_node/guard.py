"""Guard: what stands before the A2A application: who may come, how much may be sent, and which extension is active."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from a2a_node.caller import LOCAL, PRINCIPAL
from a2a_node.extension import URI
from planrail.auth import Authenticator

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN = "/.well-known/"  # the card, which tells how to come in
_EXTENSIONS = b"a2a-extensions"


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, auth: Authenticator, *, max_body: int) -> None:
        self._app = app
        self._auth = auth
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not scope["path"].startswith(_OPEN):
            scope[PRINCIPAL] = LOCAL
            if self._auth.settings.configured:
                scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
                found = await self._auth.principal(token.strip()) if scheme.lower() == "bearer" else None
                if found is None:
                    await _refuse(send, 401, "Come with a bearer token.", ((b"www-authenticate", b'Bearer realm="planrail"'),))
                    return
                scope[PRINCIPAL] = found
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_body:
            await _refuse(send, 413, f"A request is {self._max_body} bytes long at most.")
            return
        body = _Bounded(receive, self._max_body)
        try:
            await self._app(scope, body.receive, _telling_extension(headers, send))
        except _TooLong:
            await _refuse(send, 413, f"A request is {self._max_body} bytes long at most.")


class _TooLong(Exception):
    """More was sent than may be."""


class _Bounded:
    """A request's body, up to a length."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLong
        return message


def _telling_extension(headers: dict[bytes, bytes], send: Send) -> Send:
    """Says in the response that the extension is active, where it is (A2A 1.0, section 4.6)."""
    asked = {e.strip() for e in headers.get(_EXTENSIONS, b"").decode("latin-1").split(",")}
    if URI not in asked:
        return send

    async def told(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (_EXTENSIONS, URI.encode())]
        await send(message)

    return told


async def _refuse(send: Send, status: int, problem: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = json.dumps({"error": {"code": status, "message": problem}}).encode()
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
