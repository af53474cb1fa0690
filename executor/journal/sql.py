"""SqlJournal: the journal in an SQL database; see `dialect.py` for what differs from database to database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection, Engine

from executor.errors import UnknownRun
from executor.events import Event, QuotaGranted, Recorded, RunStatus
from executor.journal import outbox, plans, quotas, sessions, statements
from executor.journal.bell import Bell, Changed
from executor.journal.census import SqlCensus
from executor.journal.dialect import Dialect, explained
from executor.journal.dialects import dialect_of, parse_url
from executor.journal.gone import GoneRuns
from executor.journal.keys import SqlApiKeys
from executor.journal.outbox import SqlOutbox
from executor.journal.plans import SqlKept
from executor.journal.port import Gone, Receipt, Recent, RunRecord
from executor.journal.readers import Readers
from executor.journal.recent import count_runs, recent_runs
from executor.journal.retention import SqlRetention
from executor.journal.schema import bring_to_head
from executor.journal.shapes import SqlShapes
from executor.journal.signing import SqlSigningKeys
from executor.journal.tail import Tails
from executor.journal.timetable import SqlTimetable
from executor.journal.writer import Writer
from executor.quota import NO_QUOTA, Quota, QuotaUse, day_of
from executor.session import SessionLimits, SessionUse, Share
from executor.submission import Submission

LOCK_TIMEOUT_S = 10.0  # a database that is locked for longer is JournalUnreachable
AWAY_TIMEOUT_S = 60.0  # so is a server that does not answer for longer

Queued = Callable[[Connection, str], None]
"""Called in the transaction that makes a run (its id) queued, so that its job is there if, and only if, it is."""


class SqlJournal:
    """The journal in an SQL database; any number of processes may share it. Made by `open`, ended by `close`."""

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        *,
        timeout_s: float,
        clock: Callable[[], datetime],
        away_s: float = AWAY_TIMEOUT_S,
        queued: Queued | None = None,
    ) -> None:
        self._engine = engine
        self._dialect = dialect
        self._clock = clock
        self._bell = Bell(lambda changed, stop: dialect.watch(engine, self._elsewhere(changed), stop))
        self._tails = Tails()
        self.heard: list[Callable[[str, Sequence[Event]], None]] = []  # told what this process has appended, once it is durable
        self._queued = queued
        self._readers = Readers(engine, dialect, away_s=away_s)
        self._writer = Writer(engine, dialect, timeout_s=timeout_s, away_s=away_s, committed=self._bell.ring)
        self.census = SqlCensus(engine, dialect)
        self.keys = SqlApiKeys(self._readers, self._writer, dialect)
        self.kept = SqlKept(self._readers, self._writer)
        self.outbox = SqlOutbox(self._readers, self._writer, dialect)
        self._gone = GoneRuns()
        self.retention = SqlRetention(engine, self._readers, self._writer, dialect, self._gone, clock)
        self.shapes = SqlShapes(self._readers, self._writer, dialect, clock)
        self.signing = SqlSigningKeys(self._readers, self._writer, dialect)
        self.timetable = SqlTimetable(self._readers, self._writer, dialect)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        timeout_s: float = LOCK_TIMEOUT_S,
        away_s: float = AWAY_TIMEOUT_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        queued: Queued | None = None,
    ) -> Self:
        """The journal at that URL, made or migrated if need be; raises JournalUnreachable and JournalNewer.

        `timeout_s` is how long anything waits for another process's lock; `away_s` how long an open journal waits for a server
        that went away (one that is away at the start is an error at once). `clock` gives the events' times.
        """
        parsed = parse_url(url)
        dialect = dialect_of(parsed.get_backend_name())
        engine = await asyncio.to_thread(_opened, dialect, parsed, timeout_s)
        return cls(engine, dialect, timeout_s=timeout_s, away_s=away_s, clock=clock, queued=queued)

    @property
    def engine(self) -> Engine:
        """The database, for the artifact store and for packs; to be used from threads."""
        return self._engine

    async def close(self) -> None:
        """Write what waits, end the iterations of `changes`, and let go of the database."""
        await asyncio.to_thread(self._close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def create(
        self,
        submission: Submission,
        *,
        run: str,
        key: str,
        now: datetime,
        events: Sequence[Event] = (),
        tools: str = "",
        quota: Quota = NO_QUOTA,
    ) -> RunRecord:
        use = None if quota == NO_QUOTA else await self.quota(submission.principal.id)

        def write(connection: Connection) -> RunRecord:
            if use is not None:
                quotas.admit(connection, self._dialect, submission, key, quota, use)
            record = statements.create_run(
                connection, self._dialect, submission, run_id=run, key=key, now=now, events=events, tools=tools
            )
            if record.id == run:
                self._gone.admit(connection, submission, key)
            if submission.session is not None and record.id == run:
                sessions.enter(connection, self._dialect, run, submission.principal.id, submission.session)
            if self._queued is not None and record.id == run:
                self._queued(connection, run)
            return record

        return await self._writer.write(write, order=run, news=True)

    def append(
        self,
        run: str,
        events: Sequence[Event],
        *,
        epoch: int | None,
        status: RunStatus | None = None,
        tools: str | None = None,
        release: bool = False,
        only_if: Sequence[RunStatus] | None = None,
        quiet_after: int | None = None,
        wake_at: datetime | None = None,
    ) -> Awaitable[int | None]:
        times: list[datetime] = []
        addition = statements.Addition(
            run=run, bodies=statements.bodies_of(events), epoch=epoch, status=status, tools=tools, release=release,
            only_if=None if only_if is None else tuple(only_if), quiet_after=quiet_after, wake_at=wake_at,
        )  # fmt: skip

        def write(connection: Connection) -> int | None:
            times[:] = [self._clock()]
            seq = statements.append_events(connection, addition, times[0])
            for event in events if seq is not None else ():
                plans.count(connection, self._dialect, event, times[0])
            if seq is not None and status == "queued":
                outbox.reopen(connection, run)
                if self._queued is not None:
                    self._queued(connection, run)
            return seq

        def made(seq: int | None) -> None:
            for hear in self.heard if seq is not None else ():
                hear(run, events)
            if seq is not None and run in self._tails:
                first = seq - len(events) + 1
                self._tails.add(run, [Recorded(seq=n, at=times[0], event=event) for n, event in enumerate(events, first)])

        news = epoch is None or status == "queued" or wake_at is not None
        return self._writer.write(write, order=run, news=news, made=made)

    async def read(self, run: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        return await self._readers.read(lambda c: statements.read_events(c, run, after, limit))

    async def take(self, run: str, worker: str, *, dead: Sequence[str] = (), principal_runs: int | None = None) -> int | None:
        return await self._writer.write(
            lambda c: statements.take_run(c, self._dialect, run, worker, dead, principal_runs, self._clock()), order=run
        )

    async def get(self, run: str) -> RunRecord | None:
        return await self._readers.read(lambda c: statements.get_run(c, run))

    async def gone(self, run: str, principal: str) -> Gone | None:
        return await self._readers.read(lambda c: self._gone.find(c, run, principal))

    async def find(
        self,
        *,
        principal: str | None = None,
        statuses: Sequence[RunStatus] | None = None,
        before: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
        session: str | None = None,
    ) -> list[RunRecord]:
        return await self._readers.read(
            lambda c: statements.find_runs(c, principal, statuses, before, limit, oldest_first=oldest_first, session=session)
        )

    async def recent(self, principal: str, wish: Recent, *, limit: int = 50) -> tuple[list[RunRecord], int]:
        return await self._readers.read(lambda c: recent_runs(c, principal, wish, limit))

    async def counts(self, principal: str) -> Mapping[RunStatus, int]:
        return await self._readers.read(lambda c: count_runs(c, principal))

    async def waking(self, *, limit: int = 50) -> list[RunRecord]:
        return await self._readers.read(lambda c: statements.waking_runs(c, limit))

    async def keep_receipt(self, run: str, receipt: Receipt) -> None:
        def write(connection: Connection) -> None:
            statements.insert_receipt(connection, self._dialect, run, receipt, self._clock())
            sessions.look_again(connection, run)
            quotas.look_again(connection, run)

        await self._writer.write(write, order=run)

    async def receipts(self, run: str) -> list[Receipt]:
        return await self._readers.read(lambda c: statements.read_receipts(c, run))

    async def outside(self, worker: str) -> Mapping[str, int]:
        return await self._readers.read(lambda c: statements.outside_of(c, worker))

    async def reserve(
        self, run: str, session: str, wanted: Share, *, used: Share, limits: SessionLimits, epoch: int
    ) -> Recorded:
        found = await self._readers.read(lambda c: sessions.owed(c, run, session))
        if found is None:
            raise UnknownRun(f"There is no run {run}.")
        principal, settled = found
        asked = sessions.Reservation(run, principal, session, wanted, used, limits, epoch)
        return await self._writer.write(
            lambda c: sessions.reserve(c, self._dialect, asked, settled, self._clock()),
            order=run,
            made=lambda recorded: self._tails.add(run, [recorded]),
        )

    async def session(self, principal: str, name: str) -> SessionUse:
        return await self._readers.read(lambda c: sessions.use_of(c, principal, name))

    async def draw(self, run: str, wanted: float, *, used: float, limit: float, epoch: int) -> Recorded:
        record = await self.get(run)
        if record is None:
            raise UnknownRun(f"There is no run {run}.")
        asked = quotas.Draw(run, record.principal, wanted, used, limit, epoch)
        settled = await self._resting(asked.principal)
        return await self._writer.write(
            lambda c: quotas.draw(c, self._dialect, asked, settled, self._clock()),
            order=run,
            made=lambda recorded: self._tails.add(run, [recorded]),
        )

    async def hold(self, principal: str, name: str, wanted: float, *, used: float, limit: float) -> QuotaGranted:
        asked = quotas.Draw(name, principal, wanted, used, limit)
        settled = await self._resting(principal)
        return await self._writer.write(lambda c: quotas.hold(c, self._dialect, asked, settled), order=name)

    async def settle(self, name: str, used: float) -> None:
        await self._writer.write(lambda c: quotas.settle(c, name, used), order=name)

    async def _resting(self, principal: str) -> list[quotas.Rested]:
        return await self._readers.read(lambda c: quotas.resting(c, principal, day_of(quotas.now(c, self._dialect))))

    async def quota(self, principal: str) -> QuotaUse:
        return await self._readers.read(lambda c: quotas.use_of(c, self._dialect, principal))

    async def follow(self, run: str, *, after: int = 0) -> AsyncIterator[list[Recorded]]:
        with self._tails.of(run) as tail:
            spoiled = -1
            async for _ in self._bell.listen(run):
                batch = tail.after(after) if tail.spoiled == spoiled else None
                if batch is None:
                    spoiled = tail.spoiled
                    batch = await self.read(run, after=after)
                yield batch
                after = batch[-1].seq if batch else after

    def changes(self, run: str | None = None) -> AsyncIterator[None]:
        return self._bell.listen(run)

    def news(self) -> AsyncIterator[None]:
        return self._bell.news()

    def _elsewhere(self, changed: Changed) -> Changed:
        """`changed`, but for what this process has committed itself, of which the writer has told already."""

        def heard(runs: Collection[str] | None = None, *, news: bool = True) -> None:
            if self._writer.others_committed():
                self._tails.spoil(runs)
                changed(runs, news=news)

        return heard

    def _close(self) -> None:
        self._writer.close()
        self._bell.close()
        self._readers.close()
        self._engine.dispose()


def _opened(dialect: Dialect, url: URL, timeout_s: float) -> Engine:
    engine = dialect.engine(url, timeout_s=timeout_s)
    try:
        with explained(dialect, url):
            bring_to_head(engine, dialect, timeout_s=timeout_s)
    except BaseException:
        engine.dispose()
        raise
    return engine
