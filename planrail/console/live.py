"""Live: the two streams of server-sent events: of one run, and of a principal's list. They end when the session does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from executor.errors import JournalUnreachable
from executor.run import is_over
from planrail.console.channel import Channel
from planrail.console.document import beside
from planrail.console.news import Feed
from planrail.console.session import Session, Sessions
from planrail.console.watched import Watches

_BEAT_S = 10.0
_LOOK_S = 1.0  # so often the session is asked for while nothing happens


class Live:
    """Streams for whoever has signed in."""

    def __init__(self, sessions: Sessions, channels: Watches[Channel], feeds: Watches[Feed]) -> None:
        self._sessions = sessions
        self._channels = channels
        self._feeds = feeds

    def run(self, run: str, session: Session) -> EventSourceResponse:
        """First the whole run, then what changes of it, until it is over."""
        return EventSourceResponse(self._run(run, session), ping=_BEAT_S)

    def runs(self, session: Session) -> EventSourceResponse:
        """Each row that changes, from `ready` on."""
        return EventSourceResponse(self._runs(session), ping=_BEAT_S)

    async def _run(self, run: str, session: Session) -> AsyncIterator[ServerSentEvent]:
        with self._channels.of(run) as channel:
            sent: dict[str, Any] | None = None
            while channel.failed is None:
                news, now = channel.news(), channel.document
                if not await self._stands(session):
                    return
                if now is None or now is sent:
                    await _within(news)
                    continue
                aside = beside(now, channel.run.submission.principal, session.principal)
                changed = None if sent is None else channel.change(sent, now)
                more = aside if changed is None else {"may": aside["may"]}
                yield _event("view" if changed is None else "change", {**(changed or now), **more}, id=now["seq"])
                sent = now
                if is_over(now["status"]):
                    yield _event("end", {"status": now["status"]}, id=now["seq"])
                    return

    async def _runs(self, session: Session) -> AsyncIterator[ServerSentEvent]:
        with self._feeds.of(session.principal.id) as feed:
            await feed.ready.wait()
            told = feed.number
            yield _event("ready", {})
            while feed.failed is None:
                news = feed.news()
                if not await self._stands(session):
                    return
                number = feed.number
                for row in feed.after(told):
                    yield _event("row", row)
                told = number
                await _within(news)

    async def _stands(self, session: Session) -> bool:
        try:
            return await self._sessions.problem(session) is None
        except JournalUnreachable:
            return True  # nothing is told meanwhile, and it is asked again


async def _within(news: asyncio.Event) -> None:
    """Until there is news, or it is time to look."""
    try:
        async with asyncio.timeout(_LOOK_S):
            await news.wait()
    except TimeoutError:
        pass


def _event(kind: str, document: Mapping[str, Any], *, id: int | None = None) -> ServerSentEvent:
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(data, event=kind, id=None if id is None else str(id))
