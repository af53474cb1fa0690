"""Database: what the doctor sees of the journal's database, and in it: runs, workers, schedules, keys, notifications.

Nothing is made, migrated or written: what is not there is said to be not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, Engine

from executor.api_keys import StoredKey
from executor.engine.lock import WorkerLock
from executor.engine.pulse import BEAT_SECONDS
from executor.journal.census import Figures
from executor.journal.checkup import Vitals, beats, still, versions, vitals
from executor.journal.dialect import Dialect
from executor.journal.dialects import dialect_of, parse_url
from executor.journal.outbox import Subscriber
from executor.journal.sql import SqlJournal
from executor.journal.tables import HEAD
from executor.signing_keys import StoredKey as SigningKey
from executor.submission import Principal
from executor.threads import in_thread
from executor.timetable import Schedule
from planner.duration import seconds_of
from planner.errors import PlanrailError
from planrail.doctor.finding import Finding, note, problem, well
from planrail.plans import Plans, PlanView
from planrail.retention import old_of
from planrail.settings import Settings

_LOCKED_S = 2.0  # a lock that is held for longer is told
_SKEW_S = 2.0
_MANY = 1_000
_LATE = timedelta(days=2)  # old runs are removed once a day
_LOOKS = 3  # of BEAT_SECONDS, for a worker to move


@dataclass(frozen=True)
class Seen:
    """What stands in a database at this build's revision."""

    at: datetime
    figures: Figures
    living: frozenset[str]  # processes that work on it
    versions: Mapping[str, str]  # by worker, of the newest runs
    schedules: Sequence[Schedule]
    keys: Sequence[StoredKey]
    signing: Sequence[SigningKey]
    subscribers: Sequence[Subscriber]
    plans: Sequence[PlanView]  # of the command line's principal
    unpruned: int = 0  # runs that were to be removed days ago


@dataclass(frozen=True)
class Look:
    """What came of looking: findings of the database itself, and what stands in it where it can be read."""

    findings: tuple[Finding, ...]
    seen: Seen | None = None


async def look(settings: Settings) -> Look:
    """Look at the configured database."""
    try:
        url = parse_url(settings.url)
        dialect = dialect_of(url.get_backend_name())
        if _is_new(url):
            dialect.engine(url, timeout_s=_LOCKED_S).dispose()  # raises where no file can be made
            return Look((well("database", f"{_shown(url)} is made by the first command that needs it"),))
        engine = dialect.engine(url, timeout_s=_LOCKED_S)
    except PlanrailError as error:
        return Look((problem("database", error.message, error.hint or "Check PLANRAIL_DATABASE_URL."),))
    try:
        return await _looked(engine, dialect, url, settings)
    except PlanrailError as error:
        return Look((problem("database", error.message, error.hint),))
    except Exception as error:  # noqa: BLE001  # the doctor tells what is wrong, whatever it is
        return Look((problem("database", f"{type(error).__name__}: {error}", "Check PLANRAIL_DATABASE_URL."),))
    finally:
        engine.dispose()


async def _looked(engine: Engine, dialect: Dialect, url: URL, settings: Settings) -> Look:
    found = await in_thread(lambda: vitals(engine, dialect))
    told = tuple(_of_vitals(found, url))
    if found.revision != HEAD:
        return Look(told)
    journal = SqlJournal(engine, dialect, timeout_s=_LOCKED_S, clock=lambda: datetime.now(UTC), away_s=0.0)
    try:
        seen = await _seen(journal, url, settings)
        runs = await journal.find(limit=_MANY)
    finally:
        await journal.close()
    count = f"{_MANY:,} or more" if len(runs) == _MANY else f"{len(runs)}"
    kept = sum(p.kept for p in seen.plans)
    whole = well("database", f"{_shown(url)}, revision {HEAD}, runs: {count}, plans kept: {kept}")
    return Look((whole, *told), seen)


def _of_vitals(found: Vitals, url: URL) -> Sequence[Finding]:
    findings: list[Finding] = []
    if found.revision is None:
        findings.append(well("database", f"{_shown(url)} is empty: the first command makes its tables"))
    elif found.revision > HEAD:
        told = f"{_shown(url)} is at revision {found.revision}, and this build knows revisions up to {HEAD}"
        findings.append(problem("database", told, "Upgrade planrail here, or name another database."))
    elif found.revision < HEAD:
        told = f"{_shown(url)} is at revision {found.revision}, and this build needs {HEAD}"
        remedy = "The next command or server migrates it; stop older processes on it before: they cannot work on with it."
        findings.append(note("database", told, remedy))
    if not found.writable:
        told = f"{_shown(url)} is read-only"
        findings.append(problem("database writes", told, "Name the primary server in PLANRAIL_DATABASE_URL, not a standby."))
    if found.ahead_s is not None and abs(found.ahead_s) > _SKEW_S:
        told = f"the database's is {abs(found.ahead_s):,.0f} s {'ahead of' if found.ahead_s > 0 else 'behind'} this machine's"
        findings.append(note("clock", told, "Let both machines take their time from the network (chrony, systemd-timesyncd)."))
    return findings


async def _seen(journal: SqlJournal, url: URL, settings: Settings) -> Seen:
    now = datetime.now(UTC)
    return Seen(
        at=now,
        figures=await journal.census.figures(now),
        living=await _living(journal.engine, url),
        versions=await in_thread(lambda: _read(journal.engine)),
        schedules=await journal.timetable.find(),
        keys=await journal.keys.find(),
        signing=await journal.signing.read(),
        subscribers=[s for s in await journal.outbox.find(limit=_MANY) if not s.closed],
        plans=await Plans(journal.kept, settings.plans_after).find(Principal()),
        unpruned=await _unpruned(journal, settings, now),
    )


async def _unpruned(journal: SqlJournal, settings: Settings, now: datetime) -> int:
    """How many runs are older than `[retention]` lets them be, by days."""
    age_s = seconds_of(settings.retention.older_than)
    if age_s is None:
        return 0
    old = old_of(now - timedelta(seconds=age_s) - _LATE, keep_failed=settings.retention.keep_failed)
    return sum(found.runs for found in await journal.retention.count(old))


def _read(engine: Engine) -> Mapping[str, str]:
    with engine.connect() as connection:
        return versions(connection)


async def _living(engine: Engine, url: URL) -> frozenset[str]:
    """Processes that work on the database: by their locks beside an SQLite file, by their beats in PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        return _locked(Path(f"{url.database}.workers"))

    def counted() -> Mapping[str, int]:
        with engine.connect() as connection:
            return beats(connection)

    first = second = await in_thread(counted)
    for _ in range(_LOOKS):
        if not still(first, second):
            break
        await asyncio.sleep(BEAT_SECONDS)
        second = await in_thread(counted)
    return frozenset(first) - frozenset(still(first, second)) | (frozenset(second) - frozenset(first))


def _locked(folder: Path) -> frozenset[str]:
    lock = WorkerLock(folder, "doctor")
    return frozenset(path.stem for path in folder.glob("*.lock") if lock.is_alive(path.stem))


def _is_new(url: URL) -> bool:
    """Whether it is an SQLite file that is not there yet."""
    return url.get_backend_name() == "sqlite" and bool(url.database) and not Path(url.database or "").exists()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
