"""Afford: whether a worst case fits a budget, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Mapping

from planner.budget import Budget
from planner.certificate import WorstCase
from planner.diagnostic import Diagnostic
from planner.program import Program, Step
from planner.worst import pages_of, polls_of

_CEILINGS = (
    ("calls", "tool calls"),
    ("model_calls", "model calls"),
    ("tokens", "tokens"),
    ("usd", "$"),
    ("seconds", "seconds"),
)


def over_budget(
    worst: WorstCase, costs: Mapping[str, WorstCase], budget: Budget, program: Program, times: Mapping[str, int]
) -> list[Diagnostic]:
    """A diagnostic for each ceiling that the worst case passes, at the step that takes the most of it."""
    found: list[Diagnostic] = []
    room = budget.for_plans()
    if worst.steps > budget.steps:
        message = f"The plan has {worst.steps} steps; the budget allows {budget.steps}."
        found.append(_budget(program.steps[0], message, "Use maps instead of repeated lines."))
    for name, word in _CEILINGS:
        need, have = getattr(worst, name), getattr(room, name)
        if need > have:
            dearest = max(program.steps, key=lambda s: getattr(costs[s.id], name))
            message = f"The worst case takes {need:,.6g} {word}; the budget allows plans {have:,.6g}."
            found.append(_budget(dearest, message, _less(dearest, times)))
    for step in program.steps:
        calls = costs[step.id].calls
        if step.may_call and calls > budget.calls_per_step:
            message = f"`{step.id}` takes up to {calls:,} tool calls; the budget allows a step {budget.calls_per_step:,}."
            found.append(_budget(step, message, _less(step, times)))
    return found


def _less(step: Step, times: Mapping[str, int]) -> str:
    if step.kind == "pages":
        return f"`{step.id}` follows up to {pages_of(step)} pages: give it limit=, or raise --budget."
    if step.kind == "poll":
        return f"`{step.id}` polls up to {polls_of(step):,} times: lengthen every=, shorten timeout=, or raise --budget."
    if step.kind == "do":
        return f"`{step.id}` is a loop: lower its max_calls=, or raise --budget."
    return f"`{step.id}` runs up to {times[step.id]} times: bound it with a slice or limit=, or raise --budget."


def _budget(step: Step, message: str, hint: str) -> Diagnostic:
    text = step.source.partition("\n")[0][:80]
    return Diagnostic(code="budget", line=max(step.at.line, 1), column=1, text=text, message=message, hint=hint)
