"""Channel: a run that people watch: followed, folded and put into words once in this process, however many watch it.

    journal ─► one task folds ─► at most four times a second: a document ─► each watcher is sent what is new to it

Nobody waits for a watcher that is slow: it is sent what has changed since the document that it had.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from executor.events import RunResumed
from executor.run import Run, fold
from planrail.console.document import change, document_of
from planrail.console.watched import Watched
from planrail.house import House

_PAUSE_S = 0.25  # between two documents, at least
_SHARE = 3  # it rests so many times as long as one took: a run of a thousand steps takes a quarter of the time at most
_AT_ONCE = 64  # events that are folded before others have their turn


class Channel(Watched):
    """What is told of one run."""

    def __init__(self, house: House, run: str) -> None:
        super().__init__()
        self.run = Run(run)
        self.document: dict[str, Any] | None = None
        self._house = house
        self._viewer = house.viewer(self.run)
        self._folding = asyncio.Lock()  # whoever looks at the run, in a thread, sees it whole
        self._moved = asyncio.Event()
        self._last: tuple[Any, Any, dict[str, Any] | None] = (None, None, None)
        for work in (self._follow, self._tell):
            self._begin(work, f"planrail-console-{run}")

    def change(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
        """The same for whoever asks for the same."""
        if self._last[0] is not before or self._last[1] is not after:
            self._last = (before, after, change(before, after))
        return self._last[2]

    async def _follow(self) -> None:
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

    async def _tell(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            begun = time.monotonic()
            async with self._folding:
                self.document = await document_of(self._house, self.run, self._viewer)
            self._ring()
            await asyncio.sleep(max(_PAUSE_S, _SHARE * (time.monotonic() - begun)))
