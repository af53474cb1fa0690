"""Retention: runs leave a database: found by age, removed in short transactions, with a receipt of each removal.

Any number of processes may remove at once, beside workers: a run is removed while it is over and as it was read, or not at all.
Whoever is stopped in the middle has removed some; the next removal goes on with the rest.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, bindparam, delete, exists, func, select, tuple_, update

from executor.events import RunStatus
from executor.journal import spent
from executor.journal.dialect import Dialect
from executor.journal.gone import GoneRuns
from executor.journal.holding import Held, anybody_runs, held_page, loose, others, referred, remove_others
from executor.journal.leaving import LOCK, Leaving, read_leaving, remove
from executor.journal.port import How
from executor.journal.readers import Readers
from executor.journal.space import Space
from executor.journal.spent import Spent
from executor.journal.tables import PUSH_AWAKE, UtcTime, loose_table
from executor.journal.tables import push_table as push
from executor.journal.tables import removal_table as removal
from executor.journal.tables import run_table as run
from executor.journal.tables import session_past_table as past
from executor.journal.tables import session_table as session
from executor.journal.writer import Writer
from executor.subject import Subject

MOST_RUNS = 50  # that one transaction removes; and so many of their events:
MOST_EVENTS = 2_000

_COUNTS = select(removal.c.counts).where(removal.c.id == bindparam("of")).with_for_update()
_COUNTED = update(removal).where(removal.c.id == bindparam("of")).values(counts=bindparam("now"))
_DONE = update(removal).where(removal.c.id == bindparam("of")).values(done_at=bindparam("at"))
_FIND = select(removal).order_by(removal.c.begun_at.desc(), removal.c.id)


class Old(BaseModel):
    """Which runs are to go: over, in one of these statuses, and not changed since then."""

    model_config = ConfigDict(frozen=True)

    statuses: tuple[RunStatus, ...]
    before: datetime


class Found(BaseModel):
    """How many runs of a status there are to go, and of which time."""

    model_config = ConfigDict(frozen=True)

    status: RunStatus
    runs: int
    events: int
    first: datetime
    last: datetime


class Removal(BaseModel):
    """The receipt of a removal: what was removed, when, by whom. Of whom it was it has a salted hash."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    by: str
    salt: str = ""
    subject: str = ""
    begun_at: datetime
    done_at: datetime | None = None
    counts: Mapping[str, int] = Field(default_factory=dict)


class SqlRetention:
    """What leaves the journal's database."""

    def __init__(
        self, engine: Engine, readers: Readers, writer: Writer, dialect: Dialect, gone: GoneRuns, clock: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self._engine = engine
        self._readers = readers
        self._writer = writer
        self._dialect = dialect
        self._gone = gone
        self._clock = clock

    async def count(self, old: Old) -> list[Found]:
        """How many runs are to go, by status."""
        figures = (func.count(), func.sum(run.c.seq), func.min(run.c.created_at), func.max(run.c.created_at))

        def read(connection: Connection) -> list[Found]:
            found: list[Found] = []
            for status in old.statuses:
                runs, events, first, last = connection.execute(select(*figures).where(_old(status, old))).one()
                if runs:
                    found.append(Found(status=status, runs=runs, events=int(events), first=first, last=last))
            return found

        return await self._readers.read(read)

    async def old(self, old: Old, *, after: tuple[datetime, str] | None = None) -> list[tuple[datetime, str, int]]:
        """The next runs to go, the oldest first: when each was made, its id, how many events it has."""
        return await self._readers.read(lambda c: _oldest(c, old, after))

    async def remove(self, ids: Sequence[str], how: How, receipt: str) -> list[Leaving]:
        """Remove these runs, unless they go on, or have changed just now; those that are removed.

        They count for that receipt in the same transaction.
        """
        removed: list[Leaving] = []
        for part in _parts(await self._readers.read(lambda c: read_leaving(c, ids))):
            removed += await self._writer.write(partial(self._remove, part=part, how=how, receipt=receipt), order=LOCK)
        return removed

    def _remove(self, connection: Connection, *, part: Sequence[Leaving], how: How, receipt: str) -> list[Leaving]:
        removed = remove(connection, self._dialect, part, self._gone, how, self._clock())
        self._note(connection, receipt, {"runs": len(removed), "events": sum(each.seq for each in removed)})
        return removed

    async def held(self, subject: Subject, hashes: Set[str], *, since: datetime | None = None) -> list[Held]:
        """Every run, looked through; with `since` those alone that were changed after it."""
        found: list[Held] = []
        last: str | None = ""
        while last is not None:
            page, last = await self._readers.read(partial(held_page, last=last, subject=subject, hashes=hashes, since=since))
            found += page
        return found

    async def others(self, subject: Subject) -> Mapping[str, int]:
        """How many rows that are no run's hold it, by what they are."""
        return await self._readers.read(lambda c: others(c, subject))

    async def remove_others(self, subject: Subject, receipt: str) -> Mapping[str, int]:
        """Remove them; how many."""

        def write(connection: Connection) -> Mapping[str, int]:
            counts = remove_others(connection, subject)
            self._note(connection, receipt, counts)
            return counts

        return await self._writer.write(write, order=LOCK)

    async def loose(self) -> Mapping[str, datetime]:
        """Artifacts that runs had that were removed, with when such a run was last changed."""
        return await self._readers.read(loose)

    async def loosen(self, hashes: Iterable[str], used_at: datetime) -> None:
        """Take these artifacts for loose, too: no run is known to have them."""
        rows = [self._dialect.insert_once(loose_table, "hash").values(hash=h, used_at=used_at) for h in sorted(set(hashes))]
        await self._writer.write(lambda c: [c.execute(row).rowcount for row in rows], order=LOCK)

    async def settled(self, hashes: Collection[str]) -> None:
        """These are loose no more: another run has them, or they are gone."""
        some = delete(loose_table).where(loose_table.c.hash.in_(sorted(hashes)))
        await self._writer.write(lambda c: c.execute(some).rowcount, order=LOCK)

    async def referred(self, hashes: Set[str]) -> set[str]:
        """Which of these artifacts runs have."""
        found: set[str] = set()
        last: str | None = ""
        while last is not None:
            page, last = await self._readers.read(partial(referred, last=last, hashes=hashes))
            found |= page
        return found

    async def anybody_runs(self) -> bool:
        """Whether a run is carried on now."""
        return await self._readers.read(anybody_runs)

    async def reclaim(self, *, anew: bool, alone: bool) -> Space:
        """Give the room of what was removed back, as far as that holds nobody up for long; see `Dialect.reclaim`."""
        return await asyncio.to_thread(self._dialect.reclaim, self._engine, anew=anew, alone=alone)

    async def begin(self, kind: str, by: str, *, name: str = "", salt: str = "", subject: str = "") -> str | None:
        """A new receipt; None where there is one of that name."""
        new = {
            "id": name or f"{kind}-{secrets.token_hex(6)}", "kind": kind, "by": by, "salt": salt, "subject": subject,
            "begun_at": self._clock(), "done_at": None, "counts": "{}",
        }  # fmt: skip
        made = self._dialect.insert_once(removal, "id").values(new).returning(removal.c.id)
        return await self._writer.write(lambda c: c.execute(made).scalar_one_or_none(), order=LOCK)

    async def note(self, receipt: str, counts: Mapping[str, int]) -> None:
        """So many further things were removed."""
        await self._writer.write(lambda c: self._note(c, receipt, counts), order=LOCK)

    async def done(self, receipt: str) -> None:
        """All was removed that was to go."""
        await self._writer.write(lambda c: c.execute(_DONE, {"of": receipt, "at": self._clock()}).rowcount, order=LOCK)

    async def receipts(self, kind: str, *, limit: int = 200) -> list[Removal]:
        """The receipts of that kind, the newest first."""
        wanted = _FIND.where(removal.c.kind == kind).limit(limit)
        return [_removal(row) for row in await self._readers.read(lambda c: c.execute(wanted).all())]

    async def spent(self, since: datetime) -> list[Spent]:
        """What removed runs had cost, from that hour on."""
        return await self._readers.read(lambda c: spent.since(c, since))

    async def forget(self, before: datetime) -> int:
        """Forget what stays of runs that were removed before then: their keys, what sessions without a run had used."""
        lives = exists().where(session.c.principal == past.c.principal, session.c.name == past.c.name)
        over = delete(past).where(past.c.at < before, ~lives)

        def write(connection: Connection) -> int:
            self._dialect.lock_name(connection, LOCK)
            connection.execute(over)
            return self._gone.forget(connection, before)

        return await self._writer.write(write, order=LOCK)

    def _note(self, connection: Connection, receipt: str, counts: Mapping[str, int]) -> None:
        before = json.loads(connection.execute(_COUNTS, {"of": receipt}).scalar_one())
        now = Counter(before) + Counter(counts)
        connection.execute(_COUNTED, {"of": receipt, "now": json.dumps(now)})


def _old(status: RunStatus, old: Old) -> ColumnElement[bool]:
    """Nobody is to be told anything of it any more, either."""
    untold = exists().where(push.c.run == run.c.id, PUSH_AWAKE, run.c.seq > push.c.seq)
    return and_(run.c.status == status, run.c.created_at < old.before, run.c.updated_at < old.before, ~untold)


def _oldest(connection: Connection, old: Old, after: tuple[datetime, str] | None) -> list[tuple[datetime, str, int]]:
    found: list[tuple[datetime, str, int]] = []
    for status in old.statuses:
        wanted = select(run.c.created_at, run.c.id, run.c.seq).where(_old(status, old))
        found += [(row.created_at, row.id, row.seq) for row in connection.execute(_page(wanted, after))]
    return sorted(found)[:MOST_RUNS]


def _page(wanted: Select[Any], after: tuple[datetime, str] | None) -> Select[Any]:
    if after is not None:
        last = tuple_(bindparam("made", after[0], UtcTime()), bindparam("last", after[1]))
        wanted = wanted.where(tuple_(run.c.created_at, run.c.id) > last)
    return wanted.order_by(run.c.created_at, run.c.id).limit(MOST_RUNS)


def _parts(leaving: Sequence[Leaving]) -> list[list[Leaving]]:
    """In parts of a bounded number of events; one run is in one part, however long it is."""
    parts: list[list[Leaving]] = []
    events = 0
    for each in leaving:
        if not parts or events + each.seq > MOST_EVENTS or len(parts[-1]) >= MOST_RUNS:
            parts.append([])
            events = 0
        parts[-1].append(each)
        events += each.seq
    return parts


def _removal(row: Any) -> Removal:
    return Removal.model_validate({**row._mapping, "counts": json.loads(row.counts)})
