"""Recorder: writes one run's events under its epoch, in order, and folds them into the run's state.

What a run does follows its state, and the state changes by events alone. `note` changes it at once and writes behind: for what
may be lost (the start of a read). `commit` changes it when the events are durable: for what the next step stands on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from executor.events import Event, Recorded, RunStatus
from executor.journal.port import Journal
from executor.run import Run, fold

Now = Callable[[], datetime]


class Recorder:
    """One owner's pen for one run. Raises LostOwnership from `commit` once another owner has the run."""

    def __init__(self, journal: Journal, run: Run, *, epoch: int, now: Now) -> None:
        self.run = run
        self.epoch = epoch
        self._journal = journal
        self._now = now
        self._behind: list[Event] = []
        self._turn = asyncio.Lock()

    def note(self, *events: Event) -> None:
        """Fold events at once; they are written with the next commit."""
        self._behind.extend(events)
        self._fold(events)

    async def commit(
        self, *events: Event, status: RunStatus | None = None, tools: str | None = None, release: bool = False
    ) -> None:
        """Write what was noted and these events, wait until they are durable, and fold them."""
        async with self._turn:
            batch = [*self._behind, *events]
            self._behind.clear()
            if batch:
                append = self._journal.append(self.run.id, batch, epoch=self.epoch, status=status, tools=tools, release=release)
                await asyncio.shield(append)
        self._fold(events)

    async def outside(self, after: int) -> tuple[list[Recorded], int]:
        """The run's events with a higher number, and the last number."""
        found = await self._journal.read(self.run.id, after=after)
        return found, found[-1].seq if found else after

    def absorb(self, records: Sequence[Recorded]) -> None:
        """Fold what others have written."""
        fold(self.run, records)

    def _fold(self, events: Sequence[Event]) -> None:
        at = self._now()
        fold(self.run, (Recorded(seq=self.run.seq, at=at, event=e) for e in events))
