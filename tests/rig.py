"""A rig: Runs over a real SQLite journal, moved along by the embedded engine, with the tools and models that a test gives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from executor.confidence import NO_FLOORS, Floors
from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers
from executor.events import Event, RunStatus
from executor.gate import Gates
from executor.journal.artifacts import SqlArtifacts
from executor.journal.sql import SqlJournal
from executor.keeping import Keeping
from executor.planning import Planning
from executor.run import Run, is_over
from executor.segment import Segments
from executor.submission import Principal, Submission
from executor.toolset import Toolset
from planner.llm.port import Model
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models, Role
from planner.planner import Planner
from planner.playbook import Playbook, Playbooks
from planner.policy import USUAL, Policy
from planner.worst import ModelTerms
from planrail.runs import Runs

BOUND_S = 60.0  # no wait of a test is longer
ANN = Principal(id="ann")
NO_TOOLS = Toolset()


async def no_wait(seconds: float) -> None:
    """Instead of a wait between attempts."""
    await asyncio.sleep(0)


def role(model: Model | Sequence[ScriptedReply], **terms: Any) -> Role:
    """A role of that model, or of a scripted one with those replies."""
    return Role(ScriptedModel(model) if isinstance(model, list | tuple) else model, ModelTerms(**{"model": "m", **terms}))  # type: ignore[arg-type]  # a Sequence that is no list is a Model


@dataclass
class Rig:
    """One house without doors."""

    journal: SqlJournal
    toolset: Toolset
    models: Models = field(default_factory=Models)
    playbooks: Sequence[Playbook] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    as_json: bool = False
    sleep: Callable[[float], Awaitable[None]] = no_wait
    gates: Gates = field(default_factory=Gates)
    first: int = 1  # the number of its first run
    plans_after: int = 0
    floors: Floors = NO_FLOORS
    policy: Policy = USUAL

    def __post_init__(self) -> None:
        ids = itertools.count(self.first)
        planner = None if self.models.planner is None else Planner(self.models.planner, as_json=self.as_json)
        self.artifacts = SqlArtifacts(self.journal.engine)
        keeping = Keeping(self.journal.kept, self.plans_after)
        self.planning = Planning(
            self.toolset.specs, Playbooks(self.playbooks), planner, self.models.terms(parallel=16), self.policy,
            keeping=keeping, shapes=self.journal.shapes,
        )  # fmt: skip
        self.runs = Runs(
            self.journal, artifacts=self.artifacts, planning=self.planning, now=_now, new_id=lambda: f"run{next(ids):013}"
        )
        self.segments = Segments(
            journal=self.journal, artifacts=self.artifacts, toolset=self.toolset, models=self.models, planning=self.planning,
            secrets=self.secrets.get, now=_now, worker="w", version="test", sleep=self.sleep,
            gates=self.gates, floors=self.floors,
        )  # fmt: skip

    def engine(self) -> LocalEngine:
        return LocalEngine(self.journal, self.segments.advance, liveness=KnownWorkers("w"), worker="w")

    async def submit(self, script: str | None = None, *, principal: Principal = ANN, **more: Any) -> str:
        return (await self.runs.submit(Submission(script=script, principal=principal, **more))).id

    async def carried(self, script: str | None = None, **more: Any) -> Run:
        """Submit, and carry on until the run has ended or waits for a person."""
        run = await self.submit(script, **more)
        async with self.engine():
            return await self.rests(run)

    async def rests(self, run: str) -> Run:
        """The run, once it has ended or waits for a person."""
        return await self.until(run, lambda status: is_over(status) or status == "waiting")

    async def until(self, run: str, holds: Callable[[RunStatus], bool]) -> Run:
        """The run, once its row's status is so."""
        async with asyncio.timeout(BOUND_S):
            async for _ in self.journal.changes():
                if holds((await self.runs.record(run, ANN)).status):
                    break
        return await self.runs.get(run, ANN)

    async def events(self, run: str) -> list[Event]:
        return [r.event for r in await self.journal.read(run)]

    async def text(self, run: str) -> str:
        """Everything that the journal says of the run."""
        return "\n".join([r.model_dump_json() for r in await self.journal.read(run)])


@asynccontextmanager
async def rig(folder: Path, toolset: Toolset = NO_TOOLS, **more: Any) -> AsyncIterator[Rig]:
    """A rig with its journal in that folder: the one that is there, or a copy of an empty one."""
    path = folder / "planrail.db"
    if not path.exists():
        path.write_bytes(await asyncio.to_thread(_empty_database))
    async with await SqlJournal.open(f"sqlite:///{path}") as journal:
        yield Rig(journal, toolset, **more)


@cache
def _empty_database() -> bytes:
    async def made(path: Path) -> None:
        async with await SqlJournal.open(f"sqlite:///{path}"):
            pass

    with TemporaryDirectory() as folder:
        asyncio.run(made(Path(folder) / "planrail.db"))
        return (Path(folder) / "planrail.db").read_bytes()


def answer_of(run: Run) -> Any:
    """The answer of a run that is done."""
    assert run.ended is not None
    assert run.ended.status == "done", run.ended
    return run.ended.answer


def reason_of(run: Run) -> str:
    """Why a run has failed."""
    assert run.ended is not None
    assert run.ended.status == "failed", run.ended
    return run.ended.reason


def _now() -> datetime:
    return datetime.now(UTC)
