"""Appends a second into the journal beside bare commits: `python -m benchmarks.journal`."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from benchmarks.bare import BareDatabase
from benchmarks.databases import folder, postgres_server
from benchmarks.session import CPU, Measure, Options, interleaved, main
from benchmarks.table import Row, Table, compared
from executor.events import CallFinished
from executor.journal.sql import SqlJournal
from executor.submission import Submission

TOGETHER = 50
EVENT = CallFinished(step="s", value={"text": "x" * 500})


async def measured(options: Options) -> Table:
    count = options.size(200, 50)
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        server = stack.enter_context(postgres_server())
        bare = stack.enter_context(BareDatabase(f"{place}/bare.db"))
        works: dict[str, Measure] = {"bare": partial(_bare, bare, count)}
        for name, url in (("SQLite", f"sqlite:///{place}/ours.db"), ("PostgreSQL", server.new_database())):
            journal = await stack.enter_async_context(await SqlJournal.open(url))
            await journal.create(Submission(goal="bench"), run="r", key="k", now=datetime.now(UTC))
            await journal.take("r", "w")
            works[f"{name}: appends, one after the other"] = partial(alone, journal, count)
            works[f"{name}: appends, {TOGETHER} at a time"] = partial(together, journal, count)
        for work in works.values():
            await work()  # warm
        taken = await interleaved(works, options)
    floor = taken.pop("bare")
    rows: tuple[Row, ...] = tuple(
        compared(what, ours, "a second", "bare commit", floor) for what, ours in taken.items() if not what.startswith(CPU)
    )
    return Table(
        "Journal", rows, ("A bare commit is one of SQLite, WAL, FULL, one row of the event's JSON; here more is better.",)
    )


async def _bare(bare: BareDatabase, count: int) -> float:
    return count / bare.commits(count, EVENT.model_dump_json())


async def alone(journal: SqlJournal, count: int) -> float:
    """Appends a second, one after the other."""
    start = time.perf_counter()
    for _ in range(count):
        await journal.append("r", [EVENT], epoch=1)
    return count / (time.perf_counter() - start)


async def together(journal: SqlJournal, count: int) -> float:
    """Appends a second, 50 at a time."""
    rounds = max(1, count * 4 // TOGETHER)
    start = time.perf_counter()
    for _ in range(rounds):
        await asyncio.gather(*(journal.append("r", [EVENT], epoch=1) for _ in range(TOGETHER)))
    return rounds * TOGETHER / (time.perf_counter() - start)


if __name__ == "__main__":
    main(measured)
