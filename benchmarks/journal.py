"""Appends a second into the journal, and bare SQLite commits in the same run: `python benchmarks/journal.py`."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from executor.events import CallFinished
from executor.journal.sql import SqlJournal
from executor.submission import Submission

ROUNDS = 5
ALONE = 200
TOGETHER = 50
EVENT = CallFinished(step="s", value={"text": "x" * 500})


def bare(folder: Path) -> float:
    """Commits a second of one row each: WAL, every commit synced, nothing else."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table if not exists t (n integer primary key, body text)")
    body = EVENT.model_dump_json()
    start = time.perf_counter()
    for _ in range(ALONE):
        connection.execute("begin immediate")
        connection.execute("insert into t (body) values (?)", (body,))
        connection.execute("commit")
    taken = time.perf_counter() - start
    connection.close()
    return ALONE / taken


async def alone(journal: SqlJournal) -> float:
    """Appends a second, one after the other."""
    start = time.perf_counter()
    for _ in range(ALONE):
        await journal.append("r", [EVENT], epoch=1)
    return ALONE / (time.perf_counter() - start)


async def together(journal: SqlJournal) -> float:
    """Appends a second, 50 at a time."""
    start = time.perf_counter()
    for _ in range(ALONE // TOGETHER * 4):
        await asyncio.gather(*(journal.append("r", [EVENT], epoch=1) for _ in range(TOGETHER)))
    return ALONE * 4 / (time.perf_counter() - start)


async def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        async with await SqlJournal.open(f"sqlite:///{name}/journal.db") as journal:
            await journal.create(Submission(goal="bench"), run="r", key="k", now=datetime.now(UTC))
            await journal.take("r", "w")
            for _ in range(ROUNDS):
                rows.append((await asyncio.to_thread(bare, Path(name)), await alone(journal), await together(journal)))
    for label, column in zip(("bare commit", "append, alone", "append, 50 at a time"), zip(*rows, strict=True), strict=True):
        print(f"{label:22} {statistics.median(column):8.0f}/s  ({min(column):.0f}-{max(column):.0f})")


if __name__ == "__main__":
    asyncio.run(main())
