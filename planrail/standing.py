"""Standing: whether who began a long request may still have what it gives: a key may be revoked meanwhile, a token be over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from executor.errors import JournalUnreachable
from planrail.auth import Authenticator, Unauthenticated

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Standing:
    """One request's caller, who is asked for before anything is told; the authenticator looks anew each second."""

    def __init__(self, auth: Authenticator, headers: Sequence[tuple[str, str]], peer: str | None) -> None:
        self._auth = auth
        self._headers = headers
        self._peer = peer

    async def problem(self) -> Unauthenticated | None:
        """Why nothing more may be told; None while all is well, or the database cannot say."""
        try:
            await self._auth.caller(self._headers, self._peer)
        except Unauthenticated as problem:
            return problem
        except JournalUnreachable:
            pass
        return None


class Watched:
    """The two ends of an HTTP request while its caller stands. Then a stream ends, as where the caller has gone away.

    `refuse` answers instead of a response that has not begun.
    """

    def __init__(
        self, standing: Standing, receive: Receive, send: Send, refuse: Callable[[Unauthenticated], Awaitable[None]]
    ) -> None:
        self._standing = standing
        self._receive = receive
        self._send = send
        self._refuse = refuse
        self._over = asyncio.Event()
        self._ended = False

    async def receive(self) -> Message:
        """What the caller sends next; that it is gone, where it stands no more."""
        heard, over = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((heard, over), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if self._over.is_set() else heard.result()
        finally:
            heard.cancel()
            over.cancel()

    async def send(self, message: Message) -> None:
        """Tell it, unless the caller stands no more."""
        if self._ended:
            return
        problem = await self._standing.problem()
        if problem is None:
            await self._send(message)
            return
        self._ended = True
        if message["type"] == "http.response.start":
            await self._refuse(problem)
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self._over.set()  # last: whoever is told of it cancels this
