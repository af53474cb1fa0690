"""LocalEngine: moves runs along in this process, beside any number of engines in other processes over the same journal.

a round:  nudge the segments that got news from outside ─► take free runs (queued, or their worker is dead) ─► wait
wake-ups: the journal changed · a segment ended · a parked run is due · a second went by (for workers that died, and clocks that
          were set, which tells nobody)
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from executor.engine.alarm import Alarm
from executor.engine.carrier import Carrier
from executor.engine.port import Advance, Limits, Liveness
from executor.engine.room import Room
from executor.errors import JournalUnreachable
from executor.events import RunStatus
from executor.journal.port import Journal, RunRecord

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks for dead workers, and at the clock
_PAGE = 200


class LocalEngine:
    """Runs segments from `async with` in to out; at the end its runs go back to the queue.

    Where it ends without an error, what is in flight has `drain_s` to settle; nothing new starts meanwhile.

    `worker` is this engine's own name, which `liveness` must hold alive. `only` restricts the engine to some runs, which it
    takes even where it lacks a tool: whoever named them is told so by the run.
    """

    def __init__(
        self,
        journal: Journal,
        advance: Advance,
        *,
        liveness: Liveness,
        worker: str,
        concurrency: int = 64,
        only: frozenset[str] | None = None,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        drain_s: float = 0.0,
    ) -> None:
        self._journal = journal
        self._carrier = Carrier(journal, advance, worker=worker)
        self._liveness = liveness
        self._worker = worker
        self._limits = limits or Limits(runs=concurrency)
        self._only = only
        self._alarm = Alarm(journal, now=now, only=only)
        self._backlog: deque[RunRecord] = deque()  # queued runs that found no slot, oldest first
        self._declined: set[str] = set()  # runs that need other tools than this worker has; said once
        self._drain_s = drain_s
        self._draining = False
        self._wake = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._main = asyncio.create_task(self._run(), name=f"planrail-engine-{self._worker}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main is not None:
            self._draining = True
            if kind is None and self._drain_s > 0:
                await self._carrier.drain(self._drain_s)
            self._main.cancel()
            await asyncio.wait([self._main])
            self._main = None
            self._carrier.forget_all()  # those that were cancelled before their first step have not removed themselves
            await self._carrier.release_all()

    @property
    def carries(self) -> bool:
        return self._main is not None and not self._main.done()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            clock = asyncio.get_running_loop()
            next_look = clock.time()
            while True:
                look = clock.time() >= next_look
                if look:
                    next_look = clock.time() + LOOK_SECONDS
                await self._round(group, look=look)
                await self._woken(min(next_look, clock.time() + self._alarm.left_s))

    async def _listen(self) -> None:
        async for _ in self._journal.news():
            self._alarm.changed()
            self._wake.set()

    async def _woken(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _round(self, group: asyncio.TaskGroup, *, look: bool) -> None:
        try:
            await self._carrier.nudge()
            if self._draining:
                return
            if look or self._alarm.left_s <= 0:
                await self._alarm.ring()
            if look:
                await self._take_over(group)
            await self._take_queued(group)
        except JournalUnreachable:
            log.exception("the journal cannot be reached; the engine tries again")
        except Exception:
            log.exception("a round of the engine failed; the engine goes on")

    async def _take_over(self, group: asyncio.TaskGroup) -> None:
        """Take running runs that nobody runs: their worker is dead, or is this one, which has no segment of them."""
        running = await self._records("running")
        orphans = [r for r in running if r.id not in self._carrier and self._is_gone(r.owner) and self._may_take(r)]
        chosen = orphans[: self._free]
        await self._take(group, chosen, dead=sorted({record.owner or "" for record in chosen}))

    def _is_gone(self, owner: str | None) -> bool:
        return owner is None or owner == self._worker or not self._liveness.is_alive(owner)

    async def _take_queued(self, group: asyncio.TaskGroup) -> None:
        """Take queued runs, oldest first; a list that was read is gone through before the next one is."""
        room = Room(self._journal, self._limits)
        old = bool(self._backlog)
        if not old:
            self._backlog.extend(reversed(await self._records("queued")))
        passed: list[RunRecord] = []
        while self._free and self._backlog:
            batch: list[RunRecord] = []
            while self._backlog and len(batch) < self._free:
                record = self._backlog.popleft()
                if record.id in self._carrier or not self._may_take(record):
                    continue
                (batch if await room.take(record.principal) else passed).append(record)
            await self._take(group, batch, dead=())
        if self._backlog:  # no slot is free: those that were passed over keep their place
            self._backlog.extendleft(reversed(passed))
        elif old and self._free:
            self._wake.set()  # there may be newer ones

    def _may_take(self, record: RunRecord) -> bool:
        if record.id in self._carrier.unreadable:
            return False
        if self._only is not None or self._limits.covers(record):
            return True
        if record.id not in self._declined:
            self._declined.add(record.id)
            log.warning("run %s needs tools that this worker does not have (%s)", record.id, record.tools)
        return False

    @property
    def _free(self) -> int:
        return self._limits.runs - len(self._carrier)

    async def _records(self, status: RunStatus) -> list[RunRecord]:
        """The runs of that status that this engine may take, newest first."""
        if self._only is not None:
            found = await asyncio.gather(*(self._journal.get(run) for run in sorted(self._only)))
            return [record for record in found if record is not None and record.status == status]
        records: list[RunRecord] = []
        while True:
            page = await self._journal.find(statuses=(status,), before=records[-1].id if records else None, limit=_PAGE)
            records += page
            if len(page) < _PAGE:
                return records

    async def _take(self, group: asyncio.TaskGroup, records: Iterable[RunRecord], *, dead: Iterable[str]) -> None:
        """Take what is still free, all at once (one commit), and start its segments."""
        chosen = [record for record in records if record.id not in self._carrier]
        wanted, gone, most = [record.id for record in chosen], tuple(dead), self._limits.most
        takes = (self._journal.take(r.id, self._worker, dead=gone, principal_runs=most(r.principal)) for r in chosen)
        epochs = await asyncio.gather(*takes)
        taken = {run: epoch for run, epoch in zip(wanted, epochs, strict=True) if epoch is not None}
        if not taken:
            return
        known = await self._journal.outside(self._worker)  # a segment reads what came before its start
        for run, epoch in taken.items():
            self._carrier.begin(run, known.get(run, 0))
            group.create_task(self._segment(run, epoch), name=f"planrail-segment-{run}")

    async def _segment(self, run: str, epoch: int) -> None:
        try:
            await self._carrier.carry(run, epoch)
        finally:
            self._wake.set()
