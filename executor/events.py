"""Events: everything that happens to a run, in the past tense. The journal of a run is a list of them; all else is a view.

    RunSubmitted ─► (PlannerCalled ─► PlanProposed ─► PlanRefused)* ─► PlanCertified ─► steps … ─► RunEnded

A step's calls: CallStarted ─► CallRetried* ─► CallFinished | CallFailed, by (step, item): `item` is "" for a step that is one
call, the slot's number for an item of a map. An effect's CallStarted is its claim: it is durable before the act. The calls of a
`poll` and of a `first` have items of their own; what becomes of the whole step is said of its item "".
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from executor.artifacts import Artifact
from executor.submission import Submission
from planner.budget import Budget
from planner.certificate import Certificate
from planner.diagnostic import Diagnostic
from planner.plan import Plan
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage

RunStatus = Literal["queued", "running", "waiting", "done", "failed", "partial", "cancelled"]
TERMINAL: frozenset[RunStatus] = frozenset(("done", "failed", "partial", "cancelled"))


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # an older Planrail may meet a newer one's fields


class RunSubmitted(_Event):
    """A submission was accepted. `now` is what `now()` and `today()` say in this run, for good."""

    type: Literal["run_submitted"] = "run_submitted"
    submission: Submission
    now: datetime


class SegmentStarted(_Event):
    """A worker took the run on (again)."""

    type: Literal["segment_started"] = "segment_started"
    epoch: int
    worker: str
    version: str


class PlannerCalled(_Event):
    """The planner's model answered, or failed to; its usage counts either way."""

    type: Literal["planner_called"] = "planner_called"
    purpose: Literal["write", "repair"]
    model: str
    usage: Usage
    seconds: float
    error: str = ""


class PlanProposed(_Event):
    """A script is there to be compiled and checked."""

    type: Literal["plan_proposed"] = "plan_proposed"
    script: str
    source: Literal["planner", "script", "plan", "playbook", "fallback"]
    playbook: str = ""
    params: dict[str, Json] = Field(default_factory=dict)


class PlanRefused(_Event):
    """The compiler or the checker refused the proposal."""

    type: Literal["plan_refused"] = "plan_refused"
    diagnostics: tuple[Diagnostic, ...]


class PlanCertified(_Event):
    """The plan that runs from here on, and what was proved of it."""

    type: Literal["plan_certified"] = "plan_certified"
    plan: Plan
    script: str
    params: dict[str, Json] = Field(default_factory=dict)
    certificate: Certificate
    contracts: dict[str, dict[str, str]] = Field(default_factory=dict)  # tool → planner.contract.Contract.parts


class CallStarted(_Event):
    """A call is about to be made. For an effect this is the claim: durable before the act."""

    type: Literal["call_started"] = "call_started"
    step: str
    item: str = ""
    call: str  # the tool's full name, or ask, choose, …
    model: str = ""  # the model that is asked
    key: str = ""  # the idempotency key of a tool call
    arguments: Json = None  # what the tool is given; secrets stand as their names
    claim: bool = False
    deadline: datetime | None = None  # the claim's worker gives up by then


class CallHeld(_Event):
    """A call waits for its turn at a limit (`step` is empty for the planner's model); no time-out of it runs meanwhile."""

    type: Literal["call_held"] = "call_held"
    step: str = ""
    item: str = ""
    reason: str


class ClaimRenewed(_Event):
    """An effect is called later than its claim allowed for (it stood in line, or is tried again); durable before the act."""

    type: Literal["claim_renewed"] = "claim_renewed"
    step: str
    item: str = ""
    deadline: datetime


class CallRetried(_Event):
    """An attempt failed in a way that is worth another one."""

    type: Literal["call_retried"] = "call_retried"
    step: str
    item: str = ""
    attempt: int  # the one that failed, from 1
    reason: str
    tool_call: bool = False  # the further attempt is a tool call, which the ceilings count
    usage: Usage = NO_USAGE


class Forked(BaseModel):
    """The call of another run that an adopted value was first given by; `how` is that call's own."""

    model_config = ConfigDict(frozen=True)

    run: str
    step: str
    item: str = ""
    how: str = "call"


class CallFinished(_Event):
    """A call gave a value. `how` tells a value of the call from the script's `otherwise`, a not-found default, or a fork's."""

    type: Literal["call_finished"] = "call_finished"
    step: str
    item: str = ""
    value: Json = None
    artifact: Artifact | None = None  # the value's JSON text, when it is too big to stand here
    labels: Json = None  # planner.labels.Labels as JSON
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    further_calls: int = 0  # tool calls beyond the one that started: the pages of a `pages`
    how: Literal["call", "otherwise", "default", "receipt", "reconciled", "fork"] = "call"
    reason: str = ""  # why the value is not the call's own
    forked: Forked | None = None  # where a fork has it from: nothing was called
    artifacts: tuple[str, ...] = ()  # hashes of what the tool has stored: the run may read them from here on


class TimerStarted(_Event):
    """A time has been set: of a `wait`, of the next call of a `poll`, or (item "") of a poll's end. It stays what it is."""

    type: Literal["timer_started"] = "timer_started"
    step: str
    item: str = ""
    due: datetime


class SessionGranted(_Event):
    """The run may take so much of what its session shares, in all; reserved while it is carried on. null: no ceiling."""

    type: Literal["session_granted"] = "session_granted"
    session: str
    calls: int | None = None  # of tools and models
    usd: float | None = None
    session_calls: int | None = None  # the session's own ceilings
    session_usd: float | None = None


class StepSkipped(_Event):
    """A guard was false: the step does not run."""

    type: Literal["step_skipped"] = "step_skipped"
    step: str


class CallFailed(_Event):
    """A call gave none, after its retries; without an `otherwise` that is a surprise."""

    type: Literal["call_failed"] = "call_failed"
    step: str
    item: str = ""
    kind: str
    message: str
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    further_calls: int = 0  # tool calls beyond the one that started: the pages of a `pages`


class ReceiptCounted(_Event):
    """A receipt was looked at: adopted as its call's value, or too late for that, where `usage` is what it cost."""

    type: Literal["receipt_counted"] = "receipt_counted"
    key: str
    usage: Usage = NO_USAGE


class RunForked(_Event):
    """The run begins with what another one had settled; what follows up to `effects_inherited` is adopted."""

    type: Literal["run_forked"] = "run_forked"
    run: str
    seq: int  # how far the other run had come
    step: str
    now: datetime  # the other run's: what is adopted was worked out with it


class SettledEffect(BaseModel):
    """An effect of another run; `finished` is None where nobody knows whether it happened."""

    model_config = ConfigDict(frozen=True)

    step: str
    item: str = ""
    call: str
    arguments: Json = None
    finished: CallFinished | None = None


class EffectsInherited(_Event):
    """Effects of the other run that were not adopted: before one of them is repeated, a person is asked."""

    type: Literal["effects_inherited"] = "effects_inherited"
    run: str
    effects: tuple[SettledEffect, ...]


class Question(BaseModel):
    """Something a person has to decide. `of` is the step that waits; `shown` are the bound arguments it is about."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal["approve", "ask_user", "reconcile", "repeat"]
    of: str
    item: str = ""
    text: str
    answer_schema: Json = None  # JSON Schema of the answer; an approval's answer is true or false
    shown: Json = None
    asked_at: datetime | None = None
    expires_at: datetime | None = None  # nobody's answer counts from then on
    remind_s: float | None = None  # the first reminder comes after so long, each further one after twice as long again


class QuestionAsked(_Event):
    """A person is asked."""

    type: Literal["question_asked"] = "question_asked"
    question: Question


class QuestionAnswered(_Event):
    """A person answered; the first answer to a question counts."""

    type: Literal["question_answered"] = "question_answered"
    question: str
    answer: Json = None
    refused: bool = False  # the person would not answer; for an approval, false means the same
    by: str


class QuestionReminded(_Event):
    """Nobody has answered for so long that people are reminded: for the `number`-th time, if none was missed."""

    type: Literal["question_reminded"] = "question_reminded"
    question: str
    number: int


class QuestionExpired(_Event):
    """Nobody answered in time: it counts as refused, and later answers do not count."""

    type: Literal["question_expired"] = "question_expired"
    question: str


class Surprised(_Event):
    """Something did not go as the plan said: a failed expectation, a failed step, a value that does not fit."""

    type: Literal["surprised"] = "surprised"
    step: str
    item: str = ""
    kind: Literal["expect", "failed", "expression", "fan_out", "refused", "shape"]
    message: str


class CeilingReached(_Event):
    """A ceiling was asked and said no."""

    type: Literal["ceiling_reached"] = "ceiling_reached"
    ceiling: str
    limit: float
    wanted: float
    step: str = ""


class CancelRequested(_Event):
    """Somebody asked the run to stop."""

    type: Literal["cancel_requested"] = "cancel_requested"
    by: str


class RunParked(_Event):
    """Only people or timers are awaited: no worker holds the run. At `until` the clock wakes it, if nobody does before."""

    type: Literal["run_parked"] = "run_parked"
    questions: tuple[str, ...]
    until: datetime | None = None
    seconds: float | None = None  # that the segment took, by a clock that nobody sets


class RunResumed(_Event):
    """Somebody asked an ended (cancelled, failed, partial) run to go on: what failed is tried again, what is done stays."""

    type: Literal["run_resumed"] = "run_resumed"
    by: str
    budget: Budget | None = None  # new ceilings, for a run that met one


class RunEnded(_Event):
    """The run is over, until somebody resumes it."""

    type: Literal["run_ended"] = "run_ended"
    status: Literal["done", "failed", "partial", "cancelled"]
    answer: Json = None
    answer_labels: Json = None
    reason: str = ""
    hint: str = ""
    seconds: float | None = None  # that the segment took, by a clock that nobody sets; None where no segment ended it


Event = Annotated[
    RunSubmitted
    | SegmentStarted
    | PlannerCalled
    | PlanProposed
    | PlanRefused
    | PlanCertified
    | CallStarted
    | CallHeld
    | ClaimRenewed
    | CallRetried
    | CallFinished
    | CallFailed
    | ReceiptCounted
    | TimerStarted
    | SessionGranted
    | StepSkipped
    | QuestionAsked
    | QuestionAnswered
    | QuestionReminded
    | QuestionExpired
    | Surprised
    | CeilingReached
    | CancelRequested
    | RunParked
    | RunResumed
    | RunEnded
    | RunForked
    | EffectsInherited,
    Field(discriminator="type"),
]


class Recorded(BaseModel):
    """An event as it stands in the journal: `seq` counts a run's events from 1 without a gap."""

    model_config = ConfigDict(frozen=True)

    seq: int
    at: datetime
    event: Event
