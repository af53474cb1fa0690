"""Channel: a run that people watch: followed, folded and put into words once in this process, however many watch it.

    journal ─► one task folds ─► at most four times a second: a document ─► each watcher is sent what is new to it

Nobody waits for a watcher that is slow: it is sent what has changed since the document that it had.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from executor.events import RunResumed
from executor.run import Run, fold
from planrail.console.document import change, document_of
from planrail.house import House

_PAUSE_S = 0.25  # between two documents, at least
_SHARE = 3  # it rests so many times as long as one took: a run of a thousand steps takes a quarter of the time at most
_AT_ONCE = 64  # events that are folded before others have their turn


class Channel:
    """What is told of one run."""

    def __init__(self, house: House, run: str) -> None:
        self.watchers = 0
        self.run = Run(run)
        self.document: dict[str, Any] | None = None
        self.failed: BaseException | None = None
        self.documents = 0  # made so far
        self._house = house
        self._viewer = house.viewer(self.run)
        self._folding = asyncio.Lock()  # whoever looks at the run, in a thread, sees it whole
        self._moved, self._news = asyncio.Event(), asyncio.Event()
        self._last: tuple[Any, Any, dict[str, Any] | None] = (None, None, None)
        self._tasks = [asyncio.create_task(work, name=f"planrail-console-{run}") for work in (self._follow(), self._tell())]

    def news(self) -> asyncio.Event:
        """Set when there is a newer document than now, or will be none."""
        return self._news

    def change(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
        """The same for whoever asks for the same."""
        if self._last[0] is not before or self._last[1] is not after:
            self._last = (before, after, change(before, after))
        return self._last[2]

    def close(self) -> None:
        """Follow it no more."""
        for task in self._tasks:
            task.cancel()

    async def _follow(self) -> None:
        try:
            async for batch in self._house.journal.follow(self.run.id):
                for begin in range(0, len(batch), _AT_ONCE):
                    async with self._folding:
                        part = batch[begin : begin + _AT_ONCE]
                        fold(self.run, part)
                        if any(isinstance(recorded.event, RunResumed) for recorded in part):
                            self._viewer = self._house.viewer(self.run)
                    await asyncio.sleep(0)
                if self.run.seq:
                    self._moved.set()
        except Exception as error:  # noqa: BLE001  # carried over to the watchers
            self._fail(error)

    async def _tell(self) -> None:
        try:
            while True:
                await self._moved.wait()
                self._moved.clear()
                begun = time.monotonic()
                async with self._folding:
                    self.document = await document_of(self._house, self.run, self._viewer)
                self.documents += 1
                self._ring()
                await asyncio.sleep(max(_PAUSE_S, _SHARE * (time.monotonic() - begun)))
        except Exception as error:  # noqa: BLE001  # likewise
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.failed = error
        self._ring()

    def _ring(self) -> None:
        rung, self._news = self._news, asyncio.Event()
        rung.set()


class Channels:
    """The channels of the runs that somebody watches."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.open: dict[str, Channel] = {}

    @contextmanager
    def watched(self, run: str) -> Iterator[Channel]:
        """The run's channel, which is closed when nobody watches it any more, or nothing comes of it."""
        channel = self.open.get(run)
        if channel is None or channel.failed is not None:
            channel = self.open[run] = Channel(self._house, run)
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if not channel.watchers:
                channel.close()
                if self.open.get(run) is channel:
                    del self.open[run]
