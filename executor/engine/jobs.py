"""Procrastinate's part of the database: its tables, and the job "advance run R", put there by whoever makes a run queued."""

from __future__ import annotations

from importlib import resources
from typing import Any

from procrastinate import SyncPsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, inspect, text

QUEUE = "planrail"  # any worker; `QUEUE.<worker>` is for that one
TASK = "planrail.advance"

_LOCK = 0x706C616E6A6F6273  # "planjobs": the advisory lock of whoever makes the tables


def advance_job(run: str, *, queue: str = QUEUE, queueing_lock: str | None = None) -> Job:
    """The job for a run. It carries no state: the journal has it all, so one job too many does nothing."""
    return Job(queue=queue, lock=None, queueing_lock=queueing_lock, task_name=TASK, task_kwargs={"run": run})


class Deferral:
    """Puts a run's job into the queue within the journal's own transaction: never lost, never without the run."""

    def __init__(self) -> None:
        self._manager = JobManager(SyncPsycopgConnector())  # never opened: the connection is the journal's

    def __call__(self, connection: Connection, run: str) -> None:
        self._manager.defer_job(advance_job(run), connection=connection.connection.driver_connection)


def bring_jobs_to_head(engine: Engine) -> None:
    """Make or migrate Procrastinate's tables, in the version of the installed package; any number of processes may do so."""
    migrations = sorted(
        path.name
        for path in resources.files("procrastinate.sql").joinpath("migrations").iterdir()
        if path.name.endswith(".sql")
    )
    with engine.connect() as connection:
        if _applied(connection) == migrations[-1]:
            return
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        applied = _applied(connection)
        if applied is None:
            _run(connection, SchemaManager.get_schema())
            connection.execute(text("create table if not exists planrail_jobs_revision (applied text not null)"))
            connection.execute(text("insert into planrail_jobs_revision values (:name)"), {"name": migrations[-1]})
        for name in migrations:
            if applied is not None and name > applied:
                _run(connection, resources.files("procrastinate.sql").joinpath("migrations", name).read_text("utf-8"))
                connection.execute(text("update planrail_jobs_revision set applied = :name"), {"name": name})


def _applied(connection: Connection) -> str | None:
    """The newest migration that was applied; None for a database without the tables."""
    if not inspect(connection).has_table("planrail_jobs_revision"):  # to_regclass would answer from a stale cache
        return None
    applied: str | None = connection.execute(text("select max(applied) from planrail_jobs_revision")).scalar_one()
    return applied


def _run(connection: Connection, script: str) -> None:
    """Run a script of several statements, which the driver only does without parameters."""
    driver: Any = connection.connection.driver_connection
    driver.execute(script)
