"""Courier: takes one subscriber in hand, tells it what it was not told of, notification by notification, and lets go of it.

take ─► the task, or the next update ─► sent ─► settled ─► … nothing more for a moment ─► let go
                                        └► failed ─► let go, until its next attempt or for good
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from a2a_node.opened import Opened
from a2a_node.push.backoff import Backoff
from a2a_node.push.known import Known
from a2a_node.push.lanes import Lanes
from a2a_node.push.notifications import Notifications, Step
from a2a_node.push.sender import Sender, Unheard
from a2a_node.push.target import Target
from a2a_node.telling import Audience
from executor.errors import JournalUnreachable
from executor.events import Recorded
from executor.journal.outbox import SqlOutbox, Subscriber
from executor.journal.port import Journal
from planner.errors import PlanrailError
from planrail.seal import Seal

log = logging.getLogger(__name__)

LEASE_MS = 10_000  # a worker that dies is missed for no longer
LINGER_S = 1.0  # for further events before the subscriber is let go
_SURE_S = 0.25  # for so long after it was last confirmed a lease is not asked for


@dataclass(frozen=True)
class Bag:
    """What couriers work with."""

    journal: Journal
    outbox: SqlOutbox
    opened: Opened
    seal: Seal
    sender: Sender
    lanes: Lanes
    known: Known
    backoff: Backoff
    holder: str  # the worker
    keep_ms: int  # how long who needs to be told nothing more is remembered


class _LeaseLost(Exception):
    """Somebody else tells it, or it is gone."""


class _Refused(Exception):
    """A notification did not arrive."""

    def __init__(self, unheard: Unheard) -> None:
        super().__init__(unheard.problem)
        self.unheard = unheard


class Courier:
    """One subscriber's, for one time. The subscriber is busy in its lane from the beginning (`Lanes.begin`)."""

    def __init__(self, bag: Bag, held: Subscriber) -> None:
        self._bag = bag
        self._held = held
        self._seq = held.seq
        self._attempts = held.attempts
        self._busy = True
        self._begun = self._sure_at = _now()

    async def carry(self) -> None:
        """Tell it everything; whatever becomes of that is settled when this returns."""
        outbox = self._bag.outbox
        try:
            over = await self._tell_all()
            await outbox.let_go(self._held, seq=self._seq, over=over)
        except _LeaseLost:
            log.info("%s of the run %s is told by others, or otherwise, or not at all any more", self._held.id, self._held.run)
            await outbox.leave(self._held)
        except _Refused as refused:
            await self._failed(refused.unheard)
        except asyncio.CancelledError:  # the worker ends: another one goes on at once
            await outbox.let_go(self._held)
            raise
        except JournalUnreachable:  # no fault of the receiver's; what was not settled is told again once it is there
            log.warning("%s of the run %s waits for the database", self._held.id, self._held.run)
            await outbox.let_go(self._held)
        except PlanrailError as error:
            await self._failed(Unheard(error.message))
        except Exception as error:
            log.exception("%s could not be told of the run %s", self._held.id, self._held.run)
            await self._failed(Unheard(f"It could not be told: {type(error).__name__}."))
        finally:
            self._rests()

    async def _tell_all(self) -> bool:
        """Tell until nothing comes for a moment; whether the run is over."""
        held, bag = self._held, self._bag
        target = Target.model_validate_json(bag.seal.open(held.body))
        audience = Audience(target.extended, target.modes)
        telling = bag.known.taken(held) or await bag.opened.whole(held.run, audience, until=held.seq or held.since)
        way = Notifications(held, target, telling)
        await self._tell(target, way.first())
        self._seq = telling.run.seq
        async with aclosing(self._batches(self._seq)) as batches:
            async for batch in batches:
                if batch:
                    self._works()
                for record in batch:
                    await self._tell(target, way.of(record))
                    self._seq = record.seq
                self._rests()
                if way.over:
                    return True
        bag.known.keep(held, telling)
        return False

    def _works(self) -> None:
        if not self._busy:
            self._busy = True
            self._sure_at = -math.inf  # it may have been changed meanwhile
            self._bag.lanes.begin(self._held.place)

    def _rests(self) -> None:
        if self._busy:
            self._busy = False
            self._bag.lanes.end(self._held.place)

    async def _batches(self, after: int) -> AsyncGenerator[list[Recorded], None]:
        """The run's further events, until none come for a moment."""
        following = self._bag.journal.follow(self._held.run, after=after)
        while True:
            try:
                async with asyncio.timeout(LINGER_S):
                    batch = await anext(following)
            except (TimeoutError, StopAsyncIteration):
                return
            yield batch

    async def _tell(self, target: Target, steps: Iterator[Step]) -> None:
        bag, held = self._bag, self._held
        for step in steps:
            async with bag.lanes.turn(held.place):
                if _now() - self._sure_at > _SURE_S and not await bag.outbox.holds(held):
                    raise _LeaseLost
                unheard = await bag.sender.send(target, step.notification)
            if unheard is not None:
                bag.lanes.refused(held.place)
                raise _Refused(unheard)
            bag.lanes.arrived(held.place)
            asked_at = _now()
            if not await bag.outbox.told(held, seq=step.seq, part=step.part):
                raise _LeaseLost
            self._sure_at, self._attempts = asked_at, 0

    async def _failed(self, unheard: Unheard) -> None:
        """Let go of it until its next attempt, or for good."""
        bag, held = self._bag, self._held
        wait_s = bag.backoff.wait_s(self._attempts + 1, random.random(), unheard.again_s)
        give_up = unheard.for_good or bag.backoff.is_over(self._failing_s)
        if await bag.outbox.failed(held, unheard.problem[:300], wait_ms=int(wait_s * 1000), give_up=give_up) and give_up:
            log.warning("%s is told of the run %s no more: %s", held.place, held.run, unheard.problem)

    @property
    def _failing_s(self) -> float:
        """For how long nothing has arrived."""
        if not self._attempts or self._held.failing_at is None:
            return 0.0
        return (self._held.now - self._held.failing_at) / 1000 + _now() - self._begun


def _now() -> float:
    return asyncio.get_running_loop().time()
