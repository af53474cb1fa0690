"""A year of runs leaves beside a worker: nobody waits long, a kill in the middle costs nothing, and the sums are the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executor.events import CallFinished, CallStarted, Event, PlannerCalled, RunEnded, RunSubmitted
from executor.journal.codec import encode
from executor.journal.sql import SqlJournal
from executor.journal.tables import event_table, run_table
from executor.submission import Principal, Submission
from planner.usage import Usage
from planrail.costs import tallied
from planrail.prices import GenaiPrices
from planrail.retention import old_of
from tests.planrail.command import Command

RUNS = 4_000
BOUND_S = 300.0
BOB = Principal(id="bob")
COST = Usage(model_calls=1, input_tokens=1_000, output_tokens=100, usd=0.01)
LONGEST_S = 2.0  # that a write of a worker's may take meanwhile, on a machine that does much besides


def a_year(now: datetime) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Runs that were over within the year, each with its events."""
    for number in range(RUNS):
        at, name = now - timedelta(days=365 * (1 - number / RUNS)), f"old{number:05}"
        events: list[Event] = [
            RunSubmitted(submission=Submission(goal=f"goal {number}", principal=BOB), now=at),
            PlannerCalled(purpose="write", model="big", usage=COST, seconds=1.0),
        ]
        for step in range(4):
            events.append(CallStarted(step=f"s{step}", call="ask", model="small"))
            events.append(CallFinished(step=f"s{step}", value="what a model said. " * 20, usage=COST))
        events.append(RunEnded(status="done", answer=f"answer {number}"))
        run = {
            "id": name, "principal": "bob", "key": name, "digest": "0" * 64, "goal": f"goal {number}", "status": "done",
            "seq": len(events), "outside": 0, "epoch": 1, "owner": None, "tools": "", "created_at": at, "updated_at": at,
        }  # fmt: skip
        same = {"run": name, "at": at, "epoch": 1}
        rows = [{**same, "seq": n, "type": e.type, "body": encode(e)} for n, e in enumerate(events, 1)]
        yield run, rows


def filled(journal: SqlJournal, now: datetime) -> None:
    runs: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    with journal.engine.begin() as connection:
        for run, rows in a_year(now):
            runs.append(run)
            events += rows
            if len(runs) == 500:
                connection.execute(run_table.insert(), runs)
                connection.execute(event_table.insert(), events)
                runs, events = [], []


@asynccontextmanager
async def a_worker(journal: SqlJournal) -> AsyncIterator[list[float]]:
    """Somebody who writes into a run of theirs all the time; how long each write took, in seconds."""
    await journal.create(Submission(goal="goes on", principal=BOB), run="live", key="live", now=datetime.now(UTC))
    epoch = await journal.take("live", "w")
    took: list[float] = []

    async def write() -> None:
        while True:
            begun = time.monotonic()
            await journal.append("live", [CallStarted(step=f"s{len(took)}", call="ask")], epoch=epoch)
            took.append(time.monotonic() - begun)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(write())
    try:
        yield took
    finally:
        task.cancel()
        await asyncio.wait([task])


async def count(journal: SqlJournal) -> int:
    """How many runs there are."""
    return sum(found.runs for found in await journal.retention.count(old_of(datetime.now(UTC))))


def size_of(journal: SqlJournal) -> float:
    """The database's, in MB."""
    sqlite = "select page_count * page_size from pragma_page_count, pragma_page_size"
    sql = sqlite if journal.engine.dialect.name == "sqlite" else "select pg_database_size(current_database())"
    with journal.engine.connect() as connection:
        return float(connection.exec_driver_sql(sql).scalar_one()) / 1e6


@pytest.mark.proof
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_year_of_runs_leaves_beside_a_worker(
    request: pytest.FixtureRequest, command: Command, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{command.home}/planrail.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    command.env["PLANRAIL_DATABASE_URL"] = url
    prune = ("prune", "--older-than", "30d", "--yes", "--json")
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=400)
    async with await SqlJournal.open(url) as journal:
        await asyncio.to_thread(filled, journal, now)
        size, young = size_of(journal), RUNS * 30 // 365
        async with a_worker(journal) as took, asyncio.timeout(BOUND_S):
            first = command.start(*prune)
            async for _ in journal.changes():
                if await count(journal) < RUNS * 3 // 4:
                    break
            first.kill()
            await asyncio.to_thread(first.communicate)
            left = await count(journal)
            begun = time.monotonic()
            second = command.start(*prune)
            out, err = await asyncio.to_thread(second.communicate)
            seconds = time.monotonic() - begun
        after = (await tallied(journal, long_ago)).costs(GenaiPrices({}), {})
        smaller, kept = size_of(journal), await count(journal)

    with capsys.disabled():
        told = f"{left - kept:,} runs in {seconds:.1f} s; {len(took):,} writes of a worker, the longest {max(took):.3f} s"
        print(f"\n{database}: {told}; {size:.0f} MB before, {smaller:.0f} MB after")

    assert second.returncode == 0, err
    assert json.loads(out)["removed"]["runs"] == left - kept
    assert abs(kept - young) <= 1
    assert (after.runs, after.usd) == (RUNS + 1, pytest.approx(RUNS * 5 * COST.usd))
    assert {m.model: m.usage.tokens for m in after.models} == {"big": RUNS * COST.tokens, "small": RUNS * 4 * COST.tokens}
    assert max(took) < LONGEST_S
    assert database == "postgres" or smaller < size / 3
