"""State: what a run is after the events so far; `executor.run` folds them into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from executor.call_state import Address, CallState
from executor.early_reads import EarlyReads
from executor.events import (
    CeilingReached,
    ConfidenceFell,
    EarlierShown,
    EffectsInherited,
    GoalRouted,
    PlanCertified,
    PlannerCalled,
    PlanProposed,
    PlanRefused,
    Question,
    QuestionAnswered,
    QuotaGranted,
    RunEnded,
    RunForked,
    RunStatus,
    SessionGranted,
    Surprised,
    TaskDelegated,
    TimerStarted,
)
from executor.submission import Submission
from planner.budget import Budget
from planner.toolspec import Json, digest
from planner.usage import NO_USAGE, Usage


@dataclass(frozen=True)
class Said:
    """What somebody has said of one thing that was asked for; `by` is "" where nobody answered in time."""

    allowed: bool
    by: str = ""


@dataclass(frozen=True)
class Revision:
    """A plan that the run has had, or has: where it came from, and what surprises it mended."""

    certified: PlanCertified
    proposed: PlanProposed | None
    mended: tuple[Surprised, ...] = ()


@dataclass
class Run:
    """The state of a run after the events up to `seq`."""

    id: str
    seq: int = 0
    submission: Submission = field(default_factory=lambda: Submission(goal="(not submitted)"))
    earlier: list[EarlierShown] = field(default_factory=list)  # runs that the submission refers to
    budget: Budget = field(default_factory=Budget)
    now: datetime | None = None
    status: RunStatus = "queued"
    routed: GoalRouted | None = None  # who takes the goal, once that is decided
    proposed: PlanProposed | None = None  # the last proposal, unless it was refused
    refusals: list[tuple[PlanProposed, PlanRefused]] = field(default_factory=list)
    certified: PlanCertified | None = None
    origin: PlanProposed | None = None  # the proposal that was certified last
    revisions: list[Revision] = field(default_factory=list)  # the last one is the certified one
    dropped: dict[str, str] = field(default_factory=dict)  # step of an earlier revision → what kind of result it gave
    gone: frozenset[str] = frozenset()  # ids of statements of earlier revisions that the last one does not have
    calls: dict[Address, CallState] = field(default_factory=dict)
    settled: dict[str, list[str]] = field(default_factory=dict)  # step → items in the order in which their calls ended
    skipped: set[str] = field(default_factory=set)
    timers: dict[Address, TimerStarted] = field(default_factory=dict)
    delegated: dict[Address, TaskDelegated] = field(default_factory=dict)  # calls that other agents have taken on
    anew: dict[Address, int] = field(default_factory=dict)  # how often a call was delegated anew, see `executor.thread`
    questions: dict[str, Question] = field(default_factory=dict)
    answers: dict[str, QuestionAnswered] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)  # questions that nobody answered in time
    consents: dict[str, Said] = field(default_factory=dict)  # binding of a Want → what was said of it
    shown: set[str] = field(default_factory=set)  # digests of (tool, arguments) that an approval has shown
    approved: set[str] = field(default_factory=set)  # calls that an approval has shown, see `executor.consent.approved_call`
    flow_questions: int = 0  # asked so far
    reminders: dict[str, int] = field(default_factory=dict)  # question → number of the last reminder
    surprises: list[Surprised] = field(default_factory=list)
    fell: list[ConfidenceFell] = field(default_factory=list)
    counted: int = 0  # models' answers that count, since the run last began to rely on them
    uncounted: set[Address] = field(default_factory=set)  # those that do not: an `otherwise` stands in their place, or nothing
    granted: SessionGranted | None = None  # what it may take of its session
    drawn: QuotaGranted | None = None  # what it may take of its principal's quota
    ceilings: list[CeilingReached] = field(default_factory=list)
    planner_calls: list[PlannerCalled] = field(default_factory=list)
    usage: Usage = NO_USAGE
    tool_calls: int = 0
    calls_of: dict[str, int] = field(default_factory=dict)  # step → tool calls, retries included
    made: dict[str, list[Address]] = field(default_factory=dict)  # digest of (call, arguments) → the calls that had them
    taken: set[Address] = field(default_factory=set)  # calls of dropped steps that others have taken over
    acted: dict[str, datetime] = field(default_factory=dict)  # namespace → start of its last effect
    ordinals: dict[str, int] = field(default_factory=dict)  # digest of (tool, arguments) → calls that had them
    early: EarlyReads = field(default_factory=EarlyReads)
    forked: RunForked | None = None
    inherited: EffectsInherited | None = None
    alike: dict[str, list[int]] = field(default_factory=dict)  # digest of (tool, arguments) → numbers of inherited effects
    repeats: dict[Address, tuple[str, int]] = field(default_factory=dict)  # call → the question about it, number of the effect
    artifacts: set[str] = field(default_factory=set)  # hashes of what the run may read, see `executor.run_artifacts`
    receipts: set[str] = field(default_factory=set)  # keys of those that are adopted or counted
    folded: int = 0  # events folded: whoever has worked something out of the run sees by it whether that still holds
    smooth: bool = True  # nothing has happened that the plan had not foreseen
    blame: str = ""  # the first of what was not foreseen and speaks against the plan
    template: str = ""  # the kept plan that it took
    cancel_requested: bool = False
    ended: RunEnded | None = None
    epoch: int = 0
    seconds: float = 0.0  # of the run's own clock: time in segments
    seconds_before: float = 0.0  # of it, in earlier segments than the last one
    started_at: datetime | None = None
    ended_at: datetime | None = None
    wake_at: datetime | None = None  # of a parked run: when the clock wakes it
    _segment_at: datetime | None = None
    _same: tuple[str, Json, str] = ("", None, "")  # what `same_call` was last asked, and its answer

    def same_call(self, tool: str, arguments: Json) -> str:
        """The digest by which two calls are told to be equal."""
        if self._same[0] != tool or self._same[1] is not arguments:
            self._same = (tool, arguments, digest([tool, arguments]))
        return self._same[2]

    def call(self, step: str, item: str = "") -> CallState:
        """The call's state; an empty one if it has not started."""
        return self.calls.get((step, item)) or CallState()

    @property
    def open_questions(self) -> list[Question]:
        """Questions that wait for an answer."""
        return [q for q in self.questions.values() if q.id not in self.answers and q.id not in self.expired]
