"""Confidence: the floors below which a model's answer does not count, and below which a run stops relying on its models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from planner.program import MODEL_KINDS, Step

Measure = Literal["sure", "invalid", "refused"]


class Floors(BaseModel):
    """How sure models have to be. Below a floor a step takes its `otherwise`, a run its playbook's fallback, or it stops."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answers: float = Field(
        default=0.0, ge=0, le=1
    )  # how sure a model has to be of an answer, where no `sure=` says; 0: unasked

    def of(self, step: Step) -> float:
        """How sure the model has to be of a step's answer; 0 where it is not asked how sure it is."""
        if step.kind not in MODEL_KINDS:
            return 0.0
        return self.answers if step.options.sure is None else step.options.sure


NO_FLOORS = Floors()
