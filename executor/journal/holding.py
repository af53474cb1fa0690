"""Holding: what of a database holds a subject: runs by their events, receipts and artifacts; and rows that are no run's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Table, bindparam, delete, exists, select, tuple_

from executor.events import RunStatus
from executor.journal.leaving import HASH
from executor.journal.tables import (
    event_table,
    key_table,
    loose_table,
    plan_table,
    push_table,
    quota_table,
    receipt_table,
    run_table,
    schedule_table,
    session_past_table,
    session_table,
    shape_table,
)
from executor.subject import Subject

PAGE = 50  # runs that are looked through at once

_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_PAGE = select(run_table).where(run_table.c.id > bindparam("last")).order_by(run_table.c.id).limit(PAGE)
_EVENTS = select(event_table.c.run, event_table.c.type, event_table.c.body).where(event_table.c.run.in_(_IDS))
_EVENTS = _EVENTS.order_by(event_table.c.run, event_table.c.seq)
_RECEIPTS = select(receipt_table.c.run, receipt_table.c.body).where(receipt_table.c.run.in_(_IDS))
_SESSIONS = select(session_table.c.run, session_table.c.name).where(session_table.c.run.in_(_IDS))
_PUSH = select(push_table.c.run, push_table.c.place).where(push_table.c.run.in_(_IDS))

# what is no run's: the table, what it is called, the columns that are looked into, and those of them that are a principal's id
_OTHERS: tuple[tuple[Table, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (schedule_table, "schedules", ("name", "submission"), ("principal",)),
    (key_table, "keys", ("name",), ("principal",)),
    (plan_table, "kept plans", ("goal", "body"), ("principal",)),
    (shape_table, "learned shapes", ("body",), ()),
    (quota_table, "days of quotas", (), ("account",)),
    (session_past_table, "sums of sessions", ("name",), ("principal",)),
)


@dataclass(frozen=True)
class Held:
    """A run that was looked through. `of` are runs that it was made from; `tasks` what it gave to other agents (name, task)."""

    run: str
    principal: str
    status: RunStatus
    holds: bool
    of: frozenset[str]
    tasks: tuple[tuple[str, str], ...]


def held_page(
    connection: Connection, last: str, subject: Subject, hashes: Set[str], since: datetime | None
) -> tuple[list[Held], str | None]:
    """The next runs by their ids, and the last one's; None at the end. `hashes` are artifacts that hold the subject."""
    wanted = _PAGE if since is None else _PAGE.where(run_table.c.updated_at >= since)
    rows = connection.execute(wanted, {"last": last}).all()
    ids = {"ids": [row.id for row in rows]}
    texts: dict[str, list[str]] = {row.id: [] for row in rows}
    of: dict[str, set[str]] = {row.id: set() for row in rows}
    tasks: dict[str, list[tuple[str, str]]] = {row.id: [] for row in rows}
    for name, kind, body in connection.execute(_EVENTS, ids) if rows else ():
        texts[name].append(body)
        if kind in _LINKS:
            _link(kind, json.loads(body), of[name], tasks[name])
    for statement in (_RECEIPTS, _SESSIONS, _PUSH) if rows else ():
        for name, text in connection.execute(statement, ids):
            texts[name].append(text)
    found = [
        Held(
            row.id, row.principal, row.status, _holds(row, texts[row.id], subject, hashes), frozenset(of[row.id]),
            tuple(tasks[row.id]),
        )
        for row in rows
    ]  # fmt: skip
    return found, rows[-1].id if rows else None


def _holds(row: Any, texts: Sequence[str], subject: Subject, hashes: Set[str]) -> bool:
    if subject.is_principal(row.principal) or (subject.kind != "principal" and subject.in_text(f"{row.key}\n{row.goal}")):
        return True
    if any(subject.in_text(text) for text in texts):
        return True
    return bool(hashes) and any(not hashes.isdisjoint(HASH.findall(t)) for t in texts if "artifact" in t)


_LINKS = frozenset(("run_submitted", "earlier_shown", "run_forked", "task_delegated"))


def _link(kind: str, event: Mapping[str, Any], of: set[str], tasks: list[tuple[str, str]]) -> None:
    if kind == "run_submitted":
        submission = event["submission"]
        of.update(submission.get("refers_to") or ())
        if submission.get("forked_from"):
            of.add(submission["forked_from"]["run"])
    elif kind == "task_delegated":
        tasks.append((event["agent"], event["task"]))
    else:
        of.add(event["run"])


def widened(found: Sequence[Held]) -> dict[str, Held]:
    """Those that hold it, and those made of their words: forks, goals about them, what they delegated within the house."""
    every = {each.run: each for each in found}
    made_of: dict[str, set[str]] = {}
    for each in found:
        for source in each.of:
            made_of.setdefault(source, set()).add(each.run)
        made_of.setdefault(each.run, set()).update(task for _, task in each.tasks if task in every)
    reached, left = {}, [each.run for each in found if each.holds]
    while left:
        name = left.pop()
        if name not in reached:
            reached[name] = every[name]
            left += made_of.get(name, ())
    return dict(sorted(reached.items()))


def others(connection: Connection, subject: Subject) -> dict[str, int]:
    """How many rows that are no run's hold it, by what they are."""
    counts = {what: sum(1 for _ in _keys(connection, table, texts, whose, subject)) for table, what, texts, whose in _OTHERS}
    return {what: count for what, count in counts.items() if count}


def remove_others(connection: Connection, subject: Subject) -> dict[str, int]:
    """Remove them; how many."""
    counts: dict[str, int] = {}
    for table, what, texts, whose in _OTHERS:
        key = list(table.primary_key.columns)
        gone = list(_keys(connection, table, texts, whose, subject))
        for some in gone:
            connection.execute(delete(table).where(tuple_(*key) == tuple_(*_bound(key, some))))
        if gone:
            counts[what] = len(gone)
    return counts


def _bound(key: Sequence[Column[Any]], values: Sequence[Any]) -> list[BindParameter[Any]]:
    return [bindparam(f"k{n}", value, column.type) for n, (column, value) in enumerate(zip(key, values, strict=True))]


def _keys(
    connection: Connection, table: Table, texts: Sequence[str], whose: Sequence[str], subject: Subject
) -> Iterator[tuple[Any, ...]]:
    """The keys of the rows that hold it."""
    key = [column.name for column in table.primary_key.columns]
    wanted = [table.c[name] for name in dict.fromkeys((*key, *texts, *whose))]
    for row in connection.execute(select(*wanted)).all():
        found = row._mapping
        if any(subject.is_principal(found[name]) for name in whose) or any(subject.in_text(found[name]) for name in texts):
            yield tuple(found[name] for name in key)


# -- artifacts


def referred(connection: Connection, last: str, hashes: Set[str]) -> tuple[set[str], str | None]:
    """Which of these artifacts the next runs have, by their ids, and the last one's; None at the end."""
    ids = connection.execute(
        select(run_table.c.id).where(run_table.c.id > last).order_by(run_table.c.id).limit(PAGE)
    ).scalars().all()  # fmt: skip
    found: set[str] = set()
    for table in (event_table, receipt_table) if ids else ():
        bodies = select(table.c.body).where(table.c.run.in_(_IDS), table.c.body.like("%artifact%"))
        for body in connection.execute(bodies, {"ids": list(ids)}).scalars():
            found.update(hashes & set(HASH.findall(body)))
    return found, ids[-1] if ids else None


def anybody_runs(connection: Connection) -> bool:
    """Whether a run is carried on: a call of it may have put something in that its journal does not tell of yet."""
    return bool(connection.execute(select(exists().where(run_table.c.status == "running"))).scalar_one())


def loose(connection: Connection) -> dict[str, Any]:
    """Artifacts of removed runs, and when such a run was last changed."""
    return {row.hash: row.used_at for row in connection.execute(select(loose_table))}
