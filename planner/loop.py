"""Loop: what the model of a `do` may call, as the steps that these calls would be, and what such a loop reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner.budget import Budget
from planner.flow import loop_label
from planner.hand import Hand
from planner.labels import Label, join_all
from planner.program import Options, Step
from planner.syntax import Expr, Name
from planner.toolspec import ToolSpec
from planner.trace import Env, static_labels

READ = "$read"  # the name under which the checker knows what a loop has read by then

_DECIDED = Name(READ, text="what the model decides")


def loop_call(step: Step, tool: str, arguments: Mapping[str, Expr] | None = None) -> Step:
    """A call that the model of a `do` makes, as a step of its own that stands where the `do` stands."""
    return replace(
        step,
        kind="tool",
        tool=tool,
        tools=(),
        arguments=arguments or {},
        options=Options(),
        returns=None,
        space=None,
        conditions=(),
    )


def possible_calls(step: Step, tools: Mapping[str, ToolSpec]) -> list[Step]:
    """The calls that a `do` may make; what each argument will be is known by what the loop may have read alone."""
    anything = [(name, tools[name].input_schema.get("properties", {})) for name in step.tools]
    return [loop_call(step, name, dict.fromkeys(properties, _DECIDED)) for name, properties in anything]


def may_read(step: Step, env: Env, tools: Mapping[str, ToolSpec], hand: Hand) -> Label:
    """The most that the model of a `do` may have read."""
    return loop_label(step, join_all(static_labels(value, env, hand).whole() for value in step.arguments.values()), tools)


def most_calls(step: Step, budget: Budget) -> int:
    """The most calls of tools that one loop makes: without `max_calls`, as many as the run's ceilings leave to plans."""
    room = min(budget.for_plans().calls, budget.calls_per_step)
    return room if step.options.max_calls is None else step.options.max_calls
