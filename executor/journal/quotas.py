"""What principals have taken of their quotas, in the SQL journal: a row a run and day, reserved and settled under a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, exists, func, insert, literal_column, select, update

from executor.events import QuotaGranted, Recorded
from executor.journal.dialect import Dialect
from executor.journal.statements import Addition, append_events, bodies_of, read_events, read_receipts
from executor.journal.tables import quota_table as row
from executor.journal.tables import receipt_table as receipt
from executor.journal.tables import run_table as run
from executor.quota import Quota, QuotaUse, Stint, check, day_of, drawn, granted, rested
from executor.run import Run, fold
from executor.session import used_by
from executor.submission import Submission
from executor.tenant import account

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STINTS = select(row.c.number, row.c.day, row.c.base, row.c.usd, row.c.held).where(row.c.run == bindparam("of"))
_STINTS = _STINTS.order_by(row.c.number)
_OPEN = select(run.c.principal, func.count()).where(run.c.status.in_(("queued", "running"))).group_by(run.c.principal)
_KEYED = select(run.c.id).where(run.c.principal == bindparam("of"), run.c.key == bindparam("called"))


@dataclass(frozen=True)
class Draw:
    """What one `Journal.draw` or `Journal.hold` asks for."""

    run: str  # or what else costs something: its name
    principal: str
    wanted: float
    used: float
    limit: float
    epoch: int = 0


@dataclass(frozen=True)
class Rested:
    """A run that is not carried on and still counts with what it had reserved; what it has used by that number of events."""

    run: str
    seq: int
    receipts: int
    stints: tuple[Stint, ...]


def now(connection: Connection, dialect: Dialect) -> datetime:
    """The time by the database's clock."""
    found: int = connection.execute(select(literal_column(dialect.clock_ms))).scalar_one()
    return _EPOCH + timedelta(milliseconds=int(found))


def admit(connection: Connection, dialect: Dialect, submission: Submission, key: str, quota: Quota, use: QuotaUse) -> None:
    """Raise QuotaExceeded where a new run would pass the quota: a taken key makes none. `use` was looked at just now."""
    principal = submission.principal.id
    lock(connection, dialect, principal)
    if connection.execute(_KEYED, {"of": principal, "called": key}).first() is None:
        check(principal, quota, use.model_copy(update={"runs": _open(connection, principal)}), now(connection, dialect))


def lock(connection: Connection, dialect: Dialect, principal: str) -> None:
    """Nobody else counts what the principal has until this transaction ends."""
    dialect.lock_name(connection, f"quota\n{account(principal)}")


def look_again(connection: Connection, run_id: str) -> None:
    """A receipt came: what the run has used is to be counted anew."""
    connection.execute(update(row).where(row.c.run == run_id).values(held=True))


def resting(connection: Connection, principal: str, day: str) -> list[Rested]:
    """The principal's runs of that day that rest and are not settled, each with what it has used."""
    of_it = and_(row.c.account == account(principal), row.c.day == day, row.c.held, run.c.status != "running")
    rows = connection.execute(select(run.c.id, run.c.seq).join(row, row.c.run == run.c.id).where(of_it).distinct())
    found: list[Rested] = []
    for run_id, seq in rows.all():
        state = fold(Run(run_id), read_events(connection, run_id, 0, None))
        receipts = read_receipts(connection, run_id)
        used = used_by(state, ((r.key, r.finished) for r in receipts)).usd
        found.append(Rested(run_id, seq, len(receipts), tuple(rested(_stints(connection, run_id), used))))
    return found


def draw(connection: Connection, dialect: Dialect, asked: Draw, settled: Sequence[Rested], at: datetime) -> Recorded:
    """Reserve what is left of the day, and tell the run; see `Journal.draw`. Raises LostOwnership."""
    event = hold(connection, dialect, asked, settled)
    addition = Addition(
        run=asked.run, bodies=bodies_of([event]), epoch=asked.epoch, status=None, tools=None, release=False, only_if=None
    )  # fmt: skip
    seq = append_events(connection, addition, at)
    assert seq is not None
    return Recorded(seq=seq, at=at, event=event)


def hold(connection: Connection, dialect: Dialect, asked: Draw, settled: Sequence[Rested]) -> QuotaGranted:
    """Reserve what is left of the day; nobody else reserves of it until this transaction ends."""
    lock(connection, dialect, asked.principal)
    for one in settled:
        _settle(connection, one)
    day = day_of(now(connection, dialect))
    of_it = and_(row.c.account == account(asked.principal), row.c.day == day, row.c.run != asked.run)
    others = float(connection.execute(select(func.coalesce(func.sum(row.c.usd), 0.0)).where(of_it)).scalar_one())
    own = _stints(connection, asked.run)
    stint = drawn(day, asked.limit, asked.wanted, asked.used, own, others)
    if own and own[-1].number == stint.number:
        _write(connection, asked.run, stint)
    else:
        new = {"run": asked.run, "account": account(asked.principal), "number": stint.number, "day": day}
        connection.execute(insert(row).values(**new, base=stint.base, usd=stint.usd, held=True))
    return granted(asked.principal, asked.limit, stint)


def settle(connection: Connection, entry: str, used: float) -> None:
    """What is no run has used so much of what it had reserved."""
    for stint in rested(_stints(connection, entry), used):
        _write(connection, entry, stint)


def use_of(connection: Connection, dialect: Dialect, principal: str) -> QuotaUse:
    """What the principal has taken by now."""
    day = day_of(now(connection, dialect))
    settled = {(one.run, s.number): s.usd for one in resting(connection, principal, day) for s in one.stints}
    used, reserved = 0.0, 0.0
    of_it = and_(row.c.account == account(principal), row.c.day == day)
    for found in connection.execute(select(row).where(of_it)):
        if found.held and (found.run, found.number) not in settled:
            reserved += found.usd
        else:
            used += settled.get((found.run, found.number), found.usd)
    return QuotaUse(
        account=account(principal), day=day, runs=_open(connection, principal), used=round(used, 9), reserved=round(reserved, 9)
    )


def _open(connection: Connection, principal: str) -> int:
    """How many runs it has, in all its tenants, that are queued or running."""
    return sum(count for who, count in connection.execute(_OPEN) if account(who) == account(principal))


def _stints(connection: Connection, run_id: str) -> list[Stint]:
    rows = connection.execute(_STINTS, {"of": run_id})
    return [Stint(number, day, float(base), float(usd), bool(held)) for number, day, base, usd, held in rows]


def _settle(connection: Connection, one: Rested) -> None:
    """Put what a run has used in the place of what it had reserved, unless something has happened to it since."""
    receipts = select(func.count()).select_from(receipt).where(receipt.c.run == one.run).scalar_subquery()
    still = exists().where(run.c.id == one.run, run.c.seq == one.seq, run.c.status != "running")
    for stint in one.stints:
        same = and_(row.c.run == one.run, row.c.number == stint.number, still, receipts == one.receipts)
        connection.execute(update(row).where(same).values(usd=stint.usd, held=False))


def _write(connection: Connection, run_id: str, stint: Stint) -> None:
    same = and_(row.c.run == run_id, row.c.number == stint.number)
    connection.execute(update(row).where(same).values(usd=stint.usd, held=stint.held))
