"""Claim: how long a claimed effect may take; then its worker has given up, and another owner may look what became of it."""

from __future__ import annotations

from planner.program import Step
from planner.toolspec import ToolSpec

DELEGATED_S = 40.0  # renewed while the other agent has not said which task it is
_SLACK_S = 5.0  # between a call's time-out and the end of its claim


def claim_s(step: Step, spec: ToolSpec) -> float:
    """Seconds from the claim, or from its renewal, to its deadline."""
    if step.kind == "delegate":  # until its task is known, and stands in the journal
        return DELEGATED_S
    return (spec.timeout_s if step.options.timeout_s is None else step.options.timeout_s) + _SLACK_S
