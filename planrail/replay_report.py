"""Replay report: what a replay has found."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from executor.events import RunStatus
from planner.toolspec import Json

FindingKind = Literal[
    "gone", "tool", "plan", "certificate", "model", "arguments", "question", "decision", "guard", "order", "key", "surprise",
    "binding", "answer", "labels", "value",
]  # fmt: skip


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Report):
    """Where today differs from what is recorded. `step` is "" for what is no step's own, `line` 0 where there is none."""

    kind: FindingKind
    what: str
    step: str = ""
    item: str = ""
    line: int = 0
    recorded: Json = None
    today: Json = None


class PriceChange(_Report):
    """The same tokens at today's price, in $; `today` is None where nobody knows the price any more."""

    of: str  # a model, or "worst case": the certificate's
    recorded: float
    today: float | None


class Replayed(_Report):
    """A replay: what differs, and how much was compared."""

    run: str
    status: RunStatus
    events: int
    compared: int  # starts, decisions, questions, surprises and ends that were worked out again
    findings: tuple[Finding, ...] = ()
    prices: tuple[PriceChange, ...] = ()
    uncompared: tuple[str, ...] = ()  # steps that hang on what differs

    @property
    def same(self) -> bool:
        """Whether today's code would do the same; prices do not count."""
        return not self.findings
