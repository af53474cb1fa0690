"""A process that carries runs on which share a limit: `python session_child.py URL LOG NAME RUNS ITEMS LIMIT [quota]`.

They share a session; with `quota` a day of their principal. Each call of a run's tool is a line in LOG.
All runs go side by side; prints how each ended.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime

from executor.artifacts import MemoryArtifacts
from executor.journal.sql import SqlJournal
from executor.planning import Planning
from executor.run import Run, fold
from executor.segment import Segments
from executor.session import SessionLimits
from executor.submission import Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.models import Models
from planner.playbook import Playbooks


def now() -> datetime:
    return datetime.now(UTC)


async def main(url: str, log: str, name: str, runs: int, items: int, limit: int, *, quota: bool) -> None:
    @tool(effect="read", usd=0.01)
    async def visit(x: int) -> int:
        """Note the call."""
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{name} {x}\n".encode())
        os.close(handle)
        return x

    toolset = Toolset.of("t", [visit])
    planning = Planning(toolset.specs, Playbooks(), None, Models().terms(parallel=4))
    async with await SqlJournal.open(url) as journal:
        segments = Segments(
            journal=journal, artifacts=MemoryArtifacts(), toolset=toolset, models=Models(), planning=planning,
            secrets=lambda _: None, now=now, worker=name, version="test",
            session=SessionLimits() if quota else SessionLimits(calls=limit, usd=limit / 100),
            usd_a_day=lambda principal: limit / 100 if quota else None,
        )  # fmt: skip
        script = f"xs = [t.visit(x=i) for i in range({items})]\nanswer(len(xs))\n"
        ids = [f"{name}{n}" for n in range(runs)]
        for run in ids:
            await journal.create(Submission(script=script, session=None if quota else "s"), run=run, key=run, now=now())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

        async def carried(run: str) -> str:
            epoch = await journal.take(run, name)
            assert epoch is not None
            await segments.advance(run, epoch, asyncio.Event())
            return fold(Run(run), await journal.read(run)).status

        print(*await asyncio.gather(*map(carried, ids)), flush=True)


if __name__ == "__main__":
    url, log, name, runs, items, limit = sys.argv[1:7]
    asyncio.run(main(url, log, name, int(runs), int(items), int(limit), quota="quota" in sys.argv[7:]))
