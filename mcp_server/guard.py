"""Guard: what stands before MCP over HTTP: how often a caller may come, and for how long. Who it is, the SDK asks as well."""

from __future__ import annotations

import json
from typing import Any

from planrail.auth import Authenticator, Unauthenticated
from planrail.quota import Quotas, TooManyRequests, retry_after
from planrail.standing import Receive, Send, Standing, Watched

_OPEN = "/.well-known/"  # what tells how to come in


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: Any, auth: Authenticator, quotas: Quotas) -> None:
        self._app = app
        self._auth = auth
        self._quotas = quotas

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        peer = (scope.get("client") or (None,))[0]
        try:
            known = await self._auth.caller(sent, peer)
            self._quotas.admit(known.principal.id)
        except Unauthenticated:
            await self._app(scope, receive, send)  # which refuses it, and says where tokens come from
            return
        except TooManyRequests as error:
            again = (b"retry-after", str(retry_after(error.again_in_s)).encode())
            await _refuse(send, 429, f"{error.message} {error.hint}", again)
            return

        async def refused(error: Unauthenticated) -> None:
            await _refuse(send, 401, error.message, (b"www-authenticate", error.challenge.encode()))

        watched = Watched(Standing(self._auth, sent, peer), receive, send, refused)
        await self._app(scope, watched.receive, watched.send)


async def _refuse(send: Send, status: int, words: str, header: tuple[bytes, bytes]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": words}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
