"""A bench: carry out a script in a world with the real parts, in memory, and look at everything that happened."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from executor.artifacts import Artifacts, MemoryArtifacts
from executor.breaker import BreakerTerms
from executor.events import CallStarted, Question, QuestionAnswered, Recorded, RunEnded, RunParked, RunStatus, RunSubmitted
from executor.gate import Gates, GateTerms
from executor.handing import NOTHING_HANDED, Handing
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal, RunRecord
from executor.keeping import Keeping
from executor.planning import Planning
from executor.routing import NOT_ROUTED, Routing
from executor.run import Run, fold, is_over
from executor.segment import Segments
from executor.session import SessionLimits
from executor.submission import Submission
from executor.toolset import Toolset
from planner.budget import Budget
from planner.compiler import compile_script
from planner.models import Models
from planner.planner import Planner
from planner.playbook import Playbooks
from planner.policy import USUAL, Policy
from planner.program import Program
from planner.toolspec import Json

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BOUND_S = 60.0  # no wait of a test is longer
PLENTY = Budget(
    steps=1_000, calls=1_000_000, calls_per_step=1_000_000, model_calls=100_000, tokens=1_000_000_000, usd=1e6, fan_out=20_000,
    parallel=4, seconds=1e6, reserve=0,
)  # fmt: skip
Answers = Callable[[Question], QuestionAnswered]


def yes(question: Question) -> QuestionAnswered:
    """The answer of a person who agrees to everything."""
    return QuestionAnswered(question=question.id, answer=True, by="tester")


async def no_wait(seconds: float) -> None:
    """Instead of a wait between attempts."""
    await asyncio.sleep(0)


@dataclass
class Clockwork:
    """A clock that goes on by a millisecond each time it is looked at."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once."""
        await asyncio.sleep(0)
        self.now += timedelta(seconds=seconds)


@dataclass
class Bench:
    """One house without doors. `answers` is the person; without one a run that asks stays parked."""

    toolset: Toolset
    models: Models = field(default_factory=Models)
    journal: Journal = field(default_factory=MemoryJournal)
    artifacts: Artifacts = field(default_factory=MemoryArtifacts)
    playbooks: Playbooks = field(default_factory=Playbooks)
    secrets: Mapping[str, str] = field(default_factory=dict)
    answers: Answers | None = yes
    sleep: Callable[[float], Any] = no_wait
    as_json: bool = False
    plans_after: int = 0
    read_ahead: bool = True
    budget: Budget = PLENTY
    session: SessionLimits = field(default_factory=SessionLimits)
    usd_a_day: float | None = None
    policy: Policy = USUAL
    routing: Routing = NOT_ROUTED
    handing: Handing = NOTHING_HANDED
    question_timeout_s: float | None = None
    now: Callable[[], datetime] = field(default_factory=Clockwork)
    gates: Gates = field(default_factory=lambda: Gates(usual=GateTerms(breaker=BreakerTerms(failures=1_000_000))))
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.toolset = self.toolset.under(self.policy)
        if self.sleep is no_wait and isinstance(self.now, Clockwork):
            self.sleep = self.now.sleep

    @property
    def planning(self) -> Planning:
        planner = None if self.models.planner is None else Planner(self.models.planner, as_json=self.as_json)
        return Planning(
            self.toolset.specs,
            self.playbooks,
            planner,
            self.models.terms(parallel=self.budget.parallel),
            self.policy,
            keeping=Keeping(self.journal.kept, self.plans_after),
            routing=self.routing,
            handing=self.handing,
        )

    def segments(self, journal: Journal | None = None, worker: str = "w") -> Segments:
        return Segments(
            journal=journal or self.journal, artifacts=self.artifacts, toolset=self.toolset, models=self.models,
            planning=self.planning, secrets=self.secrets.get, now=self.now, worker=worker, version="test", sleep=self.sleep,
            gates=self.gates, session=self.session, usd_a_day=lambda _: self.usd_a_day,
            read_ahead=self.read_ahead, question_timeout_s=self.question_timeout_s,
        )  # fmt: skip

    async def submit(self, script: str | None = None, **more: Any) -> str:
        run = f"run{next(self._ids)}"
        submission = Submission(script=script, **{"budget": self.budget, **more})
        await self.journal.create(submission, run=run, key=run, now=NOW)
        return run

    async def run(self, script: str | None = None, **more: Any) -> Run:
        """Submit and carry on to the end, or to where only an absent person can go on."""
        return await self.carry_on(await self.submit(script, **more))

    async def carry_on(self, run: str) -> Run:
        async with asyncio.timeout(BOUND_S):
            while True:
                state = await self.state(run)
                if is_over(state.status):
                    return state
                record = await self.journal.get(run)
                assert record is not None
                if record.status == "waiting":
                    if state.open_questions and self.answers is None:
                        return state
                    if not state.open_questions:
                        await self.pass_until(record)
                    await self.answer(run, *(self.answers(q) for q in state.open_questions if self.answers))
                await self.segment(run)

    async def pass_until(self, record: RunRecord) -> None:
        """Let the time pass until the clock wakes the run, as an engine would wait for it."""
        assert record.wake_at is not None
        await self.sleep(max((record.wake_at - self.now()).total_seconds(), 0.0))

    async def restore(self, events: Sequence[Recorded]) -> str:
        """A journal that holds these events of a run, as a crash would have left it, instead of this bench's own."""
        self.journal = MemoryJournal()
        first, last = events[0].event, events[-1].event
        assert isinstance(first, RunSubmitted)
        await self.journal.create(first.submission, run="run1", key="run1", now=first.now)
        epoch = await self.journal.take("run1", "w")
        status: RunStatus = "running"
        wake_at: datetime | None = None
        match last:
            case RunParked():
                status, wake_at = "waiting", last.until
            case RunEnded():
                status = last.status
            case QuestionAnswered() | RunSubmitted():
                status = "queued"
        await self.journal.append(
            "run1",
            [r.event for r in events[1:]],
            epoch=epoch,
            status=status,
            release=status != "running",
            wake_at=wake_at,
        )
        return "run1"

    async def segment(self, run: str) -> None:
        epoch = await self.journal.take(run, "w", dead=["w"])
        assert epoch is not None
        await self.segments().advance(run, epoch, asyncio.Event())

    async def answer(self, run: str, *answers: QuestionAnswered) -> None:
        await self.journal.append(run, answers, epoch=None, status="queued", only_if=["waiting"])

    async def events(self, run: str) -> list[Recorded]:
        return await self.journal.read(run)

    async def state(self, run: str) -> Run:
        return fold(Run(run), await self.journal.read(run))

    def program(self, script: str) -> Program:
        return compile_script(script, self.toolset.specs)[0]


def starts(events: Sequence[Recorded]) -> list[CallStarted]:
    return [r.event for r in events if isinstance(r.event, CallStarted)]


def surprise_of(run: Run) -> tuple[str, str]:
    """Step and kind of the surprise that ended the run."""
    assert run.surprises, run.ended
    return run.surprises[-1].step, run.surprises[-1].kind


def answer_of(run: Run) -> Json:
    assert run.ended is not None
    assert run.ended.status == "done", (run.ended, run.surprises)
    return run.ended.answer
