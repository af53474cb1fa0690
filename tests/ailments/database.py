"""Ailments of the database, of who works on it, and of what is due in it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from executor.engine.lock import WorkerLock
from executor.events import SegmentStarted
from executor.journal.schema import MIGRATIONS
from executor.submission import Submission
from executor.timetable import Fired, Schedule
from planrail.house import open_house
from planrail.retention import old_of
from tests.ailments.access import signs
from tests.ailments.ailment import ailment
from tests.ailments.house import BOOK
from tests.ailments.ward import Ward, now

LONG_AGO = "2026-01-01T00:00:00.000000Z"
SKEWED = """create function public.clock_timestamp() returns timestamptz language sql
as $$ select pg_catalog.now() + interval '1 hour' $$"""


def _file(ward: Ward) -> Path:
    ward.home.mkdir(exist_ok=True)
    return ward.home / "planrail.db"


@ailment("a database that is away", "database", "problem", "cannot be reached", "Check that the server runs")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = "postgresql://tester:hush-hush@127.0.0.1:9/planrail"
    yield
    del ward.env["PLANRAIL_DATABASE_URL"]


@ailment("a database URL that is none", "database", "problem", "cannot be read", "Write it as sqlite:")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = "planrail.db"
    yield
    ward.env["PLANRAIL_DATABASE_URL"] = f"sqlite:///{ward.folder}/planrail.db"


@ailment(
    "a database of a kind that is not spoken", "database", "problem", "cannot keep its journal", "It can in: postgresql, sqlite"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = "mysql://me@127.0.0.1/planrail"
    yield
    del ward.env["PLANRAIL_DATABASE_URL"]


@ailment("a wrong password", "database", "problem", "does not accept the password", "Check user and password", slow=True)
async def _(ward: Ward) -> AsyncIterator[None]:
    url = ward.postgres()
    ward.env["PLANRAIL_DATABASE_URL"] = url.replace("sesame", "hush-hush")
    yield
    ward.env["PLANRAIL_DATABASE_URL"] = url


@ailment("a database that was never made", "database", "problem", "does not exist", "Create it (createdb)", slow=True)
async def _(ward: Ward) -> AsyncIterator[None]:
    url = ward.postgres()
    ward.env["PLANRAIL_DATABASE_URL"] = f"{url}_other"
    yield
    ward.env["PLANRAIL_DATABASE_URL"] = url


@ailment(
    "a standby, or another database that cannot be written", "database writes", "problem", "read-only", "primary", slow=True
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = url = ward.postgres()
    name = url.rpartition("/")[2]
    ward.sql(f"alter database {name} set default_transaction_read_only = on")
    yield
    ward.sql(f"set transaction read write; alter database {name} reset default_transaction_read_only")


@ailment("the database's clock is another than ours", "clock", "note", "3,600 s ahead of", "from the network", slow=True)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = url = ward.postgres()
    ward.sql(SKEWED)
    ward.sql(f"alter database {url.rpartition('/')[2]} set search_path = public, pg_catalog")
    yield
    ward.sql("drop function public.clock_timestamp()")


@ailment(
    "PostgreSQL, and artifacts on one machine's disk",
    "artifacts",
    "note",
    "on one machine's disk",
    "to an object store",
    slow=True,
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = ward.postgres()
    ward.env["PLANRAIL_ARTIFACTS_URL"] = f"file://{ward.folder}/artifacts"
    yield
    ward.env["PLANRAIL_ARTIFACTS_URL"] = ""


@ailment("PostgreSQL, and the secret key in a file", "secret key", "note", "a file of this machine", "SECRET_KEY", slow=True)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = ward.postgres()
    await signs(ward)
    yield
    ward.env["PLANRAIL_A2A_SECRET_KEY"] = (ward.home / "secret.key").read_text().strip()


@ailment(
    "a worker that was killed, and PostgreSQL", "workers", "problem", "no process carries runs on", "Start `planrail", slow=True
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABASE_URL"] = ward.postgres()
    async with ward.worker():
        ward.sql("insert into planrail_worker (name, beats) values ('killed', 7)")
    await _queued(ward)
    yield
    await _carried_on(ward)


@ailment("a database of a newer build", "database", "problem", "at revision 9999", "Upgrade planrail here")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ward.journal():
        pass
    ward.sql("update planrail_revision set version_num = '9999'")
    yield
    ward.env["PLANRAIL_DATABASE_URL"] = f"sqlite:///{ward.folder}/other.db"


@ailment("a database of an older build", "database", "note", "at revision 0009", "stop older processes on it before")
async def _(ward: Ward) -> AsyncIterator[None]:
    engine = create_engine(f"sqlite:///{_file(ward)}")
    with engine.connect() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, "0009")
        connection.commit()
    engine.dispose()
    yield
    async with ward.journal():
        pass


@ailment("a file that is no database", "database", "problem", "is not an SQLite database", "move this one away")
async def _(ward: Ward) -> AsyncIterator[None]:
    _file(ward).write_bytes(b"no database, " * 100)
    yield
    _file(ward).rename(ward.folder / "away")


@ailment(
    "a database that somebody keeps locked",
    "database",
    "problem",
    "is locked by another process",
    "Close what holds it",
    slow=True,
)
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ward.journal():
        pass
    with closing(sqlite3.connect(_file(ward))) as browser:
        browser.execute("begin immediate")
        yield


@ailment(
    "runs are queued, and there is no worker", "workers", "problem", "no process carries runs on", "Start `planrail worker`"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    await _queued(ward)
    yield
    await _carried_on(ward)


@ailment("runs are queued, and whoever is there does not take them", "workers", "problem", "though 1 process", "start more")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _queued(ward)
    with WorkerLock(Path(f"{_file(ward)}.workers"), "watcher"):
        yield
        await _carried_on(ward)
        yield


@ailment("workers of another version", "versions", "note", "like old of 0.0.1", "Run one version everywhere")
async def _(ward: Ward) -> AsyncIterator[None]:
    started = SegmentStarted(epoch=1, worker="old", version="0.0.1")
    async with ward.journal() as journal:
        await journal.create(Submission(goal="x", script="answer(1)"), run="r1", key="k", now=now(), events=[started])
    with WorkerLock(Path(f"{_file(ward)}.workers"), "old"):
        yield


@ailment("a schedule is overdue, and nobody begins it", "schedules", "problem", "1 schedule overdue", "begins what is due")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _scheduled(ward, Submission(goal="x", script="answer(1)"))
    ward.sql("update planrail_schedule set next_at = :at", at=LONG_AGO)
    yield
    async with ward.worker(), ward.journal() as journal:
        async for _ in journal.changes():
            if (await journal.timetable.find())[0].run:
                break


@ailment("a schedule whose last due time brought no run", "schedule s", "problem", "the quota is used up", "Mend what it says")
async def _(ward: Ward) -> AsyncIterator[None]:
    made = await _scheduled(ward, Submission(goal="x", script="answer(1)"))
    await _fired(ward, made, problem="the quota is used up")
    yield
    await _fired(ward, made, run="r1")


@ailment("a schedule's playbook that is not there", "schedule s", "problem", "There is no playbook say", "Add the playbook")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _scheduled(ward, Submission(goal="x", playbook="say", params={"word": "hello"}))
    yield
    (ward.home / "playbooks").mkdir()
    (ward.home / "playbooks" / "say.plan").write_text(BOOK)


@ailment(
    "a schedule's goal that nothing fits, without a model", "schedule s", "problem", "no playbook fits", "Add the playbook"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    await _scheduled(ward, Submission(goal="Say hello"))
    yield
    (ward.home / "playbooks").mkdir()
    (ward.home / "playbooks" / "say.plan").write_text(BOOK)


@ailment(
    "a schedule in a time zone that is not known here", "schedule s", "problem", "no time zone 'Mars/Base'", "another --zone"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    await _scheduled(ward, Submission(goal="x", script="answer(1)"), zone="Mars/Base")
    yield
    ward.sql("update planrail_schedule set zone = 'Europe/Berlin'")


@ailment(
    "old runs are to leave, and nobody removes them",
    "retention",
    "problem",
    "1 run older than 30d",
    "`planrail prune --older-than 30d`",
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[retention]\nolder_than = "30d"\n')
    await _queued(ward)
    await _carried_on(ward)
    ward.sql("update planrail_run set created_at = :at, updated_at = :at", at=LONG_AGO)
    yield
    async with open_house(ward.settings) as house:
        await house.retention.prune(old_of(now() - timedelta(days=30)), by="me", forget=now())


async def _queued(ward: Ward) -> None:
    """A run that has been queued for long."""
    async with ward.journal() as journal:
        await journal.create(Submission(goal="x", script="answer(1)"), run="r1", key="k", now=now())
    ward.sql("update planrail_run set updated_at = :at", at=LONG_AGO)


async def _carried_on(ward: Ward) -> None:
    """A worker has come, and has gone when the run is over."""
    async with ward.worker(), ward.journal() as journal:
        async for _ in journal.changes():
            record = await journal.get("r1")
            if record is not None and record.status == "done":
                break


async def _scheduled(ward: Ward, submission: Submission, zone: str = "UTC") -> Schedule:
    made = Schedule(
        id="s1", name="s", principal="local", cron="30 6 * * *", zone=zone, submission=submission,
        next_at=now() + timedelta(hours=1), created_at=now(),
    )  # fmt: skip
    async with ward.journal() as journal:
        await journal.timetable.add(made)
    return made


async def _fired(ward: Ward, schedule: Schedule, *, run: str = "", problem: str = "") -> None:
    async with ward.journal() as journal:
        (known,) = await journal.timetable.find()
        fired = Fired(due=known.next_at, next_at=known.next_at + timedelta(hours=1), run=run, problem=problem)
        await journal.timetable.fired(schedule.id, fired)
