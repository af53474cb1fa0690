"""Copies: many runs and long runs, made out of real ones by copying their rows, since running them all would take hours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, select, update

from benchmarks.ours import NOBODY, Ours
from executor.events import CallFinished
from executor.journal.tables import event_table, run_table
from planner.budget import Budget

_CHUNK = 5_000  # rows of one insert
_STARTED = 8  # items of a long run that really ran
LEFT = 10  # items of a long run that are still to be done
SCRIPT = "a = t.pure(x=1)\nanswer(a)\n"


async def cancelled_runs(house: Ours, count: int) -> str:
    """So many runs that were cancelled before they began, all but one of them copies; the middle one's id."""
    run = await house.submit(SCRIPT)
    await house.runs.cancel(run, NOBODY)
    ids = await asyncio.to_thread(_copy_run, house, run, count - 1)
    return ids[len(ids) // 2]


async def long_run(house: Ours, items: int) -> str:
    """A map over so many items, all done but the last ones: the first really ran, the others are copies of one of those."""
    budget = Budget(calls=4 * items, calls_per_step=4 * items, fan_out=items, parallel=_STARTED)
    run = await house.submit(f"xs = [t.wait(x=i, ms=2) for i in range({items})]\nanswer(len(xs))\n", budget)
    async with house.engine(only=frozenset((run,))):
        async for recorded in house.runs.events(run, NOBODY):
            if isinstance(recorded.event, CallFinished):
                break
    await asyncio.to_thread(_copy_items, house, run, items - LEFT)
    return run


def _copy_run(house: Ours, run: str, count: int) -> list[str]:
    """Insert copies, each a millisecond older than the one before."""
    with house.journal.engine.begin() as connection:
        row = connection.execute(select(run_table).where(run_table.c.id == run)).one()._asdict()
        events = [e._asdict() for e in connection.execute(select(event_table).where(event_table.c.run == run))]
        ids = [f"{run[:8]}{number:08d}" for number in range(count)]
        runs = (
            {**row, "id": name, "key": name, "created_at": row["created_at"] - timedelta(milliseconds=number + 1)}
            for number, name in enumerate(ids)
        )
        for chunk in _chunks(runs):
            connection.execute(insert(run_table), chunk)
        for chunk in _chunks({**event, "run": name} for name in ids for event in events):
            connection.execute(insert(event_table), chunk)
    return ids


def _copy_items(house: Ours, run: str, until: int) -> None:
    """Insert the events of every item below `until` that has none."""
    with house.journal.engine.begin() as connection:
        wanted = select(event_table).where(event_table.c.run == run).order_by(event_table.c.seq)
        events = [e._asdict() for e in connection.execute(wanted)]
        bodies = [json.loads(e["body"]) for e in events]
        finished = next(i for i, b in enumerate(bodies) if b["type"] == "call_finished")
        started = next(i for i, b in enumerate(bodies) if b["type"] == "call_started" and b["item"] == bodies[finished]["item"])
        known = {b["item"] for b in bodies if b["type"] == "call_started"}
        todo = (str(i) for i in range(until) if str(i) not in known)
        copies = (_item(events[i], item) for item in todo for i in (started, finished))
        seq = events[-1]["seq"]
        for chunk in _chunks({**copy, "seq": seq + n} for n, copy in enumerate(copies, 1)):
            connection.execute(insert(event_table), chunk)
            last = chunk[-1]["seq"]
        connection.execute(update(run_table).where(run_table.c.id == run).values(seq=last))


def _item(event: dict[str, Any], item: str) -> dict[str, Any]:
    body = json.loads(event["body"])
    body["item"] = item
    if body["type"] == "call_started":
        body |= {"arguments": {"x": int(item), "ms": 2}, "key": f"{int(item):032x}"}
    else:
        body["value"] = int(item)
    return {**event, "body": json.dumps(body)}


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk
