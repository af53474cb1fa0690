"""Life: the events of a run as a whole: submitted, carried on, surprised, parked, ended, forked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from executor.events.base import Happened
from executor.events.calls import CallFinished
from executor.submission import Submission
from planner.budget import Budget
from planner.toolspec import Json

RunStatus = Literal["queued", "running", "waiting", "done", "failed", "partial", "cancelled"]
TERMINAL: frozenset[RunStatus] = frozenset(("done", "failed", "partial", "cancelled"))


class RunSubmitted(Happened):
    """A submission was accepted. `now` is what `now()` and `today()` say in this run, for good."""

    type: Literal["run_submitted"] = "run_submitted"
    submission: Submission
    now: datetime


class EarlierShown(Happened):
    """An earlier run that the submission refers to, as the planner is shown it, cut to a bounded number of tokens; of a fork,
    the run that it stems from, without what it was.

    `strangers` are the labels of all who have a part in it and are not trusted: they count for what the planner writes.
    """

    type: Literal["earlier_shown"] = "earlier_shown"
    run: str
    status: RunStatus
    goal: str = ""
    params: dict[str, Json] = Field(default_factory=dict)
    script: str = ""
    answer: str = ""  # as JSON
    kind: Literal["user", "agent"] = "user"  # of who submitted it
    strangers: Json = None


class SegmentStarted(Happened):
    """A worker took the run on (again)."""

    type: Literal["segment_started"] = "segment_started"
    epoch: int
    worker: str
    version: str


class SessionGranted(Happened):
    """The run may take so much of what its session shares, in all; reserved while it is carried on. null: no ceiling."""

    type: Literal["session_granted"] = "session_granted"
    session: str
    calls: int | None = None  # of tools and models
    usd: float | None = None
    session_calls: int | None = None  # the session's own ceilings
    session_usd: float | None = None


class QuotaGranted(Happened):
    """The run may have cost so much in all; what is more than before was reserved of its principal's day."""

    type: Literal["quota_granted"] = "quota_granted"
    account: str
    day: str  # of UTC
    usd: float
    limit: float  # the principal's, a day


class RunForked(Happened):
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


class EffectsInherited(Happened):
    """Effects of the other run that were not adopted: before one of them is repeated, a person is asked."""

    type: Literal["effects_inherited"] = "effects_inherited"
    run: str
    effects: tuple[SettledEffect, ...]


class Surprised(Happened):
    """Something did not go as the plan said: a failed expectation, a failed step, a value that does not fit."""

    type: Literal["surprised"] = "surprised"
    step: str
    item: str = ""
    kind: Literal["expect", "failed", "expression", "fan_out", "refused", "shape"]
    message: str


class ConfidenceFell(Happened):
    """A model is not relied on. One answer does not count: it was less `sure` than its floor, `invalid` twice, or `refused`.

    Of the run as a whole (`step` is empty): the `share` of its answers that count is too low, or the planner's `repairs` are
    used up.
    """

    type: Literal["confidence_fell"] = "confidence_fell"
    step: str = ""
    item: str = ""
    measure: Literal["sure", "invalid", "refused", "share", "repairs"]
    value: float  # how sure, or which share, from 0 to 1; 0 where there is no answer
    floor: float


class CeilingReached(Happened):
    """A ceiling was asked and said no."""

    type: Literal["ceiling_reached"] = "ceiling_reached"
    ceiling: str
    limit: float
    wanted: float
    step: str = ""


class CancelRequested(Happened):
    """Somebody asked the run to stop."""

    type: Literal["cancel_requested"] = "cancel_requested"
    by: str


class RunParked(Happened):
    """Only people or timers are awaited: no worker holds the run. At `until` the clock wakes it, if nobody does before."""

    type: Literal["run_parked"] = "run_parked"
    questions: tuple[str, ...]
    until: datetime | None = None
    seconds: float | None = None  # that the segment took, by a clock that nobody sets


class RunResumed(Happened):
    """Somebody asked an ended (cancelled, failed, partial) run to go on: what failed is tried again, what is done stays."""

    type: Literal["run_resumed"] = "run_resumed"
    by: str
    budget: Budget | None = None  # new ceilings, for a run that met one


class RunEnded(Happened):
    """The run is over, until somebody resumes it."""

    type: Literal["run_ended"] = "run_ended"
    status: Literal["done", "failed", "partial", "cancelled"]
    answer: Json = None
    answer_labels: Json = None
    reason: str = ""
    hint: str = ""
    seconds: float | None = None  # that the segment took, by a clock that nobody sets; None where no segment ended it
    broken: bool = False  # Planrail itself failed, and not the run
