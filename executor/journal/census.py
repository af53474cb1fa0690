"""Census: what stands in a database, counted: what a monitor asks for now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Engine, ScalarSelect, Select, and_, column, func, literal, select, table

from executor.events import RunStatus
from executor.journal.dialect import Dialect, explained
from executor.journal.tables import PUSH_AWAKE, REVISION_TABLE
from executor.journal.tables import push_table as push
from executor.journal.tables import run_table as run
from executor.journal.tables import schedule_table as schedule

MOST = 100_000  # nothing is counted further: a scrape takes as long in the tenth year as in the first

T = TypeVar("T")

_REVISION: Select[Any] = select(column("version_num")).select_from(table(REVISION_TABLE))


class Figures(BaseModel):
    """How much there is; a count that is MOST may be more."""

    model_config = ConfigDict(frozen=True)

    runs: Mapping[RunStatus, int]
    queued_s: float  # how long the run has been queued that has been for longest; 0: none is
    for_people: int  # waiting runs that no clock wakes: somebody has to answer
    overdue: int  # schedules whose time has come
    overdue_s: float  # since when the first of them is
    pending: int  # push subscribers that something is to be told
    failing: int  # of those, whose last attempt failed
    dead: int  # push subscribers that were given up


class SqlCensus:
    """Looks with a connection of its own and no patience: a database that is away is no figure, and is said to be away."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self._dialect = dialect

    async def revision(self) -> str | None:
        """The revision of the database's tables; raises JournalUnreachable."""
        found: str | None = await self._look(lambda c: c.execute(_REVISION).scalar_one_or_none())
        return found

    async def figures(self, now: datetime) -> Figures:
        """All figures, by one statement; raises JournalUnreachable."""
        row = await self._look(lambda c: c.execute(self.statement(now)).one())
        runs = {status: getattr(row, f"is_{status}") for status in get_args(RunStatus)}
        rest = {name: getattr(row, name) for name in ("for_people", "overdue", "pending", "failing", "dead")}
        return Figures(
            runs=runs, queued_s=_seconds(row.queued_at, now), overdue_s=_seconds(row.overdue_at, now), **rest
        )  # fmt: skip

    def statement(self, now: datetime) -> Select[Any]:
        """What `figures` asks."""
        queued = select(run.c.updated_at).where(run.c.status == "queued").order_by(run.c.created_at, run.c.id).limit(MOST)
        late = and_(schedule.c.paused.is_(False), schedule.c.next_at <= now)
        untold = select(push.c.attempts).join(run, run.c.id == push.c.run).where(PUSH_AWAKE, run.c.seq > push.c.seq)
        parts: tuple[Any, ...] = (
            *(_count(select(literal(1)).where(run.c.status == s)).label(f"is_{s}") for s in get_args(RunStatus)),
            _first(queued, "updated_at").label("queued_at"),
            _count(select(literal(1)).where(run.c.status == "waiting", run.c.wake_at.is_(None))).label("for_people"),
            _count(select(literal(1)).where(late)).label("overdue"),
            select(func.min(schedule.c.next_at)).where(late).scalar_subquery().label("overdue_at"),
            _count(untold).label("pending"),
            _count(untold.where(push.c.attempts > 0)).label("failing"),
            _count(select(literal(1)).where(push.c.dead)).label("dead"),
        )
        return select(*parts)

    async def _look(self, read: Callable[[Connection], T]) -> T:
        def looked() -> T:
            with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
                return read(connection.execution_options(isolation_level="AUTOCOMMIT"))

        return await asyncio.to_thread(looked)


def _count(wanted: Select[Any]) -> ScalarSelect[int]:
    return select(func.count()).select_from(wanted.limit(MOST).subquery()).scalar_subquery()


def _first(wanted: Select[Any], name: str) -> ScalarSelect[datetime]:
    earliest: ColumnElement[datetime] = func.min(wanted.subquery().c[name])
    return select(earliest).scalar_subquery()


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
