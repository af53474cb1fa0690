"""Ours: Planrail as a user's program holds it, with tools that do nothing, on any database."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from executor.engine.port import Limits
from executor.events import RunEnded
from executor.journal.artifacts import SqlArtifacts
from executor.journal.sql import SqlJournal
from executor.keeping import Keeping
from executor.planning import Planning
from executor.segment import Segments
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.models import Models
from planner.planner import Planner
from planner.playbook import Playbooks
from planrail.engines import Engines, open_journal
from planrail.house import new_run_id
from planrail.runs import Runs
from planrail.settings import Settings

KINDS = {"pure": "a pure read", "read": "a read", "effect": "an effect with a key"}
PLENTY = Budget(parallel=64)
NOBODY = Principal()
NO_MODELS = Models()


@tool(effect="read")
async def pure(x: int) -> int:
    """Give back the number; nothing outside is looked at."""
    return x


@tool(effect="read", open_world=True)
async def read(x: int) -> int:
    """Give back the number, as if it came from outside the house."""
    return x


@tool(effect="write", idempotent=True, commutes=True)
async def effect(x: int) -> int:
    """Give back the number, as if something had been done: claimed before, settled after."""
    return x


@tool(effect="read")
async def wait(x: int, ms: int = 50) -> int:
    """Give back the number after a while."""
    await asyncio.sleep(ms / 1e3)
    return x


@tool(effect="read")
async def stamp(x: float = 0.0, ms: int = 0) -> float:
    """Give back the machine's monotonic clock, after a while that differs a little each time."""
    if ms:
        await asyncio.sleep(random.uniform(0.5, 1.5) * ms / 1e3)
    return time.monotonic()


TOOLS = Toolset.of("t", [pure, read, effect, wait, stamp])


def chain(call: str, length: int = 10) -> str:
    """A script of that many steps in a row; `call` names the tool and, after a comma, more of its arguments."""
    name, _, more = call.partition(",")
    steps = [f"s{i} = t.{name}(x={'s' + str(i - 1) if i else 0}{', ' + more if more else ''})" for i in range(length)]
    return "\n".join([*steps, f"answer(s{length - 1})", ""])


def fan_out(kind: str, width: int = 50) -> str:
    """A script of that many steps at once."""
    return f"xs = [t.{kind}(x=i) for i in range({width})]\nanswer(len(xs))\n"


@dataclass(frozen=True)
class Ours:
    """An open journal with everything on it; nothing moves before `engine` is entered."""

    journal: SqlJournal
    runs: Runs
    segments: Segments
    engines: Engines

    def engine(self, runs: int = 64, *, only: frozenset[str] | None = None) -> AbstractAsyncContextManager[object]:
        return self.engines.engine(self.segments.advance, Limits(runs=runs), only=only)

    async def submit(self, script: str, budget: Budget = PLENTY) -> str:
        return (await self.runs.submit(Submission(script=script, budget=budget))).id

    async def ended(self, run: str, after: int = 0) -> RunEnded:
        """Follow the run to its end; one that did not succeed is an error."""
        async for recorded in self.runs.events(run, NOBODY, after=after):
            if isinstance(recorded.event, RunEnded) and recorded.event.status == "done":
                return recorded.event
        raise RuntimeError(f"the run {run} did not succeed: {recorded.event}")

    async def all_ended(self) -> None:
        """Wait, without following any run, until none is queued or running."""
        async for _ in self.journal.changes():
            if not await self.journal.find(statuses=("queued", "running"), limit=1):
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_ours(
    url: str, place: Path = Path("unused"), *, toolset: Toolset = TOOLS, models: Models = NO_MODELS,
    plans_after: int = 0,
) -> AsyncIterator[Ours]:  # fmt: skip
    """Open the database at the URL, as `planrail.house` does, with these tools, models and settings."""
    worker = f"bench-{os.getpid()}-{secrets.token_hex(3)}"
    async with open_journal(Settings(home=place, database_url=url), worker) as (journal, engines):
        planner = None if models.planner is None else Planner(models.planner)
        terms, keeping = models.terms(parallel=PLENTY.parallel), Keeping(journal.kept, plans_after)
        planning = Planning(toolset.specs, Playbooks(), planner, terms, keeping=keeping)
        artifacts = SqlArtifacts(journal.engine)
        segments = Segments(
            journal=journal, artifacts=artifacts, toolset=toolset, models=models, planning=planning,
            secrets=lambda name: None, now=_now, worker=worker, version="bench",
        )  # fmt: skip
        runs = Runs(journal, artifacts=artifacts, planning=planning, now=_now, new_id=new_run_id)
        yield Ours(journal, runs, segments, engines)


def _now() -> datetime:
    return datetime.now(UTC)
