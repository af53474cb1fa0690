"""LocalEngine: moves runs along in this process, beside any number of engines in other processes over the same journal.

a round:  nudge the segments that got news from outside ─► take free runs (queued, or their worker is dead) ─► wait
wake-ups: the journal changed · a segment ended · a second went by (for workers that died, which tells nobody)
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from executor.engine.port import Advance, Liveness
from executor.errors import JournalUnreachable, LostOwnership
from executor.events import RunEnded, RunStatus
from executor.journal.port import Journal, RunRecord

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks for dead workers
_PAGE = 200


class LocalEngine:
    """Runs segments from `async with` in to out; at the end its runs go back to the queue.

    `worker` is this engine's own name, which `liveness` must hold alive. At most `concurrency` segments run at a time; more
    runs stay queued. `only` restricts the engine to some runs.
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
    ) -> None:
        self._journal = journal
        self._advance = advance
        self._liveness = liveness
        self._worker = worker
        self._concurrency = concurrency
        self._only = only
        self._segments: dict[str, asyncio.Event] = {}  # run -> nudge
        self._nudged: dict[str, int] = {}  # run -> seq of the last event from outside that its segment was told of
        self._backlog: deque[str] = deque()  # queued runs that found no slot, oldest first
        self._wake = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._main = asyncio.create_task(self._run(), name=f"planrail-engine-{self._worker}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main is not None:
            self._main.cancel()
            await asyncio.wait([self._main])
            self._main = None
            self._segments.clear()  # those that were cancelled before their first step have not removed themselves
            await self._release_all()

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
                await self._woken(next_look)

    async def _listen(self) -> None:
        async for _ in self._journal.changes():
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
            await self._nudge()
            if look:
                await self._take_over(group)
            await self._take_queued(group)
        except JournalUnreachable:
            log.exception("the journal cannot be reached; the engine tries again")
        except Exception:
            log.exception("a round of the engine failed; the engine goes on")

    async def _nudge(self) -> None:
        if not self._segments:
            return
        for run, seq in (await self._journal.outside(self._worker)).items():
            if run in self._segments and seq > self._nudged[run]:
                self._nudged[run] = seq
                self._segments[run].set()

    async def _take_over(self, group: asyncio.TaskGroup) -> None:
        """Take running runs that nobody runs: their worker is dead, or is this one, which has no segment of them."""
        orphans: list[str] = []
        dead: set[str] = set()
        for record in await self._records("running"):
            if record.id not in self._segments and self._is_gone(record.owner):
                orphans.append(record.id)
                dead.add(record.owner or "")
        await self._take(group, orphans[: self._free], dead=sorted(dead))

    def _is_gone(self, owner: str | None) -> bool:
        return owner is None or owner == self._worker or not self._liveness.is_alive(owner)

    async def _take_queued(self, group: asyncio.TaskGroup) -> None:
        while self._free:
            if not self._backlog:
                self._backlog.extend(record.id for record in reversed(await self._records("queued")))
            if not self._backlog:
                return
            batch = [self._backlog.popleft() for _ in range(min(self._free, len(self._backlog)))]
            await self._take(group, batch, dead=())

    @property
    def _free(self) -> int:
        return self._concurrency - len(self._segments)

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

    async def _take(self, group: asyncio.TaskGroup, runs: Iterable[str], *, dead: Iterable[str]) -> None:
        """Take what is still free, all at once (one commit), and start its segments."""
        wanted = [run for run in runs if run not in self._segments]
        gone = tuple(dead)
        epochs = await asyncio.gather(*(self._journal.take(run, self._worker, dead=gone) for run in wanted))
        taken = {run: epoch for run, epoch in zip(wanted, epochs, strict=True) if epoch is not None}
        if not taken:
            return
        known = await self._journal.outside(self._worker)  # a segment reads what came before its start
        for run, epoch in taken.items():
            self._segments[run] = asyncio.Event()
            self._nudged[run] = known.get(run, 0)
            group.create_task(self._segment(run, epoch, self._segments[run]), name=f"planrail-segment-{run}")

    async def _segment(self, run: str, epoch: int, nudge: asyncio.Event) -> None:
        """One segment, and whatever becomes of it: the run never hangs, and no other segment is troubled."""
        try:
            await self._advance(run, epoch, nudge)
            if await self._holds(run, epoch):
                raise _Unfinished
        except LostOwnership:
            log.info("run %s was taken over or ended elsewhere", run)
        except Exception as error:
            log.exception("a segment of run %s failed", run)
            await self._fail(run, epoch, error)
        finally:
            del self._segments[run]
            del self._nudged[run]
            self._wake.set()

    async def _holds(self, run: str, epoch: int) -> bool:
        record = await self._journal.get(run)
        return record is not None and (record.status, record.owner, record.epoch) == ("running", self._worker, epoch)

    async def _fail(self, run: str, epoch: int, error: Exception) -> None:
        reason = f"Planrail itself failed ({type(error).__name__}); the run can be resumed"
        ended = RunEnded(status="failed", reason=reason, hint="The log has the details.")
        try:
            await self._journal.append(run, [ended], epoch=epoch, status="failed", release=True, only_if=["running"])
        except LostOwnership:
            log.info("run %s was taken over meanwhile", run)
        except Exception:
            log.exception(
                "run %s could not be ended; it is taken up again", run
            )  # by the next look: it is ours, without a segment

    async def _release_all(self) -> None:
        """Give every run that is still this worker's back to the queue, so that another worker may take it at once."""
        try:
            held = [record for record in await self._records("running") if record.owner == self._worker]
            await asyncio.gather(*(self._release(record) for record in held))
        except JournalUnreachable:
            log.exception("runs could not be released; others take them over when this process has ended")

    async def _release(self, record: RunRecord) -> None:
        try:
            await self._journal.append(record.id, [], epoch=record.epoch, status="queued", release=True, only_if=["running"])
        except LostOwnership:
            log.info("run %s was taken over meanwhile", record.id)


class _Unfinished(Exception):
    """A segment came to its end and neither ended nor parked its run."""
