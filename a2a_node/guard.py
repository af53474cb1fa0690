"""Guard: what stands before the A2A application: who may come, how often, for how long, and which extension is active."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from a2a_node.body import INVALID_REQUEST, App, Receive, Scope, Send, refuse
from a2a_node.caller import IDENTITY
from a2a_node.exhausted import CODE, TURN, Turn, details_of, seconds_of, words_of
from a2a_node.extension import URI
from executor.errors import QuotaExceeded
from planrail.auth import Authenticator, Unauthenticated
from planrail.quota import Quotas, TooManyRequests
from planrail.standing import Standing, Watched

_OPEN = "/.well-known/"  # the card, which tells how to come in
_EXTENSIONS = b"a2a-extensions"


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, auth: Authenticator, quotas: Quotas) -> None:
        self._app = app
        self._auth = auth
        self._quotas = quotas

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
            scope[IDENTITY] = known = await self._auth.caller(sent, peer)
            self._quotas.admit(known.principal.id)
        except Unauthenticated as error:
            await refused(error)
            return
        except TooManyRequests as error:
            await _refuse_for_now(scope, send, error)
            return
        scope[TURN] = turn = Turn()
        watched = Watched(Standing(self._auth, sent, peer), receive, _unless_exhausted(scope, turn, told), refused)
        await self._app(scope, watched.receive, watched.send)


def _unless_exhausted(scope: Scope, turn: Turn, send: Send) -> Send:
    """Says that the caller has had enough, in the place of a response that has not begun."""
    said = False

    async def told(message: MutableMapping[str, Any]) -> None:
        nonlocal said
        if turn.refused is not None and message["type"] == "http.response.start" and not said:
            said = True
            await _refuse_for_now(scope, send, turn.refused, turn.request)
        elif not said:
            await send(message)

    return told


async def _refuse_for_now(scope: Scope, send: Send, error: QuotaExceeded | TooManyRequests, request: object = None) -> None:
    again = ((b"retry-after", str(seconds_of(error)).encode()),)
    await refuse(scope, send, 429, words_of(error), CODE, again, request=request, details=details_of(error))


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
