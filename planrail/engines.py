"""Engines: the database URL chooses the journal and what moves runs along: SQLite the embedded engine, PostgreSQL workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from executor.engine.local import LocalEngine
from executor.engine.lock import WorkerLock
from executor.engine.port import DRAIN_SECONDS, Advance, Limits
from executor.errors import JournalUnreachable
from executor.journal.dialects import parse_url
from executor.journal.sql import SqlJournal
from executor.journal.tables import worker_table
from planrail.settings import Settings


class Engines(Protocol):
    """Makes engines over one open journal, to be entered, and knows whose worker lives."""

    def is_alive(self, worker: str) -> bool: ...

    def alone(self) -> bool:
        """Whether no other process has the database open, as far as that can be known."""
        ...

    def engine(
        self, advance: Advance, limits: Limits, *, only: frozenset[str] | None = None
    ) -> AbstractAsyncContextManager[object]:
        """An engine of this process; `only` restricts it to some runs."""
        ...


@asynccontextmanager
async def open_journal(settings: Settings, worker: str) -> AsyncIterator[tuple[SqlJournal, Engines]]:
    """The journal at the settings' URL, and the engines for it; raises JournalUnreachable and JournalNewer."""
    opened = _on_postgres if parse_url(settings.url).get_backend_name() == "postgresql" else _on_sqlite
    async with opened(settings, worker) as both:
        yield both


@asynccontextmanager
async def _on_sqlite(settings: Settings, worker: str) -> AsyncIterator[tuple[SqlJournal, Engines]]:
    folder = Path(f"{parse_url(settings.url).database}.workers")
    lock = WorkerLock(folder, worker)
    try:
        lock.__enter__()  # before the journal is opened, and left after it is closed
    except OSError as error:
        hint = "Set PLANRAIL_HOME or PLANRAIL_DATABASE_URL to a place that can be written."
        raise JournalUnreachable(f"{folder} cannot be made: {error.strerror}.", hint=hint) from error
    try:
        async with await SqlJournal.open(settings.url) as journal:
            yield journal, _Embedded(journal, worker, lock)
    finally:
        lock.__exit__(None, None, None)


@asynccontextmanager
async def _on_postgres(settings: Settings, worker: str) -> AsyncIterator[tuple[SqlJournal, Engines]]:
    try:
        from executor.engine.jobs import Deferral, bring_jobs_to_head  # noqa: PLC0415  # an optional dependency
    except ModuleNotFoundError as error:
        hint = 'pip install "planrail[postgres]"'
        raise JournalUnreachable("What PostgreSQL needs is not installed.", hint=hint) from error
    away_s = settings.database_away_s
    async with await SqlJournal.open(settings.url, away_s=away_s, queued=Deferral()) as journal:
        await asyncio.to_thread(bring_jobs_to_head, journal.engine)
        yield journal, _Workers(journal, worker, away_s)


@dataclass(frozen=True)
class _Embedded:
    """SQLite's."""

    journal: SqlJournal
    worker: str
    lock: WorkerLock

    def is_alive(self, worker: str) -> bool:
        return self.lock.is_alive(worker)

    def alone(self) -> bool:
        return not self.lock.others()

    def engine(
        self, advance: Advance, limits: Limits, *, only: frozenset[str] | None = None
    ) -> AbstractAsyncContextManager[object]:
        drain_s = DRAIN_SECONDS if only is None else 0.0  # whoever carries one run on at a terminal wants an end at once
        return LocalEngine(
            self.journal, advance, liveness=self.lock, worker=self.worker, limits=limits, only=only, drain_s=drain_s
        )


@dataclass(frozen=True)
class _Workers:
    """PostgreSQL's. An engine for some runs alone takes nothing from the queue: it takes those runs out of the journal."""

    journal: SqlJournal
    worker: str
    away_s: float

    def is_alive(self, worker: str) -> bool:
        """Whether the worker has not signed off; one that was killed is told apart only by those who listen for a while."""
        with self.journal.engine.connect() as connection:
            return connection.execute(select(worker_table).where(worker_table.c.name == worker)).first() is not None

    def alone(self) -> bool:
        return False  # a server is anybody's

    def engine(
        self, advance: Advance, limits: Limits, *, only: frozenset[str] | None = None
    ) -> AbstractAsyncContextManager[object]:
        from executor.engine.procrastinate import ProcrastinateEngine  # noqa: PLC0415  # an optional dependency

        if only is not None:
            return self._alone(advance, limits, only)
        return ProcrastinateEngine(
            self.journal, advance, database=self.journal.engine, worker=self.worker, limits=limits, away_s=self.away_s
        )

    @asynccontextmanager
    async def _alone(self, advance: Advance, limits: Limits, only: frozenset[str]) -> AsyncIterator[None]:
        from executor.engine.pulse import Pulse  # noqa: PLC0415  # PostgreSQL's dialect, which SQLite has no use for

        async with (
            Pulse(self.journal.engine, self.worker) as pulse,
            LocalEngine(self.journal, advance, liveness=pulse, worker=self.worker, limits=limits, only=only),
        ):
            yield
