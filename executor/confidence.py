"""Confidence: the floors below which a model's answer does not count, and below which a run stops relying on its models.

An answer does not count whose model was less sure than its step's floor, refused, or never fitted the answer's type. Once more
of a run's answers do not count than its floor allows, the run as a whole is not relied on. Pure.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from executor.events import ConfidenceFell
from executor.run import Run
from planner.program import MODEL_KINDS, Step

Measure = Literal["sure", "invalid", "refused"]  # of one answer


class Floors(BaseModel):
    """How sure models have to be. Below a floor a step takes its `otherwise`, a run its playbook's fallback, or it stops."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answers: float = Field(
        default=0.0, ge=0, le=1
    )  # how sure a model has to be of an answer, where no `sure=` says; 0: unasked
    share: float = Field(default=0.5, ge=0, le=1)  # of a run's answers count, at least; else it takes its fallback, or stops
    after: int = Field(default=4, ge=1)  # answers; while a run has fewer, their share says nothing

    def of(self, step: Step) -> float:
        """How sure the model has to be of a step's answer; 0 where it is not asked how sure it is."""
        if step.kind not in MODEL_KINDS:
            return 0.0
        return self.answers if step.options.sure is None else step.options.sure


NO_FLOORS = Floors()


def fallen(run: Run, floors: Floors) -> ConfidenceFell | None:
    """That too few of the run's answers count to rely on the others, if it is so.

    An answer for which no `otherwise` stands is a surprise; that is told then, and not this.
    """
    answers = run.counted + len(run.uncounted)
    if answers < floors.after or run.counted >= floors.share * answers:
        return None
    if any(run.call(*address).failed is not None for address in run.uncounted):
        return None
    return ConfidenceFell(measure="share", value=round(run.counted / answers, 4), floor=floors.share)


def unsure(sure: float, floor: float) -> str:
    """Why an answer does not count that its model is too little sure of."""
    return f"The model is {sure:g} sure of its answer; {floor:g} is the floor."


def told(fell: ConfidenceFell) -> str:
    """What a run says that stops because of it."""
    if fell.measure == "share":
        return f"Only {fell.value:.0%} of the models' answers count; the floor is {fell.floor:.0%} (share)."
    return "The planner's repairs are used up."
