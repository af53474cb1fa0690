"""Claim: how long a claimed effect may take; then its worker has given up, and another owner may look what became of it."""

from __future__ import annotations

from planner.program import Step
from planner.toolspec import ToolSpec

_SLACK_S = 5.0  # between a call's time-out and the end of its claim


def claim_s(step: Step, spec: ToolSpec) -> float:
    """Seconds from the claim, or from its renewal, to its deadline."""
    return (spec.timeout_s if step.options.timeout_s is None else step.options.timeout_s) + _SLACK_S
