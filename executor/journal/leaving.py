"""Leaving: runs that are being removed: read whole at leisure, and then removed if nothing has happened to them since.

read: what it cost, what of its session and of its principal's day, its artifacts ─► one short transaction: the sums that stay,
what says that it is gone, and the rows of the run ─► …
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, insert, select, update

from executor.events import TERMINAL
from executor.journal import quotas, spent
from executor.journal.codec import decode_event, decode_receipt
from executor.journal.dialect import Dialect
from executor.journal.gone import GoneRuns
from executor.journal.port import How
from executor.journal.spent import Spent, spent_by
from executor.journal.tables import event_table as event
from executor.journal.tables import gone_table as gone
from executor.journal.tables import loose_table as loose
from executor.journal.tables import push_table as push
from executor.journal.tables import quota_table as quota
from executor.journal.tables import receipt_table as receipt
from executor.journal.tables import run_table as run
from executor.journal.tables import session_past_table as past
from executor.journal.tables import session_table as session
from executor.quota import Stint, day_of, rested
from executor.run import Run, fold
from executor.session import Share, used_by

_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_ROWS = select(run).where(run.c.id.in_(_IDS), run.c.status.in_(sorted(TERMINAL))).order_by(run.c.id)
_RECEIPTS = select(receipt.c.run, func.count()).where(receipt.c.run.in_(_IDS)).group_by(receipt.c.run)
_EVENTS = select(event.c.seq, event.c.at, event.c.body).where(event.c.run == bindparam("of")).order_by(event.c.seq)
_TEXTS = select(receipt.c.body).where(receipt.c.run == bindparam("of"))
_SESSIONS = select(session).where(session.c.run == bindparam("of"))
_STINTS = select(quota).where(quota.c.run == bindparam("of")).order_by(quota.c.number)
_LAST_DAYS = delete(quota).where(quota.c.run.in_(_IDS), quota.c.day < bindparam("today"))
_REST = update(quota).where(quota.c.run == bindparam("of"), quota.c.number == bindparam("stint"))
_REST = _REST.values(usd=bindparam("took"), held=False)
_BODIES = tuple(delete(table).where(table.c.run.in_(_IDS)) for table in (push, session, receipt, event))
_RUNS = delete(run).where(run.c.id.in_(_IDS))
_GONE = insert(gone)
_PAST = update(past).where(past.c.principal == bindparam("whose"), past.c.name == bindparam("called"))
_PAST = _PAST.values(
    runs=past.c.runs + 1, calls=past.c.calls + bindparam("more_calls"), usd=past.c.usd + bindparam("more_usd"),
    at=bindparam("when"),
)  # fmt: skip
_USED = update(loose).where(loose.c.hash == bindparam("of"), loose.c.used_at < bindparam("when"))
_USED = _USED.values(used_at=bindparam("when"))

HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
LOCK = "removal"  # whoever removes, or forgets what stays of removed runs


@dataclass(frozen=True)
class Leaving:
    """A run as it was read. `seq` and `receipts` tell whether something has happened to it since."""

    run: str
    principal: str
    key: str
    created_at: datetime
    updated_at: datetime
    seq: int
    receipts: int
    spent: tuple[Spent, ...]
    session: str | None
    share: Share  # of its session, that it has used
    stints: tuple[Stint, ...]  # of days
    hashes: frozenset[str]  # of its artifacts


def read_leaving(connection: Connection, ids: Sequence[str]) -> list[Leaving]:
    """Those of them that are over."""
    return [_read(connection, row) for row in connection.execute(_ROWS, {"ids": list(ids)}).all()]


def _read(connection: Connection, row: Row[Any]) -> Leaving:
    found = row._mapping
    name = found["id"]
    rows, texts = connection.execute(_EVENTS, {"of": name}).all(), connection.execute(_TEXTS, {"of": name}).scalars().all()
    recorded, receipts = [decode_event(seq, at, body) for seq, at, body in rows], [decode_receipt(text) for text in texts]
    member = connection.execute(_SESSIONS, {"of": name}).one_or_none()
    stints = [
        Stint(s.number, s.day, float(s.base), float(s.usd), bool(s.held)) for s in connection.execute(_STINTS, {"of": name})
    ]
    share = Share() if member is None else Share(calls=member.calls, usd=member.usd)
    if (member is not None and member.held) or any(s.held for s in stints):
        used = used_by(fold(Run(name), recorded), ((r.key, r.finished) for r in receipts))
        share = used if member is not None and member.held else share
        stints = rested(stints, used.usd) if any(s.held for s in stints) else stints
    return Leaving(
        run=name, principal=found["principal"], key=found["key"], created_at=found["created_at"],
        updated_at=found["updated_at"], seq=found["seq"], receipts=len(receipts),
        spent=tuple(spent_by(recorded, found["updated_at"])), session=None if member is None else member.name, share=share,
        stints=tuple(stints), hashes=_hashes([*texts, *(body for _, _, body in rows)]),
    )  # fmt: skip


def _hashes(texts: Sequence[str]) -> frozenset[str]:
    """The artifacts that they tell of."""
    return frozenset(found for text in texts if "artifact" in text for found in HASH.findall(text))


def remove(
    connection: Connection, dialect: Dialect, leaving: Sequence[Leaving], noted: GoneRuns, how: How, at: datetime
) -> list[Leaving]:
    """Remove them, as far as nothing has happened to them since they were read; those that are removed."""
    dialect.lock_name(connection, LOCK)
    for named in sorted({f"session\n{each.principal}\n{each.session}" for each in leaving if each.session is not None}):
        dialect.lock_name(connection, named)
    still = _still(connection, leaving)
    ids = {"ids": [each.run for each in still]}
    if not still:
        return []
    spent.add(connection, dialect, spent.summed(part for each in still for part in each.spent))
    for each in still:
        _keep_shares(connection, dialect, each, at)
    today = day_of(quotas.now(connection, dialect))
    connection.execute(_LAST_DAYS, {**ids, "today": today})
    for statement in _BODIES:
        connection.execute(statement, ids)
    rows = [
        noted.note(connection, e.run, e.principal, e.key, how, created_at=e.created_at, at=at) for e in still
    ]  # fmt: skip
    connection.execute(_GONE, rows)
    connection.execute(_RUNS, ids)
    return still


def _still(connection: Connection, leaving: Sequence[Leaving]) -> list[Leaving]:
    """Those that are as they were, and whose rows are this transaction's now."""
    ids = {"ids": [each.run for each in leaving]}
    rows = connection.execute(_ROWS.with_for_update(skip_locked=True), ids).all()
    seqs = {row.id: row.seq for row in rows}
    receipts: dict[str, int] = {name: int(count) for name, count in connection.execute(_RECEIPTS, ids)}
    return [e for e in leaving if seqs.get(e.run) == e.seq and receipts.get(e.run, 0) == e.receipts]


def _keep_shares(connection: Connection, dialect: Dialect, each: Leaving, at: datetime) -> None:
    """What it took of its session and of its principal's day still counts; and which artifacts may be nobody's now."""
    if each.session is not None and each.share != Share():
        first = {
            "principal": each.principal, "name": each.session, "runs": 1, "calls": each.share.calls, "usd": each.share.usd,
            "at": at,
        }  # fmt: skip
        made = dialect.insert_once(past, "principal", "name").values(first).returning(past.c.name)
        if connection.execute(made).first() is None:
            more = {"more_calls": each.share.calls, "more_usd": each.share.usd, "when": at}
            connection.execute(_PAST, {"whose": each.principal, "called": each.session, **more})
    for stint in each.stints:
        connection.execute(_REST, {"of": each.run, "stint": stint.number, "took": stint.usd})
    for name in sorted(each.hashes):
        connection.execute(dialect.insert_once(loose, "hash").values(hash=name, used_at=each.updated_at))
        connection.execute(_USED, {"of": name, "when": each.updated_at})
