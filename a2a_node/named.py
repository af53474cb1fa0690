"""Named: a node that asks nobody who they are is asked by its own names alone.

Whoever is at the machine is its one principal, and so would be a page in the machine's browser: one whose site makes its name
one of this machine (DNS rebinding), or one that posts to another site. Programs name the node as it is, and are of no site.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from a2a_node.body import INVALID_REQUEST, App, Receive, Scope, Send, refuse

_OPEN = "/.well-known/"  # the card, which is for everybody
_HERE = ("127.0.0.1", "localhost", "::1")


class Named:
    """An ASGI application around another one, which is asked under these names and under those of this machine."""

    def __init__(self, app: App, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset((*_HERE, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(_OPEN):
            headers = dict(scope["headers"])
            origin = headers.get(b"origin")
            if not self._is_own(b"//" + headers.get(b"host", b"")):
                await refuse(scope, send, 403, "This node goes by another name: ask for it as its card does.", INVALID_REQUEST)
                return
            if origin is not None and not self._is_own(origin):
                await refuse(scope, send, 403, "No page of another site may ask this node.", INVALID_REQUEST)
                return
        await self._app(scope, receive, send)

    def _is_own(self, address: bytes) -> bool:
        try:
            return urlsplit(address.decode("latin-1")).hostname in self._names
        except ValueError:
            return False
