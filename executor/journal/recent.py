"""Recent: a principal's runs, the last changed first, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, literal, select, tuple_

from executor.events import RunStatus
from executor.journal.port import Recent, RunRecord
from executor.journal.statements import RECORD, record_of
from executor.journal.tables import UtcTime, session_table
from executor.journal.tables import run_table as run


def recent_runs(connection: Connection, principal: str, wish: Recent, limit: int) -> tuple[list[RunRecord], int]:
    """A page, and how many there are in all."""
    where = [run.c.principal == principal]
    if wish.statuses is not None:
        where.append(run.c.status.in_(wish.statuses))
    if wish.session is not None:
        of_it = (session_table.c.name == wish.session, session_table.c.principal == principal)
        where.append(run.c.id.in_(select(session_table.c.run).where(*of_it)))
    if wish.since is not None:
        where.append(run.c.updated_at >= wish.since)
    count = connection.execute(select(func.count()).select_from(run).where(*where)).scalar_one()
    if wish.before is not None:
        at, last = wish.before
        where.append(tuple_(run.c.updated_at, run.c.id) < tuple_(literal(at, UtcTime()), last))
    page = select(*RECORD).where(*where).order_by(run.c.updated_at.desc(), run.c.id.desc()).limit(limit)
    return [record_of(row) for row in connection.execute(page)], count


def count_runs(connection: Connection, principal: str) -> Mapping[RunStatus, int]:
    """How many there are of each status."""
    counted = select(run.c.status, func.count().label("number")).where(run.c.principal == principal).group_by(run.c.status)
    return {row.status: row.number for row in connection.execute(counted)}
