"""Events: everything that happens to a run, in the past tense. The journal of a run is a list of them; all else is a view.

    RunSubmitted ─► GoalRouted? ─► (PlannerCalled ─► PlanProposed ─► PlanRefused)* ─► PlanCertified ─► steps … ─► RunEnded

A step's calls: CallStarted ─► CallRetried* ─► CallFinished | CallFailed, by (step, item): `item` is "" for a step that is one
call, the slot's number for an item of a map. An effect's CallStarted is its claim: it is durable before the act. The calls of a
`poll` and of a `first` have items of their own; what becomes of the whole step is said of its item "".
"""

from __future__ import annotations

from executor.events.agents import TaskDelegated
from executor.events.calls import (
    CallFailed,
    CallFinished,
    CallHeld,
    CallRetried,
    CallStarted,
    ClaimRenewed,
    Forked,
    ReceiptCounted,
    StepSkipped,
    TimerStarted,
)
from executor.events.event import (
    Event,
    Recorded,
)
from executor.events.life import (
    TERMINAL,
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
    RunStatus,
    RunSubmitted,
    SegmentStarted,
    SessionGranted,
    SettledEffect,
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
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    QuestionReminded,
)

__all__ = [
    "TERMINAL",
    "CallFailed",
    "CallFinished",
    "CallHeld",
    "CallRetried",
    "CallStarted",
    "CancelRequested",
    "CeilingReached",
    "ClaimRenewed",
    "ConfidenceFell",
    "EarlierShown",
    "EffectsInherited",
    "Event",
    "Forked",
    "GoalRouted",
    "PlanCertified",
    "PlanDoubted",
    "PlanProposed",
    "PlanRefused",
    "PlanVerified",
    "PlannerCalled",
    "Question",
    "QuestionAnswered",
    "QuestionAsked",
    "QuestionExpired",
    "QuestionReminded",
    "QuotaGranted",
    "ReceiptCounted",
    "Recorded",
    "RunEnded",
    "RunForked",
    "RunParked",
    "RunResumed",
    "RunStatus",
    "RunSubmitted",
    "SegmentStarted",
    "SessionGranted",
    "SettledEffect",
    "StepSkipped",
    "Surprised",
    "TaskDelegated",
    "TimerStarted",
]
