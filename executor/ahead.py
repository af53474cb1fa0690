"""Ahead: makes the reads that the beginning of a plan asks for, while the planner's model is still writing the rest.

    piece of the reply ─► script ─► certified prefix ─► reads that may be early ─► calls, journaled as the run's own
                                                                                       │
    the plan is certified ─► its scheduler takes their results, and waits for those in flight instead of calling again

Only reads that are closed-world, free and without effect are made. They are asked of the ceilings as any call; as nobody knows
whether the plan will be accepted, at most as many as the budget's reserve allows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from executor.early import early_of, early_start, end_of
from executor.early_reads import AHEAD
from executor.errors import LostOwnership
from executor.events import CallFailed, CallFinished, CeilingReached
from executor.frame import Start
from executor.leave import Leave
from executor.ledger import Ledger, Need
from executor.nudge import is_draining
from executor.perform import Ended, Performer
from executor.recorder import Recorder
from executor.shadow import Shadow
from executor.weight import is_weighty
from planner.check import Ground
from planner.here import calling
from planner.llm.port import Restarted
from planner.streamed import Streamed

log = logging.getLogger(__name__)
_ONE = Need(calls=1)


class Ahead:
    """The early reads of one run, in one segment. `ledger` is that of all that planning takes."""

    def __init__(
        self, recorder: Recorder, performer: Performer, *, keep: Callable[[Ended], Ended], nudge: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.ledger = Ledger(recorder.run)
        self._recorder = recorder
        self._run = recorder.run
        self._performer = performer
        self._keep = keep
        self._nudge = nudge
        self._now = now
        self._ground: Ground | None = None
        self._streamed = Streamed()
        self._shadow: Shadow | None = None
        self._stopped = False
        self._tasks: dict[str, asyncio.Task[Ended]] = {}
        self._ended: dict[str, Ended] = {}  # with large values as they are
        self._awaited: dict[str, Start] = {}  # early read → the shadow's call that takes it
        self._ring: Callable[[], None] | None = None

    # -- while the plan is being written

    def most(self) -> Need:
        """The most calls that are made at once: what is asked of the run's session in front."""
        return Need(calls=max(min(self._spare(), self._run.budget.parallel), 0))

    def _spare(self) -> int:
        """How many more may be made: what is read for a plan that is refused comes out of the reserve."""
        return int(self._run.budget.calls * self._run.budget.reserve) - self._run.calls_of.get(AHEAD, 0)

    def begin(self, ground: Ground) -> None:
        """A plan begins to be written: forget the beginning of an earlier one, but not what was read."""
        self._ground, self._streamed = ground, Streamed()
        self._anew()

    def heard(self, piece: str | Restarted) -> None:
        """Take a piece of the planner's reply, and start what it makes possible."""
        if self._ground is None or self._shadow is None:
            return
        if isinstance(piece, Restarted):
            self.begin(self._ground)
            return
        begun = self._streamed.begun
        text = self._streamed.feed(piece)
        if self._streamed.begun != begun:
            self._anew()
        if text and self._shadow.feed(text):
            self._go()

    def _anew(self) -> None:
        assert self._ground is not None
        self._awaited.clear()
        self._shadow = Shadow(self._run, self._ground)

    def _go(self) -> None:
        """Make what may be made now, or take what was read before."""
        shadow, more = self._shadow, True
        while more and shadow is not None and not self._stopped and not is_draining(self._nudge):
            more = False
            room = self._run.budget.parallel - len(self._tasks)
            busy = frozenset(start.address for start in self._awaited.values())
            for start in shadow.starts(busy, max(room, 1), self._now()):
                known = self._known(shadow, start)
                if known:
                    self._take(shadow, start, known)
                elif room <= 0 or not self._start(shadow, start):
                    return
                else:
                    room -= 1
                more = True

    def _known(self, shadow: Shadow, start: Start) -> str:
        """The early read that an earlier beginning has made of this call, if its result is at hand or comes."""
        while item := early_of(self._run, start, shadow.used):
            ended = end_of(self._run, item)
            if ended is not None and (isinstance(ended, CallFailed) or ended.artifact is None):
                self._ended.setdefault(item, ended)  # read by another process, before a crash
            if item in self._tasks or item in self._ended:
                return item
            shadow.used.add(item)  # lost with its process, or too large to be had here
        return ""

    def _take(self, shadow: Shadow, start: Start, item: str) -> None:
        """Let a call take an early read, now or when it ends."""
        shadow.used.add(item)
        if item in self._ended:
            shadow.take(start, item, self._ended[item], self._now())
        else:
            self._awaited[item] = start

    def _start(self, shadow: Shadow, start: Start) -> bool:
        """Start a read, if the ceilings allow it."""
        item = str(sum(1 for step, _ in self._run.calls if step == AHEAD) + 1)
        if self._spare() <= 0 or self.ledger.ask((AHEAD, item), _ONE) is not None:
            self._stopped = True
            return False
        bare = replace(start, step=replace(start.step, id=AHEAD), item=item, otherwise=None)
        event = early_start(self._run, bare)
        self._recorder.note(event)
        self.ledger.release((AHEAD, item), _ONE)
        shadow.used.add(item)
        self._awaited[item] = start
        with calling(AHEAD, item):
            task = asyncio.create_task(self._read(bare, event.key), name=f"{self._run.id} {AHEAD} {item}")
        self._tasks[item] = task
        task.add_done_callback(partial(self._over, item))
        return True

    async def _read(self, start: Start, key: str) -> Ended:
        leave = Leave(start.address, self._recorder, self.ledger, self._nudge, self._now, self._refused)
        ended = await self._performer.perform(start, key, leave)
        weighty = isinstance(ended, CallFinished) and is_weighty(ended.value)
        await self._recorder.commit(await asyncio.to_thread(self._keep, ended) if weighty else ended)
        self.ledger.settle(start.address)
        return ended

    def _refused(self, ceiling: CeilingReached) -> None:
        self._stopped = True

    def _over(self, item: str, task: asyncio.Task[Ended]) -> None:
        del self._tasks[item]
        waiting = self._awaited.pop(item, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, LostOwnership):
            log.error("an early read of run %s failed", self._run.id, exc_info=error)
        if not task.cancelled() and error is None:
            self._ended[item] = task.result()
            if self._shadow is not None and waiting is not None:
                self._shadow.take(waiting, item, task.result(), self._now())
        self._go()
        if self._ring is not None:
            self._ring()

    # -- when there is a plan

    def hand_over(self) -> None:
        """Start nothing more; give up what the certified plan does not wait for."""
        used = set() if self._shadow is None else self._shadow.used
        self._shadow = None
        for item in self._tasks.keys() - used:
            self._tasks[item].cancel()

    def heed(self, ring: Callable[[], None]) -> None:
        """Tell somebody when a read in flight ends."""
        self._ring = ring

    def flies(self, item: str) -> bool:
        """Whether the early read is in flight here."""
        return item in self._tasks

    @property
    def unclaimed(self) -> int:
        """How many are in flight for which no call of the plan waits yet."""
        return sum(1 for item in self._tasks if item not in self._run.early.taken)

    async def end_of(self, item: str) -> Ended:
        """How a read in flight ends; raises what went wrong with it."""
        return await asyncio.shield(self._tasks[item])

    async def end(self) -> None:
        """Give up what is in flight."""
        self._shadow = None
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
