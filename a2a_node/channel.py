"""Channel: a run that is told to clients of one kind: folded once and put into words once, for all of them in this process.

    journal ─► one task folds each event ─► the latest updates are kept ─► each listener takes them at its own pace

Nobody waits for a listener that is slow. One that has fallen behind what is kept is told so, and reads the journal itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import islice

from a2a_node.telling import Audience, Telling, Update
from executor.events import Recorded

_KEPT = 1024  # events
_KEPT_BYTES = 4_000_000  # of their updates
_AT_ONCE = 64  # events that are folded before listeners have their turn, and that one takes in its turn
Follow = Callable[..., AsyncIterator[list[Recorded]]]


@dataclass(frozen=True, slots=True)
class Told:
    """What an event brought, and whether the task rested after it, or was over."""

    seq: int
    updates: tuple[Update, ...]
    size: int
    rests: bool
    over: bool


class Channel:
    """What is told of one run from an event on."""

    def __init__(self, telling: Telling, follow: Follow) -> None:
        self.caught_up = asyncio.Event()  # with what the journal held when the channel was opened
        self.listeners = 0
        self.run, self.audience = telling.run.id, telling.audience
        self._telling = telling
        self._kept: deque[Told] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._failed: BaseException | None = None
        self.task = asyncio.create_task(self._tell(follow), name=f"planrail-a2a-{telling.run.id}")

    def after(self, seq: int) -> list[Told] | None:
        """What has been told of the next events; None where not all of it is kept any more. Raises what the journal raised."""
        if self._failed is not None:
            raise self._failed
        if seq >= self._telling.run.seq:
            return []
        first = self._kept[0].seq
        begin = seq + 1 - first
        return None if begin < 0 else list(islice(self._kept, begin, begin + _AT_ONCE))

    def news(self) -> asyncio.Event:
        """Set when there is more than now."""
        return self._news

    async def _tell(self, follow: Follow) -> None:
        try:
            async for batch in follow(self._telling.run.id, after=self._telling.run.seq):
                for number, record in enumerate(batch, 1):
                    self._take(record)
                    if number % _AT_ONCE == 0:
                        self._ring()
                        await asyncio.sleep(0)
                self.caught_up.set()
                self._ring()
        except Exception as error:  # noqa: BLE001  # carried over to the listeners
            self._failed = error
        self.caught_up.set()
        self._ring()

    def _take(self, record: Recorded) -> None:
        telling = self._telling
        updates = tuple(telling.take(record))
        told = Told(record.seq, updates, sum(u.ByteSize() for u in updates), telling.rests, telling.over)
        self._kept.append(told)
        self._size += told.size
        while len(self._kept) > _KEPT or (self._size > _KEPT_BYTES and len(self._kept) > 1):
            self._size -= self._kept.popleft().size

    def _ring(self) -> None:
        rung, self._news = self._news, asyncio.Event()
        rung.set()


class Channels:
    """The channels of the runs that somebody listens to."""

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._open: dict[tuple[str, Audience], Channel] = {}

    def join(self, telling: Telling) -> Channel:
        """The channel of the telling's run and audience, until it is left. A new one takes the telling over."""
        key = telling.run.id, telling.audience
        channel = self._open.get(key)
        if channel is None:
            channel = self._open[key] = Channel(telling, self._follow)
        channel.listeners += 1
        return channel

    def leave(self, channel: Channel) -> None:
        """Listen no more; the last one closes it."""
        channel.listeners -= 1
        if not channel.listeners:
            del self._open[channel.run, channel.audience]
            channel.task.cancel()
