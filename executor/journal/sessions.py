"""What a session's runs count for, in the SQL journal: one row a run, reserved and settled under a lock of the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, select, update

from executor.events import Recorded
from executor.journal.dialect import Dialect
from executor.journal.statements import Addition, append_events, bodies_of, read_events, read_receipts
from executor.journal.tables import receipt_table as receipt
from executor.journal.tables import run_table as run
from executor.journal.tables import session_past_table as past
from executor.journal.tables import session_table as session
from executor.run import Run, fold
from executor.session import SessionLimits, SessionUse, Share, counted, grant, used_by


@dataclass(frozen=True)
class Reservation:
    """What one `Journal.reserve` asks for."""

    run: str
    principal: str
    name: str
    wanted: Share
    used: Share
    limits: SessionLimits
    epoch: int


@dataclass(frozen=True)
class Rested:
    """A run that is not carried on and still counts with what it had reserved; what it has used by that number of events."""

    run: str
    seq: int
    receipts: int
    used: Share


def enter(connection: Connection, dialect: Dialect, run_id: str, principal: str, name: str) -> None:
    """Make a new run one of the session's."""
    row = {"run": run_id, "principal": principal, "name": name, "calls": 0, "usd": 0.0, "held": False}
    connection.execute(dialect.insert_once(session, "run").values(row))


def look_again(connection: Connection, run_id: str) -> None:
    """A receipt came: what the run has used is to be counted anew."""
    connection.execute(update(session).where(session.c.run == run_id).values(held=True))


def owed(connection: Connection, run_id: str, name: str) -> tuple[str, list[Rested]] | None:
    """The run's principal, and the runs of its session that are to be settled; None for an unknown run."""
    principal = connection.execute(select(run.c.principal).where(run.c.id == run_id)).scalar()
    return None if principal is None else (principal, rested(connection, principal, name))


def rested(connection: Connection, principal: str, name: str) -> list[Rested]:
    """The session's runs that rest and are not settled, each with what it has used."""
    of_it = and_(session.c.principal == principal, session.c.name == name, session.c.held, run.c.status != "running")
    rows = connection.execute(select(run.c.id, run.c.seq).join(session, session.c.run == run.c.id).where(of_it))
    found: list[Rested] = []
    for run_id, seq in rows.all():
        state = fold(Run(run_id), read_events(connection, run_id, 0, None))
        receipts = read_receipts(connection, run_id)
        used = used_by(state, ((r.key, r.finished) for r in receipts))
        found.append(Rested(run_id, seq, len(receipts), used))
    return found


def reserve(
    connection: Connection, dialect: Dialect, asked: Reservation, settled: Sequence[Rested], at: datetime
) -> Recorded:  # fmt: skip
    """Grant what is left of the session; nobody else reserves of it until this transaction ends. Raises LostOwnership."""
    dialect.lock_name(connection, f"session\n{asked.principal}\n{asked.name}")
    for one in settled:
        _settle(connection, one)
    sums = select(func.coalesce(func.sum(session.c.calls), 0), func.coalesce(func.sum(session.c.usd), 0.0))
    same = and_(session.c.principal == asked.principal, session.c.name == asked.name, session.c.run != asked.run)
    calls, usd = connection.execute(sums.where(same)).one()
    others = Share(calls=int(calls), usd=float(usd)) + _past(connection, asked.principal, asked.name)[1]
    granted = grant(asked.name, asked.limits, wanted=asked.wanted, used=asked.used, others=others)
    bodies = bodies_of([granted])
    addition = Addition(
        run=asked.run, bodies=bodies, epoch=asked.epoch, status=None, tools=None, release=False, only_if=None
    )  # fmt: skip
    seq = append_events(connection, addition, at)
    assert seq is not None
    share = counted(granted, asked.wanted)
    new = {"calls": share.calls, "usd": share.usd, "held": True}
    connection.execute(update(session).where(session.c.run == asked.run).values(new))
    return Recorded(seq=seq, at=at, event=granted)


def _settle(connection: Connection, one: Rested) -> None:
    """Put what a run has used in the place of what it had reserved, unless something has happened to it since."""
    receipts = select(func.count()).select_from(receipt).where(receipt.c.run == one.run).scalar_subquery()
    still = exists().where(run.c.id == one.run, run.c.seq == one.seq, run.c.status != "running")
    same = and_(session.c.run == one.run, still, receipts == one.receipts)
    new = {"calls": one.used.calls, "usd": one.used.usd, "held": False}
    connection.execute(update(session).where(same).values(new))


def use_of(connection: Connection, principal: str, name: str) -> SessionUse:
    """What the session's runs have used and reserved."""
    settled = {one.run: one.used for one in rested(connection, principal, name)}
    of_it = and_(session.c.principal == principal, session.c.name == name)
    reserved = Share()
    count, used = _past(connection, principal, name)
    for row in connection.execute(select(session).where(of_it)):
        share = settled.get(row.run, Share(calls=row.calls, usd=row.usd))
        count += 1
        if row.held and row.run not in settled:
            reserved += share
        else:
            used += share
    return SessionUse(name=name, runs=count, used=used, reserved=reserved)


def _past(connection: Connection, principal: str, name: str) -> tuple[int, Share]:
    """How many runs of the session were removed, and what they had used of it."""
    sums = select(past.c.runs, past.c.calls, past.c.usd).where(past.c.principal == principal, past.c.name == name)
    found = connection.execute(sums).one_or_none()
    return (0, Share()) if found is None else (found.runs, Share(calls=int(found.calls), usd=float(found.usd)))
