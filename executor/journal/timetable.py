"""The timetable in the journal's database: one row a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import schedule_table as schedule
from executor.journal.writer import Writer
from executor.submission import Submission
from executor.timetable import Fired, Schedule

_ON = schedule.c.paused.is_(False)
_DUE = select(schedule).where(_ON, schedule.c.next_at <= bindparam("at")).order_by(schedule.c.next_at, schedule.c.id)
_NEXT = select(func.min(schedule.c.next_at)).where(_ON)
_ITS = (schedule.c.principal == bindparam("whose"), schedule.c.name == bindparam("called"))


class SqlTimetable:
    """The schedules of a database."""

    def __init__(self, readers: Readers, writer: Writer, dialect: Dialect) -> None:
        self._readers = readers
        self._writer = writer
        self._dialect = dialect

    async def add(self, made: Schedule) -> bool:
        return await self._writer.write(lambda c: self._add(c, made), order=_order(made.principal, made.name))

    def _add(self, connection: Connection, made: Schedule) -> bool:
        row = made.model_dump() | {"submission": made.submission.model_dump_json(by_alias=True)}
        insert = self._dialect.insert_once(schedule, "principal", "name").values(row).returning(schedule.c.id)
        return connection.execute(insert).first() is not None

    async def find(self, principal: str | None = None) -> Sequence[Schedule]:
        query = select(schedule).order_by(schedule.c.paused, schedule.c.next_at, schedule.c.id)
        if principal is not None:
            query = query.where(schedule.c.principal == principal)
        return [_schedule(row) for row in await self._readers.read(lambda c: c.execute(query).all())]

    async def due(self, at: datetime, limit: int) -> Sequence[Schedule]:
        rows = await self._readers.read(lambda c: c.execute(_DUE.limit(limit), {"at": at}).all())
        return [_schedule(row) for row in rows]

    async def next_at(self) -> datetime | None:
        found: datetime | None = await self._readers.read(lambda c: c.execute(_NEXT).scalar())
        return found

    async def fired(self, name: str, what: Fired) -> bool:
        changes: dict[str, Any] = {"next_at": what.next_at, "problem": what.problem}
        if what.run:
            changes |= {"run": what.run, "fired_at": what.due}
        if what.skipped:
            changes["skipped"] = schedule.c.skipped + what.skipped
        it = update(schedule).where(schedule.c.id == name, schedule.c.next_at == what.due).values(changes)
        return await self._writer.write(lambda c: c.execute(it).rowcount == 1, order=name)

    async def pause(self, principal: str, name: str, *, next_at: datetime | None) -> bool:
        changes: dict[str, Any] = {"paused": True} if next_at is None else {"paused": False, "next_at": next_at, "problem": ""}
        it, its = update(schedule).where(*_ITS).values(changes), {"whose": principal, "called": name}
        return await self._writer.write(lambda c: c.execute(it, its).rowcount == 1, order=_order(principal, name))

    async def remove(self, principal: str, name: str) -> bool:
        it, its = delete(schedule).where(*_ITS), {"whose": principal, "called": name}
        return await self._writer.write(lambda c: c.execute(it, its).rowcount == 1, order=_order(principal, name))


def _order(principal: str, name: str) -> str:
    return f"schedule {principal} {name}"


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule.model_validate({**row._mapping, "submission": Submission.model_validate_json(row.submission)})
