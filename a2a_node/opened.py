"""Opened: runs read from the journal, ready to be told."""

from __future__ import annotations

from collections.abc import AsyncIterator

from a2a_node.telling import Audience, Ground, Telling
from executor.compiled import Scripts
from executor.errors import JournalNewer
from executor.events import Recorded
from executor.journal.port import RunRecord
from executor.run import Run
from executor.submission import Principal
from planner.worst import Terms
from planrail.house import House

_SHORT = 300  # events up to which a run is read whole where only its state is wanted
_TAIL = 50


class Opened:
    """Reads and follows runs for their clients."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.runs = house.runs
        self._ground = Ground(Scripts(house.toolset.specs, Terms()), house.segments.load)
        house.hub.changed.append(self._ground.scripts.forget)

    async def whole(self, run: str, audience: Audience, *, until: int | None = None) -> Telling:
        """The run as it is, or as it was after the event of that number."""
        recorded = await self._house.journal.read(run, limit=None if until is None else max(until, 1))
        return self._told(run, recorded, audience)

    async def brief(self, record: RunRecord, audience: Audience) -> Telling:
        """The run's state, goal and context; of a long one whose row tells its state, without what lies between.

        One that a newer version goes on with is told as far as this one can read it: a list is not lost for it.
        """
        try:
            return await self._brief(record, audience)
        except JournalNewer as newer:
            return await self.whole(record.id, audience, until=newer.seq - 1)

    async def _brief(self, record: RunRecord, audience: Audience) -> Telling:
        if record.seq <= _SHORT or record.status not in ("done", "cancelled"):
            return await self.whole(record.id, audience)
        first = await self._house.journal.read(record.id, limit=1)
        last = await self._house.journal.read(record.id, after=record.seq - _TAIL)
        return self._told(record.id, [*first, *last], audience)

    def _told(self, run: str, recorded: list[Recorded], audience: Audience) -> Telling:
        telling = Telling(Run(run), self._ground, audience)
        telling.fold(recorded)
        return telling

    async def follow(self, telling: Telling, principal: Principal, *, to_the_end: bool = False) -> AsyncIterator[object]:
        """The updates from where the telling is, until the task rests; with `to_the_end` until it is over."""
        run = telling.run.id
        async for record in self.runs.events(run, principal, after=telling.run.seq):
            for update in telling.take(record):
                yield update
            if not to_the_end and telling.rests and await self._still(telling, principal):
                return

    async def _still(self, telling: Telling, principal: Principal) -> bool:
        """Whether it rests now, and not only did when what was told last happened."""
        record = await self.runs.record(telling.run.id, principal)
        return record.status not in ("queued", "running") and record.seq <= telling.run.seq

    async def rested(self, telling: Telling, principal: Principal) -> None:
        """Take the run's events until the task rests."""
        async for _ in self.follow(telling, principal):
            pass
