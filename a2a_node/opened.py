"""Opened: runs read from the journal, ready to be told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from a2a.types.a2a_pb2 import Task

from a2a_node.channel import Channel, Channels, Told
from a2a_node.telling import Audience, Ground, Telling, Update
from executor.compiled import Scripts
from executor.errors import JournalNewer
from executor.events import Recorded
from executor.journal.port import RunRecord
from executor.run import Run
from planner.worst import Terms
from planrail.house import House

_SHORT = 300  # events up to which a run is read whole where only its state is wanted
_TAIL = 50
_PAGE = 128  # events that a listener takes at once who is behind


class Opened:
    """Reads and follows runs for their clients."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.runs = house.runs
        self._channels = Channels(house.journal.follow)
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

    async def stream(
        self, run: str, audience: Audience, *, until: int | None = None, to_the_end: bool = False
    ) -> AsyncGenerator[Task | Update]:
        """The task as it is, or was after the event of that number, then what changes.

        Until the task rests; with `to_the_end` until it is over.
        """
        telling = await self.whole(run, audience, until=until)
        yield telling.task()
        place, behind = _Place(telling), until is not None
        while True:
            while behind:  # by itself, until it has what the others have
                page = await self._house.journal.read(run, after=telling.run.seq, limit=_PAGE)
                for record in page:
                    for update in telling.take(record):
                        yield update
                place, behind = _Place(telling), len(page) == _PAGE
            channel = self._channels.join(telling)
            del telling  # it is the channel's, or nobody's: what waits for long holds no run
            try:
                async with aclosing(self._together(channel, place, to_the_end=to_the_end)) as updates:
                    async for update in updates:
                        yield update
            finally:
                self._channels.leave(channel)
            if not place.behind:
                return
            telling, behind = await self.whole(run, audience, until=place.seq), True

    async def _together(self, channel: Channel, place: _Place, *, to_the_end: bool) -> AsyncGenerator[Update]:
        """The updates that all are told who listen to the run, until it ends so, or the place has fallen behind."""
        await channel.caught_up.wait()
        while True:
            news, told = channel.news(), channel.after(place.seq)
            if told is None:
                place.behind = True
                return
            for each in told:
                for update in each.updates:
                    yield update
                place.at(each)
            if told:
                continue  # there may be more by now
            if place.over or (place.rests and not to_the_end and await self._still(channel.run, place.seq)):
                return
            await news.wait()

    async def rested(self, telling: Telling) -> None:
        """Take the run's events until the task rests; only the whole can be told then."""
        async for batch in self._house.journal.follow(telling.run.id, after=telling.run.seq):
            telling.skip(batch)
            if telling.over or (telling.rests and await self._still(telling.run.id, telling.run.seq)):
                return

    async def _still(self, run: str, seq: int) -> bool:
        """Whether it rests now, and not only did when the event of that number happened."""
        record = await self._house.journal.get(run)
        return record is None or (record.status not in ("queued", "running") and record.seq <= seq)


class _Place:
    """Where a listener is."""

    def __init__(self, telling: Telling) -> None:
        self.seq = telling.run.seq
        self.rests = telling.rests
        self.over = telling.over
        self.behind = False

    def at(self, told: Told) -> None:
        self.seq, self.rests, self.over = told.seq, told.rests, told.over
