"""Checkup: what is asked of a database that may be ill, without making or migrating anything: its revision, clock, workers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, select, text

from executor.journal.dialect import Dialect, explained
from executor.journal.schema import stored_revision
from executor.journal.tables import event_table as event
from executor.journal.tables import run_table as run
from executor.journal.tables import worker_table as worker

_LAST_RUNS = 20  # whose workers' versions are looked at
_READ_ONLY = "show transaction_read_only"


@dataclass(frozen=True)
class Vitals:
    """What a database says of itself. `ahead_s`: by how much its clock is ahead of this machine's; None where it has none."""

    revision: str | None  # None: it has no tables of ours
    writable: bool
    ahead_s: float | None


def vitals(engine: Engine, dialect: Dialect) -> Vitals:
    """Look, with one connection; raises JournalUnreachable. A database that is locked for writing is unreachable, too."""
    with explained(dialect, engine.url), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        revision = stored_revision(connection)
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql(dialect.begin_write)
            connection.exec_driver_sql("ROLLBACK")
            return Vitals(revision, writable=True, ahead_s=None)
        writable = connection.execute(text(_READ_ONLY)).scalar_one() == "off"
        return Vitals(revision, writable, _ahead(connection, dialect))


def _ahead(connection: Connection, dialect: Dialect) -> float:
    """By the middle of the question's way there and back."""
    before = time.time()
    theirs = int(connection.execute(text(f"select {dialect.clock_ms}")).scalar_one()) / 1000
    return theirs - (before + time.time()) / 2


def beats(connection: Connection) -> Mapping[str, int]:
    """The counters of the workers that have not signed off."""
    return {row.name: row.beats for row in connection.execute(select(worker.c.name, worker.c.beats))}


def versions(connection: Connection) -> Mapping[str, str]:
    """The version that each worker said it was, when it last took one of the newest runs."""
    found: dict[str, str] = {}
    for body in connection.execute(versions_statement()).scalars():
        said = json.loads(body)
        found[str(said.get("worker", ""))] = str(said.get("version", ""))
    return found


def versions_statement() -> Select[Any]:
    """The newest runs' segments, the oldest first."""
    newest = select(run.c.id).order_by(run.c.created_at.desc(), run.c.id.desc()).limit(_LAST_RUNS).scalar_subquery()
    wanted = select(event.c.body).where(event.c.run.in_(newest), event.c.type == "segment_started")
    return wanted.order_by(event.c.at, event.c.run, event.c.seq)


def still(first: Mapping[str, int], second: Mapping[str, int]) -> Sequence[str]:
    """Whose counter has not moved between two looks."""
    return sorted(name for name, count in first.items() if second.get(name, count) == count)
