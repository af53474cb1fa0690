"""Deliveries: a worker's part in telling subscribers: it looks for what is due when a run has changed or a time has come.

Any number of workers of a database do this at once; a subscriber is in one's hand at a time (`executor.journal.outbox`).
"""

from __future__ import annotations

import asyncio
import logging

from a2a_node.push.courier import LEASE_MS, Bag, Courier
from executor.errors import JournalUnreachable
from executor.journal.outbox import Subscriber

log = logging.getLogger(__name__)

_RENEW_S = 3.0  # between two renewals of the leases
_TIDY_S = 60.0
_PAUSE_S = 0.05  # least between two looks, which a busy database would else be asked for all the time
_LONGEST_PAUSE_S = 1.0
_LOOKS = 10  # times as long as a look took nobody looks again
_AWAY_S = 1.0  # after a look that failed


class Deliveries:
    """Carries until it is cancelled; what is in hand then is let go of, for others to go on with."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._wake = bag.lanes.freed
        self._couriers: dict[asyncio.Task[None], tuple[str, str]] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="planrail-push-listen")
            group.create_task(self._renew(), name="planrail-push-renew")
            group.create_task(self._tidy(), name="planrail-push-tidy")
            while True:
                self._wake.clear()
                pause_s, next_s = await self._look(group)
                await asyncio.sleep(pause_s)
                try:
                    async with asyncio.timeout(next_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # the time of an attempt has come

    async def _look(self, group: asyncio.TaskGroup) -> tuple[float, float | None]:
        """Take in hand what is due; how long to pause, and how long after that until something else is due."""
        bag, clock = self._bag, asyncio.get_running_loop().time
        begun = clock()
        try:
            if bag.lanes.room:
                await self._take(group)
            next_ms = await bag.outbox.next_due_ms()
        except JournalUnreachable:
            log.exception("the outbox cannot be reached; trying again")
            return _AWAY_S, 0.0
        except Exception:
            log.exception("a look into the outbox failed; trying again")
            return _AWAY_S, 0.0
        return min(max(_PAUSE_S, (clock() - begun) * _LOOKS), _LONGEST_PAUSE_S), None if next_ms is None else next_ms / 1000

    async def _take(self, group: asyncio.TaskGroup) -> None:
        bag = self._bag
        chosen: list[Subscriber] = []
        try:
            for found in await bag.outbox.due(bag.lanes.room, full=bag.lanes.full):
                if found.place not in bag.lanes.full:
                    bag.lanes.begin(found.place)  # what is taken counts at once for its place
                    chosen.append(found)
            held = await bag.outbox.take(chosen, bag.holder, lease_ms=LEASE_MS) if chosen else []
        except BaseException:
            self._end(chosen)
            raise
        taken = {(each.run, each.id) for each in held}
        self._end([each for each in chosen if (each.run, each.id) not in taken])
        for each in held:
            task = group.create_task(self._carry(each), name=f"planrail-push-{each.run}")
            self._couriers[task] = (each.run, each.id)
            task.add_done_callback(lambda done: self._couriers.pop(done, None))

    def _end(self, subscribers: list[Subscriber]) -> None:
        for each in subscribers:
            self._bag.lanes.end(each.place)

    async def _carry(self, held: Subscriber) -> None:
        try:
            await Courier(self._bag, held).carry()
        except Exception:
            log.exception("what became of a notification could not be settled; its lease ends by itself")
        self._wake.set()

    async def _listen(self) -> None:
        async for _ in self._bag.journal.changes():
            self._wake.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            if not self._couriers:
                continue
            try:
                await self._bag.outbox.renew(self._bag.holder, lease_ms=LEASE_MS)
            except Exception:
                log.exception("the leases of notifications could not be renewed")

    async def _tidy(self) -> None:
        while True:
            try:
                await self._bag.outbox.tidy(keep_ms=self._bag.keep_ms)
            except Exception:
                log.exception("the outbox could not be tidied")
            await asyncio.sleep(_TIDY_S)
