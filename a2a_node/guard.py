"""Guard: what stands before the A2A application: who may come, for how long, and which extension is active."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from a2a_node.body import INVALID_REQUEST, App, Receive, Scope, Send, refuse
from a2a_node.caller import IDENTITY
from a2a_node.extension import URI
from planrail.auth import Authenticator, Unauthenticated
from planrail.standing import Standing, Watched

_OPEN = "/.well-known/"  # the card, which tells how to come in
_EXTENSIONS = b"a2a-extensions"


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, auth: Authenticator) -> None:
        self._app = app
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = _telling_extension(dict(scope["headers"]), send)
        if scope["path"].startswith(_OPEN):
            await self._app(scope, receive, told)
            return

        async def refused(error: Unauthenticated) -> None:
            challenge = ((b"www-authenticate", error.challenge.encode()),)
            await refuse(scope, send, 401, error.message, INVALID_REQUEST, challenge)

        sent, peer = _texts(scope), (scope.get("client") or (None,))[0]
        try:
            scope[IDENTITY] = await self._auth.caller(sent, peer)
        except Unauthenticated as error:
            await refused(error)
            return
        watched = Watched(Standing(self._auth, sent, peer), receive, told, refused)
        await self._app(scope, watched.receive, watched.send)


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


def _texts(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
