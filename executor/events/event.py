"""Event: any of them, and one as it stands in a journal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from executor.events.agents import TaskDelegated
from executor.events.calls import (
    CallFailed,
    CallFinished,
    CallHeld,
    CallRetried,
    CallStarted,
    ClaimRenewed,
    ReceiptCounted,
    StepSkipped,
    TimerStarted,
)
from executor.events.life import (
    CancelRequested,
    CeilingReached,
    ConfidenceFell,
    EarlierShown,
    EffectsInherited,
    QuotaGranted,
    RunEnded,
    RunForked,
    RunParked,
    RunResumed,
    RunSubmitted,
    SegmentStarted,
    SessionGranted,
    Surprised,
)
from executor.events.plans import (
    GoalRouted,
    PlanCertified,
    PlanDoubted,
    PlannerCalled,
    PlanProposed,
    PlanRefused,
    PlanVerified,
)
from executor.events.questions import (
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    QuestionReminded,
)

Event = Annotated[
    RunSubmitted
    | SegmentStarted
    | GoalRouted
    | PlannerCalled
    | PlanProposed
    | PlanRefused
    | PlanCertified
    | PlanVerified
    | PlanDoubted
    | CallStarted
    | CallHeld
    | ClaimRenewed
    | CallRetried
    | CallFinished
    | CallFailed
    | ReceiptCounted
    | TaskDelegated
    | TimerStarted
    | EarlierShown
    | SessionGranted
    | QuotaGranted
    | StepSkipped
    | QuestionAsked
    | QuestionAnswered
    | QuestionReminded
    | QuestionExpired
    | Surprised
    | ConfidenceFell
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
