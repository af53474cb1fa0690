"""What the SQL journal asks of the database, each as a function of an open connection. Portable SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from executor.errors import KeyTaken, LostOwnership, UnknownRun
from executor.events import Event, Recorded, RunStatus, RunSubmitted
from executor.journal.codec import decode_event, decode_receipt, encode, title_of
from executor.journal.dialect import Dialect
from executor.journal.port import Receipt, RunRecord
from executor.journal.tables import UtcTime, session_table
from executor.journal.tables import event_table as event
from executor.journal.tables import gone_table as gone
from executor.journal.tables import receipt_table as receipt
from executor.journal.tables import run_table as run
from executor.submission import Submission
from executor.tenant import account

RECORD = tuple(run.c[name] for name in RunRecord.model_fields)

# What is asked again and again is built once: building a statement takes longer than running it.
_GET = select(*RECORD).where(run.c.id == bindparam("run"))
_BY_KEY = select(*RECORD, run.c.digest).where(run.c.principal == bindparam("principal"), run.c.key == bindparam("key"))
_READ = select(event.c.seq, event.c.at, event.c.body).where(event.c.run == bindparam("run"), event.c.seq > bindparam("after"))
_READ = _READ.order_by(event.c.seq)
_RECEIPTS = select(receipt.c.body).where(receipt.c.run == bindparam("run")).order_by(receipt.c.at, receipt.c.key)
_OUTSIDE = select(run.c.id, run.c.outside).where(
    run.c.owner == bindparam("worker"), run.c.status == "running", run.c.outside > 0
)
_RUNNING = select(run.c.principal, func.count()).where(run.c.status == "running").group_by(run.c.principal)
_ADD = insert(event)
_PLAIN_APPEND = (
    update(run)
    .where(run.c.id == bindparam("of"), run.c.epoch == bindparam("under"))
    .values(seq=run.c.seq + bindparam("count"), updated_at=bindparam("when"))
    .returning(run.c.seq)
)
_TAKE_QUEUED = (
    update(run)
    .where(run.c.id == bindparam("of"), run.c.status == "queued")
    .values(status="running", owner=bindparam("worker"), epoch=run.c.epoch + 1, updated_at=bindparam("when"))
    .returning(run.c.epoch)
)


@dataclass(frozen=True)
class Addition:
    """What one append asks for; see `Journal.append`. `bodies` are the events' types and JSON texts."""

    run: str
    bodies: tuple[tuple[str, str], ...]
    epoch: int | None
    status: RunStatus | None
    tools: str | None
    release: bool
    only_if: tuple[RunStatus, ...] | None
    quiet_after: int | None = None
    wake_at: datetime | None = None

    @property
    def plain(self) -> bool:
        """Events of the run's owner, and nothing else."""
        further = (self.status, self.tools, self.only_if, self.quiet_after)
        return self.epoch is not None and not self.release and all(x is None for x in further)

    def values(self, at: datetime) -> dict[str, object]:
        """The run row's new values."""
        seq = run.c.seq + len(self.bodies)
        new: dict[str, object] = {"seq": seq, "updated_at": at}
        if self.bodies and self.epoch is None:
            new["outside"] = seq
        if self.status is not None:
            new["status"] = self.status
            new["wake_at"] = self.wake_at if self.status == "waiting" else None
        if self.tools is not None:
            new["tools"] = self.tools
        if self.release:
            new["owner"] = None
        return new


def bodies_of(events: Sequence[Event]) -> tuple[tuple[str, str], ...]:
    """The events' types and JSON texts."""
    return tuple((e.type, encode(e)) for e in events)


def create_run(
    connection: Connection,
    dialect: Dialect,
    submission: Submission,
    *,
    run_id: str,
    key: str,
    now: datetime,
    events: Sequence[Event] = (),
    tools: str = "",
) -> RunRecord:
    """The new run, or the one that has the key; raises KeyTaken if that is another submission's."""
    row = {
        "id": run_id, "principal": submission.principal.id, "key": key, "digest": submission.digest(),
        "goal": title_of(submission), "status": "queued", "seq": 1 + len(events), "outside": 0, "epoch": 0, "owner": None,
        "tools": tools, "created_at": now, "updated_at": now,
    }  # fmt: skip
    made = connection.execute(dialect.insert_once(run, "principal", "key").values(row).returning(run.c.id)).scalar_one_or_none()
    if made is not None:
        first = [RunSubmitted(submission=submission, now=now), *events]
        _insert_events(connection, run_id, 1, bodies_of(first), now, None)
    stored = connection.execute(_BY_KEY, {"principal": row["principal"], "key": key}).one()
    if stored.digest != row["digest"]:
        raise KeyTaken("The idempotency key belongs to another submission.", hint="Use a new key for a new submission.")
    return record_of(stored)


def append_events(connection: Connection, addition: Addition, at: datetime) -> int | None:
    """Allocate seqs and check the fence in one statement, then insert; see `Journal.append`."""
    if addition.plain:
        given = {"of": addition.run, "under": addition.epoch, "count": len(addition.bodies), "when": at}
        seq = connection.execute(_PLAIN_APPEND, given).scalar_one_or_none()
    else:
        seq = connection.execute(_append(addition).values(addition.values(at)).returning(run.c.seq)).scalar_one_or_none()
    if seq is None:
        _check_fence(connection, addition)
        return None
    _insert_events(connection, addition.run, seq - len(addition.bodies) + 1, addition.bodies, at, addition.epoch)
    return int(seq)


def _append(addition: Addition) -> Update:
    statement = update(run).where(run.c.id == addition.run)
    if addition.epoch is not None:
        statement = statement.where(run.c.epoch == addition.epoch)
    if addition.only_if is not None:
        statement = statement.where(run.c.status.in_(addition.only_if))
    if addition.quiet_after is not None:
        statement = statement.where(run.c.outside <= addition.quiet_after)
    return statement


def _check_fence(connection: Connection, addition: Addition) -> None:
    epoch = connection.execute(select(run.c.epoch).where(run.c.id == addition.run)).scalar_one_or_none()
    if epoch is None:
        raise UnknownRun(f"There is no run {addition.run}.")
    if addition.epoch is not None and epoch != addition.epoch:
        raise LostOwnership(f"Run {addition.run} is at epoch {epoch}; epoch {addition.epoch} may not write into it any more.")


def _insert_events(
    connection: Connection, run_id: str, first: int, bodies: Sequence[tuple[str, str]], at: datetime, epoch: int | None
) -> None:
    rows = [
        {"run": run_id, "seq": seq, "at": at, "epoch": epoch, "type": kind, "body": body}
        for seq, (kind, body) in enumerate(bodies, first)
    ]
    if rows:
        connection.execute(_ADD, rows)


def take_run(
    connection: Connection,
    dialect: Dialect,
    run_id: str,
    worker: str,
    dead: Sequence[str],
    principal_runs: int | None,
    at: datetime,
) -> int | None:
    """The new epoch if the run was free; see `Journal.take`."""
    if not dead and principal_runs is None:
        taken = connection.execute(_TAKE_QUEUED, {"of": run_id, "worker": worker, "when": at}).scalar_one_or_none()
        if taken is not None:
            return int(taken)
    queued: ColumnElement[bool] = run.c.status == "queued"
    if principal_runs is not None and not _has_room(connection, dialect, run_id, principal_runs):
        queued = false()
    orphaned = and_(run.c.status == "running", or_(run.c.owner.is_(None), run.c.owner.in_(dead)))
    free = and_(run.c.id == run_id, or_(queued, orphaned))
    new = {"status": "running", "owner": worker, "epoch": run.c.epoch + 1, "updated_at": at, "wake_at": None}
    return connection.execute(update(run).where(free).values(new).returning(run.c.epoch)).scalar_one_or_none()


def _has_room(connection: Connection, dialect: Dialect, run_id: str, limit: int) -> bool:
    """Whether its principal has fewer running runs, in all its tenants; nobody else takes one until this transaction ends."""
    principal = connection.execute(select(run.c.principal).where(run.c.id == run_id)).scalar_one_or_none()
    if principal is None:
        return False
    dialect.lock_name(connection, account(principal))
    running = connection.execute(_RUNNING).all()
    return sum(int(count) for who, count in running if account(who) == account(principal)) < limit


def read_events(connection: Connection, run_id: str, after: int, limit: int | None) -> list[Recorded]:
    """The run's events with seq > after."""
    wanted = _READ if limit is None else _READ.limit(limit)
    rows = connection.execute(wanted, {"run": run_id, "after": after})
    return [decode_event(seq, at, body) for seq, at, body in rows]


def get_run(connection: Connection, run_id: str) -> RunRecord | None:
    """The run's record."""
    row = connection.execute(_GET, {"run": run_id}).one_or_none()
    return None if row is None else record_of(row)


def find_runs(
    connection: Connection,
    principal: str | None,
    statuses: Sequence[RunStatus] | None,
    before: str | None,
    limit: int,
    *,
    oldest_first: bool = False,
    session: str | None = None,
) -> list[RunRecord]:
    """A page of records. One query a status, so that each reads `limit` rows of an index and sorts nothing."""
    wanted = select(*RECORD)
    if principal is not None:
        wanted = wanted.where(run.c.principal == principal)
    if session is not None:
        of_it = [session_table.c.name == session, *([] if principal is None else [session_table.c.principal == principal])]
        wanted = wanted.where(run.c.id.in_(select(session_table.c.run).where(*of_it)))
    if before is not None:
        created_at = _created_at(connection, before)
        if created_at is None:
            return []
        place, last = tuple_(run.c.created_at, run.c.id), tuple_(literal(created_at, UtcTime()), before)
        wanted = wanted.where(place > last if oldest_first else place < last)
    parts = [wanted] if statuses is None else [wanted.where(run.c.status == status) for status in dict.fromkeys(statuses)]
    if not parts:
        return []
    return [record_of(row) for row in connection.execute(_sorted(parts, limit, oldest_first=oldest_first))]


def _created_at(connection: Connection, run_id: str) -> datetime | None:
    """When the run was made, also of one that was removed: whoever pages through the runs goes on behind it."""
    for table, name in ((run, run.c.id), (gone, gone.c.run)):
        found: datetime | None = connection.execute(select(table.c.created_at).where(name == run_id)).scalar_one_or_none()
        if found is not None:
            return found
    return None


def _sorted(parts: Sequence[Select[*tuple[object, ...]]], limit: int, *, oldest_first: bool) -> Select[*tuple[object, ...]]:
    """The first `limit` rows of all parts."""

    def order(columns: Any) -> Sequence[ColumnElement[Any]]:  # of a table or of a subquery
        both = (columns.created_at, columns.id)
        return both if oldest_first else tuple(column.desc() for column in both)

    pages = [part.order_by(*order(run.c)).limit(limit) for part in parts]
    if len(pages) == 1:
        return pages[0]
    every = union_all(*(select(page.subquery()) for page in pages)).subquery()
    return select(every).order_by(*order(every.c)).limit(limit)


def waking_runs(connection: Connection, limit: int) -> list[RunRecord]:
    """Waiting runs that the clock wakes, the earliest first."""
    wanted = select(*RECORD).where(run.c.wake_at.is_not(None), run.c.status == "waiting")
    return [record_of(row) for row in connection.execute(wanted.order_by(run.c.wake_at, run.c.id).limit(limit))]


def insert_receipt(connection: Connection, dialect: Dialect, run_id: str, kept: Receipt, at: datetime) -> None:
    """Keep the receipt unless one with its key is there; raises UnknownRun."""
    row = {"run": run_id, "key": kept.key, "at": at, "body": encode(kept)}
    try:
        connection.execute(dialect.insert_once(receipt, "run", "key").values(row))
    except IntegrityError:
        raise UnknownRun(f"There is no run {run_id}.") from None


def read_receipts(connection: Connection, run_id: str) -> list[Receipt]:
    """The run's receipts, in the order they were kept."""
    return [decode_receipt(body) for body in connection.execute(_RECEIPTS, {"run": run_id}).scalars()]


def outside_of(connection: Connection, worker: str) -> Mapping[str, int]:
    """The worker's running runs that have outside events → seq of the last one."""
    return {row.id: row.outside for row in connection.execute(_OUTSIDE, {"worker": worker})}


def record_of(row: Row[*tuple[object, ...]]) -> RunRecord:
    return RunRecord.model_validate({name: getattr(row, name) for name in RunRecord.model_fields})
