"""Calls: the events of the calls that steps make."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from executor.artifacts import Artifact
from executor.events.base import Happened
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage


class CallStarted(Happened):
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
    ahead: str = ""  # the item of `$ahead` whose result it takes: a read made while the plan was written. Nothing is called
    of: tuple[str, str] | None = None  # the call of the revision before that it takes over: it is not another call


class CallHeld(Happened):
    """A call waits for its turn at a limit (`step` is empty for the planner's model); no time-out of it runs meanwhile."""

    type: Literal["call_held"] = "call_held"
    step: str = ""
    item: str = ""
    reason: str


class ClaimRenewed(Happened):
    """An effect is called later than its claim allowed for (it stood in line, or is tried again); durable before the act."""

    type: Literal["claim_renewed"] = "claim_renewed"
    step: str
    item: str = ""
    deadline: datetime


class CallRetried(Happened):
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


class CallFinished(Happened):
    """A call gave a value. `how` tells one of the call from the script's `otherwise`, a default, a fork's, an earlier one's."""

    type: Literal["call_finished"] = "call_finished"
    step: str
    item: str = ""
    value: Json = None
    artifact: Artifact | None = None  # the value's JSON text, when it is too big to stand here
    labels: Json = None  # planner.labels.Labels as JSON
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    further_calls: int = 0  # tool calls beyond the one that started: the pages of a `pages`
    how: Literal["call", "otherwise", "default", "receipt", "reconciled", "fork", "ahead", "settled"] = "call"
    reason: str = ""  # why the value is not the call's own
    sure: float | None = None  # how sure the model says it is, where it was asked
    forked: Forked | None = None  # where a fork has it from: nothing was called
    artifacts: tuple[str, ...] = ()  # hashes of what the tool has stored: the run may read them from here on


class TimerStarted(Happened):
    """A time has been set: of a `wait`, of the next call of a `poll`, or (item "") of a poll's end. It stays what it is."""

    type: Literal["timer_started"] = "timer_started"
    step: str
    item: str = ""
    due: datetime


class StepSkipped(Happened):
    """A guard was false: the step does not run."""

    type: Literal["step_skipped"] = "step_skipped"
    step: str


class CallFailed(Happened):
    """A call gave none, after its retries; without an `otherwise` that is a surprise."""

    type: Literal["call_failed"] = "call_failed"
    step: str
    item: str = ""
    kind: str
    message: str
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    further_calls: int = 0  # tool calls beyond the one that started: the pages of a `pages`


class ReceiptCounted(Happened):
    """A receipt was looked at: adopted as its call's value, or too late for that, where `usage` is what it cost."""

    type: Literal["receipt_counted"] = "receipt_counted"
    key: str
    usage: Usage = NO_USAGE
