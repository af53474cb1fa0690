"""ProcrastinateEngine: any number of workers on one PostgreSQL; a run goes to whichever has a slot.

made queued ─► job "advance R" (same transaction) ─► NOTIFY ─► a worker fetches it ─► takes the run's epoch ─► segment
a look, each half second:  parked runs that are due become queued; runs of dead workers, and queued runs that nobody came for,
                           go to this worker's own queue

A job says no more than "look at run R": it may come twice, late, or for a run that is in other hands; the epoch decides. Who
lives is told by the Pulse, not by Procrastinate's own heartbeats: `retry_job` wakes nobody up, and a stopped worker that goes
on would end the retried job under its new owner's hands. Its heartbeats serve to clear away what dead workers leave.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, ProcrastinateException
from procrastinate.jobs import Job, Status
from sqlalchemy import Engine

from executor.engine.alarm import Alarm
from executor.engine.carrier import Carrier
from executor.engine.jobs import QUEUE, TASK, advance_job
from executor.engine.patient import PatientConnector
from executor.engine.port import DRAIN_SECONDS, Advance, Limits
from executor.engine.pulse import Pulse
from executor.engine.room import Room
from executor.errors import JournalUnreachable
from executor.journal.port import Journal, RunRecord

log = logging.getLogger(__name__)

_NUDGE_SECONDS = 0.02  # between two looks for news from outside, however much is written
_POLL_SECONDS = 1.0  # between two looks for jobs, should a notification be lost
_CLEAR_SECONDS = 60.0  # between two clearances of what dead workers left
_FED = 4  # runs that one ended run calls for
_LOST_SECONDS = 5.0  # after which a cancel that has ended nothing was lost
_PAGE = 200


class ProcrastinateEngine:
    """Runs segments from `async with` in to out; at the end it drains: nothing new starts, what is in flight has `drain_s` to
    settle, and the runs go back to the queue.

    `database` is the journal's; `worker` this engine's own name, never used again.
    """

    def __init__(
        self,
        journal: Journal,
        advance: Advance,
        *,
        database: Engine,
        worker: str,
        limits: Limits | None = None,
        drain_s: float = DRAIN_SECONDS,
        away_s: float = 60.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = journal
        self._alarm = Alarm(journal, now=now)
        self._carrier = Carrier(journal, advance, worker=worker)
        self._worker = worker
        self._limits = limits or Limits()
        self._drain_s = drain_s
        self._own_queue = f"{QUEUE}.{worker}"[:128]
        conninfo = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._app = App(connector=PatientConnector(conninfo, away_s=away_s))
        self._app.task(name=TASK, queue=QUEUE)(self._look_at)
        self._pulse = Pulse(database, worker)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._seen: dict[str, tuple[str, int]] = {}  # run -> (status, epoch) when last found without a worker
        self._page_after: str | None = None
        self._declined: set[str] = set()
        self._taking: set[str] = set()  # runs that this worker takes just now: its own already, and not yet in hand

    async def __aenter__(self) -> Self:
        await self._pulse.__aenter__()
        await self._app.open_async()
        self._tasks = [
            asyncio.create_task(loop(), name=f"planrail-engine-{loop.__name__}")
            for loop in (self._work, self._listen, self._sweep, self._clear)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._carrier.begin_to_drain()
        work, listen, sweep, clear = self._tasks
        for task in (work, sweep, clear):  # news from outside still reach the segments that end now
            task.cancel()
        await _all_over((work, sweep, clear), again_s=self._drain_s + _LOST_SECONDS)
        listen.cancel()
        await asyncio.wait([listen])
        self._carrier.forget_all()
        await self._carrier.release_all()
        await self._app.close_async()
        await self._pulse.__aexit__(kind, error, trace)

    @property
    def carries(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    # -- jobs

    async def _work(self) -> None:
        """Keep Procrastinate's worker running, whatever ends it."""
        while not self._stopping.is_set():
            try:
                await self._app.run_worker_async(
                    queues=[QUEUE, self._own_queue], name=self._worker, concurrency=self._limits.runs, delete_jobs="always",
                    install_signal_handlers=False, fetch_job_polling_interval=_POLL_SECONDS, update_heartbeat_interval=1.0,
                    stalled_worker_timeout=_CLEAR_SECONDS, shutdown_graceful_timeout=self._drain_s,
                )  # fmt: skip
            except (ProcrastinateException, OSError):
                log.exception("the queue's worker failed; it starts again")
            await asyncio.sleep(_POLL_SECONDS)

    async def _look_at(self, run: str) -> None:
        """The job: take the run if it is free, and carry it on."""
        if self._has(run):
            return
        self._taking.add(run)
        try:
            record = await self._journal.get(run)
            if record is None or not self._may_take(record):
                return
            dead = [record.owner] if record.owner is not None and self._is_gone(record.owner) else []
            most = self._limits.most(record.principal)
            epoch = await self._journal.take(run, self._worker, dead=dead, principal_runs=most)
            if epoch is None:
                return
            self._carrier.begin(run, record.seq)
        except JournalUnreachable:
            log.exception("run %s could not be taken; it stays where it is", run)
            return
        finally:
            self._taking.discard(run)
        try:
            await self._carrier.carry(run, epoch)
        except asyncio.CancelledError:
            await self._carrier.release(run, epoch)
            raise
        await self._feed(record.principal)

    def _has(self, run: str) -> bool:
        """Whether the run is in this worker's hands, or about to be."""
        return run in self._carrier or run in self._taking

    def _is_gone(self, owner: str) -> bool:
        return owner == self._worker or not self._pulse.is_alive(owner)

    def _may_take(self, record: RunRecord) -> bool:
        if record.id in self._carrier.unreadable:
            return False
        if not self._limits.covers(record):
            if record.id not in self._declined:
                self._declined.add(record.id)
                log.warning("run %s needs tools that this worker does not have (%s)", record.id, record.tools)
            return False
        return True

    async def _feed(self, principal: str) -> None:
        """A run has ended or parked: call for the next ones of a principal that had no room."""
        most = self._limits.most(principal)
        if most is None or self._stopping.is_set():
            return
        try:
            waiting = await self._journal.find(
                principal=principal, statuses=("queued",), limit=min(most, _FED), oldest_first=True
            )
            for record in waiting:  # more than one: another run may have ended just now, and have called for the first
                await self._defer(advance_job(record.id, queueing_lock=record.id))
        except (JournalUnreachable, ConnectorException):
            log.exception("the next run of %s could not be called for; a look finds it", principal)

    async def _defer(self, job: Job) -> bool:
        """Whether the job is new."""
        try:
            await self._app.job_manager.defer_job_async(job)
        except AlreadyEnqueued:
            return False
        return True

    # -- looks

    async def _listen(self) -> None:
        async for _ in self._journal.news():
            self._alarm.changed()
            try:
                await self._carrier.nudge()
            except JournalUnreachable:
                log.exception("news from outside cannot be read; trying again")
            await asyncio.sleep(_NUDGE_SECONDS)

    async def _sweep(self) -> None:
        """After each heartbeat wake the runs that are due, and look for those that nobody moves."""
        while True:
            await self._pulse.ticked.wait()
            self._pulse.ticked.clear()
            try:
                await self._alarm.ring()
                for run in await self._stranded():
                    lock = f"{run}@{self._worker}"
                    await self._defer(advance_job(run, queue=self._own_queue, queueing_lock=lock))
            except (JournalUnreachable, ConnectorException):
                log.exception("a look for stranded runs failed; the next one comes soon")

    async def _stranded(self) -> list[str]:
        """Runs for this worker's free slots: those of dead workers, and those found without any in two looks."""
        free = self._limits.runs - len(self._carrier)
        if free <= 0:
            return []
        room = Room(self._journal, self._limits)
        before, self._seen = self._seen, {}
        chosen: list[str] = []
        for record in [*await self._ownerless(), *await self._queued()]:
            mark = (record.status, record.epoch)
            self._seen[record.id] = mark
            known_dead = record.owner is not None and record.owner in self._pulse.dead
            if len(chosen) < free and self._may_take(record) and (known_dead or before.get(record.id) == mark):
                if record.status == "queued" and not await room.take(record.principal):
                    continue
                chosen.append(record.id)
        return chosen

    async def _ownerless(self) -> list[RunRecord]:
        """Running runs that nobody runs."""
        found: list[RunRecord] = []
        last: str | None = None
        while page := await self._journal.find(statuses=("running",), before=last, limit=_PAGE):
            found += [r for r in page if not self._has(r.id) and (r.owner is None or self._is_gone(r.owner))]
            last = page[-1].id
            if len(page) < _PAGE:
                break
        return found

    async def _queued(self) -> list[RunRecord]:
        """A page of queued runs, oldest first; the next look takes the next page."""
        page = await self._journal.find(statuses=("queued",), before=self._page_after, limit=_PAGE, oldest_first=True)
        self._page_after = page[-1].id if len(page) == _PAGE else None
        return page

    async def _clear(self) -> None:
        """Now and then remove jobs that dead workers left: those they had in hand, and those that waited for them alone."""
        manager = self._app.job_manager
        orphaned: set[str] = set()
        while True:
            begun = time.monotonic()
            try:
                for job in await manager.get_stalled_jobs(task_name=TASK, seconds_since_heartbeat=_CLEAR_SECONDS):
                    await self._remove(job)
                queues = {str(row["name"]) for row in await manager.list_queues_async()} - {QUEUE, self._own_queue}
                dead = {queue for queue in queues if queue.removeprefix(f"{QUEUE}.") not in self._pulse.living}
                for queue in dead & orphaned:  # for the second time: not one that is just starting
                    for job in await manager.list_jobs_async(queue=queue, status=Status.TODO.value):
                        await self._remove(job)
                orphaned = dead
            except ConnectorException:
                log.info("what dead workers left could not be cleared away; later")
            await asyncio.sleep(max(_CLEAR_SECONDS - (time.monotonic() - begun), 1.0))

    async def _remove(self, job: Job) -> None:
        assert job.id is not None
        try:
            await self._app.job_manager.finish_job_by_id_async(job_id=job.id, status=Status.FAILED, delete_job=True)
        except ConnectorException:
            log.debug("job %s was removed by another worker", job.id)


async def _all_over(cancelled: Collection[asyncio.Task[None]], *, again_s: float) -> None:
    """Wait until they have ended, and cancel once more those that do not: before Python 3.12 a cancel may be lost."""
    pending = set(cancelled)
    while pending:
        _, pending = await asyncio.wait(pending, timeout=again_s)
        for task in pending:
            task.cancel()
