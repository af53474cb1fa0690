"""Recorder: writes one run's events under its epoch, in order, and folds them into the run's state.

What a run does follows its state, and the state changes by events alone. `note` changes it at once and writes behind: for what
may be lost (the start of a read). `commit` changes it when the events are durable: for what the next step stands on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from executor.events import Event, Recorded, RunStatus
from executor.journal.port import Journal
from executor.run import Run, fold
from executor.session import SessionLimits, Share, covers, used_by

Now = Callable[[], datetime]
NO_CEILINGS = SessionLimits()


class Recorder:
    """One owner's pen for one run. Raises LostOwnership from `commit` once another owner has the run.

    Events are written in the order in which they were given. Once a write has failed, every later commit fails alike: what
    was noted is not in the journal, so that nothing may stand on it.
    """

    def __init__(
        self,
        journal: Journal,
        run: Run,
        *,
        epoch: int,
        now: Now,
        clock: Callable[[], float] = time.monotonic,
        session: SessionLimits = NO_CEILINGS,
        usd_a_day: float | None = None,
    ) -> None:
        self.run = run
        self.epoch = epoch
        self._journal = journal
        self._now = now
        self._clock = clock
        self._begun = clock()
        self._session = session
        self._usd_a_day = usd_a_day  # of the run's principal
        self._drawn = False  # whether this owner has drawn of it
        self._covered = False  # whether what an earlier segment had reserved is reserved again
        self._behind: list[Event] = []
        self._turn = asyncio.Lock()
        self._writing: asyncio.Future[int | None] | None = None
        self._batch: list[Event] = []  # what is being written
        self._offered: dict[object, tuple[Event, ...]] = {}  # by commits that wait for their turn

    async def unwritten(self) -> list[Event]:
        """What was given and did not reach the journal, once the write that is on its way has ended."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            if not self._writing.cancelled() and self._writing.exception() is None:
                self._writing, self._batch = None, []
        return [*self._batch, *self._behind, *(event for events in self._offered.values() for event in events)]

    @property
    def seconds(self) -> float:
        """How long this owner has had the run, by a clock that nobody sets."""
        return round(self._clock() - self._begun, 6)

    @property
    def behind(self) -> bool:
        """Whether something was noted that is not written yet."""
        return bool(self._behind)

    def note(self, *events: Event) -> None:
        """Fold events at once; they are written with the next commit."""
        self._behind.extend(events)
        self._fold(events)

    async def commit(
        self,
        *events: Event,
        status: RunStatus | None = None,
        tools: str | None = None,
        release: bool = False,
        quiet_after: int | None = None,
        wake_at: datetime | None = None,
    ) -> bool:
        """Write what was noted and these events, wait until they are durable, and fold them; see `Journal.append`.

        With `quiet_after` nothing of that happens, and False is returned, if something came from outside after that number.
        """
        mark = object()
        self._offered[mark] = events
        async with self._turn:
            await self._settled()
            del self._offered[mark]
            batch = [*self._behind, *events]
            if batch or status is not None or tools is not None or release:
                self._batch = batch
                self._writing = asyncio.ensure_future(
                    self._journal.append(
                        self.run.id,
                        batch,
                        epoch=self.epoch,
                        status=status,
                        tools=tools,
                        release=release,
                        quiet_after=quiet_after,
                        wake_at=wake_at,
                    )
                )
                del self._behind[:]
                if await self._settled() is None and quiet_after is not None:
                    self._behind[:0] = batch[: len(batch) - len(events)]
                    return False
            self._fold(events)
            return True

    @property
    def shares(self) -> bool:
        """Whether the run shares a ceiling with others: its session's, or its principal's."""
        return self.run.submission.session is not None or self._usd_a_day is not None

    async def cover(self, wanted: Share) -> None:
        """Reserve that much, in all, of what the run shares with others, as far as there is so much left.

        See `executor.session` and `executor.quota`.
        """
        await self._cover_session(wanted)
        limit, drawn = self._usd_a_day, self.run.drawn
        if limit is None or wanted.usd <= self.run.usage.usd:
            return
        if not (self._drawn and drawn is not None and drawn.usd >= wanted.usd):
            async with self._turn:
                await self._settled()
                name, used = self.run.id, self.run.usage.usd
                recorded = await self._journal.draw(name, wanted.usd, used=used, limit=limit, epoch=self.epoch)
                self._drawn = True
                fold(self.run, [recorded])

    async def _cover_session(self, wanted: Share) -> None:
        name, granted = self.run.submission.session, self.run.granted
        if name is None or (self._covered and granted is not None and covers(granted, wanted)):
            return
        async with self._turn:
            await self._settled()
            limits, used = self._session, used_by(self.run)
            recorded = await self._journal.reserve(self.run.id, name, wanted, used=used, limits=limits, epoch=self.epoch)
            self._covered = True
            fold(self.run, [recorded])

    async def _settled(self) -> int | None:
        """Wait for the write that is on its way, be its caller cancelled or not; one that failed stays for all who come."""
        if self._writing is None:
            return None
        seq = await asyncio.shield(self._writing)
        self._writing, self._batch = None, []
        return seq

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
