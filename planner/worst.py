"""Worst case: the most that a program can take, from the bounds of its maps and the terms of its models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planner.budget import Budget
from planner.certificate import WorstCase
from planner.prices import Rates
from planner.program import Program, Step
from planner.toolspec import ToolSpec

MAX_PAGES = 50  # calls of one `pages` step; a cursor that goes on further is a surprise
MAX_POLLS = 1_000  # calls of one `poll`; a longer one is refused
LEAST_EVERY_S = 1.0  # between two calls of a `poll`; a shorter time is refused


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """What a model call may take, at most. `rates` is None where nobody knows the price: then it counts as nothing."""

    model: str = ""  # "" where none is configured: every model step then takes its `otherwise`
    rates: Rates | None = None
    max_input_tokens: int = 8_000  # a prompt that is longer is a failed step
    max_output_tokens: int = 1_000  # the vendor stops there; an answer that is cut off is a failed step
    seconds: float = 5.0  # what a call usually takes, for the critical path

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """The price of one call with so many tokens, nothing cached."""
        if self.rates is None:
            return 0.0
        return (input_tokens * self.rates.input + output_tokens * self.rates.output) / 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The two models' terms, and how many calls run at once."""

    planner: ModelTerms = field(default_factory=ModelTerms)
    executor: ModelTerms = field(default_factory=ModelTerms)
    parallel: int = 16

    def of(self, step: Step) -> ModelTerms:
        """The terms of the model that a step asks."""
        return self.planner if step.options.planner_model else self.executor


def step_costs(
    program: Program, times: Mapping[str, int], tools: Mapping[str, ToolSpec], terms: Terms, budget: Budget
) -> dict[str, WorstCase]:
    """The most that each step takes when it makes `times` calls; `budget` bounds what says no bound of its own."""
    return {
        s.id: _loop(s, times[s.id], tools, terms, budget) if s.kind == "do" else _cost(s, times[s.id], tools, terms)
        for s in program.steps
    }


def worst_case(program: Program, costs: Mapping[str, WorstCase], waits: Mapping[str, Sequence[str]]) -> WorstCase:
    """The most that a run takes when its steps take so much; of branches that exclude each other, the dearer one."""
    total = _dearest(list(program.steps), costs, 0)
    return total.model_copy(update={"seconds": _critical_path(program, costs, waits)})


def _cost(step: Step, times: int, tools: Mapping[str, ToolSpec], terms: Terms) -> WorstCase:
    match step.kind:
        case "tool" | "attempt" | "pages" | "delegate":
            spec = tools[step.tool]
            calls = times * (pages_of(step) if step.kind == "pages" else 1)
            rounds = -(-times // terms.parallel) * (pages_of(step) if step.kind == "pages" else 1)
            return WorstCase(steps=1, calls=calls, usd=calls * spec.usd, seconds=rounds * spec.seconds)
        case "poll" | "first":  # one call after the other; the time between the calls of a poll is parked and does not count
            spec, calls = tools[step.tool], times * polls_of(step) if step.kind == "poll" else times
            return WorstCase(steps=1, calls=calls, usd=calls * spec.usd, seconds=calls * spec.seconds)
        case "ask" | "choose":
            model = terms.of(step)
            if not model.model:
                return WorstCase(steps=1)
            tokens_in, tokens_out = model.max_input_tokens, model.max_output_tokens
            return WorstCase(
                steps=1, model_calls=times, input_tokens=times * tokens_in, output_tokens=times * tokens_out,
                usd=times * model.usd(tokens_in, tokens_out), seconds=-(-times // terms.parallel) * model.seconds,
            )  # fmt: skip
        case "let":
            return WorstCase()
        case _:
            return WorstCase(steps=1)


def _loop(step: Step, times: int, tools: Mapping[str, ToolSpec], terms: Terms, budget: Budget) -> WorstCase:
    """A `do`: the dearest tool each time, and the model once more than that; each of its prompts as long as may be."""
    model, room = terms.of(step), budget.for_plans()
    if not model.model:
        return WorstCase(steps=1)
    if step.options.max_calls is None:
        return WorstCase(
            steps=1, calls=min(room.calls, budget.calls_per_step), model_calls=room.model_calls, input_tokens=room.tokens,
            usd=room.usd, seconds=budget.seconds,
        )  # fmt: skip
    calls, turns, specs = step.options.max_calls, step.options.max_calls + 1, [tools[name] for name in step.tools]
    usd = calls * max(s.usd for s in specs) + turns * model.usd(model.max_input_tokens, model.max_output_tokens)
    seconds = calls * max(s.seconds for s in specs) + turns * model.seconds
    return WorstCase(
        steps=1, calls=times * calls, model_calls=times * turns, input_tokens=times * turns * model.max_input_tokens,
        output_tokens=times * turns * model.max_output_tokens, usd=times * usd, seconds=-(-times // terms.parallel) * seconds,
    )  # fmt: skip


def pages_of(step: Step) -> int:
    """The most calls of one `pages`: each page brings at least one item."""
    return MAX_PAGES if step.options.limit is None else min(MAX_PAGES, max(step.options.limit, 1))


def polls(every_s: float, within_s: float) -> int:
    """The most calls of a poll: the first at once, then one after each `every_s`, the last when its time is up."""
    return math.ceil(within_s / every_s) + 1


def polls_of(step: Step) -> int:
    """The most calls of one `poll`."""
    return polls(step.options.every_s, step.options.within_s)


def _dearest(steps: list[Step], costs: Mapping[str, WorstCase], depth: int) -> WorstCase:
    """The sum over steps that stand `depth` ifs deep, and for each `if` below the dearer of its branches."""
    total = WorstCase()
    branches: dict[int, tuple[list[Step], list[Step]]] = {}
    for step in steps:
        if len(step.guards) <= depth:
            total = plus(total, costs[step.id])
        else:
            guard = step.guards[depth]
            branches.setdefault(guard.branch, ([], []))[0 if guard.when else 1].append(step)
    for sides in branches.values():
        one, other = (_dearest(side, costs, depth + 1) for side in sides)
        total = plus(total, _max(one, other))
    return total


def plus(a: WorstCase, b: WorstCase) -> WorstCase:
    """What both take, one after the other."""
    return WorstCase(**{f: getattr(a, f) + getattr(b, f) for f in WorstCase.model_fields})


def _max(a: WorstCase, b: WorstCase) -> WorstCase:
    return WorstCase(**{f: max(getattr(a, f), getattr(b, f)) for f in WorstCase.model_fields})


def _critical_path(program: Program, costs: Mapping[str, WorstCase], waits: Mapping[str, Sequence[str]]) -> float:
    """Seconds of the longest chain of steps that wait for one another."""
    ends: dict[str, float] = {}
    for step in program.steps:
        before = {d for name in step.reads() for d in program.definitions(name)} | set(waits[step.id])
        ends[step.id] = max((ends[b] for b in before if b in ends), default=0.0) + costs[step.id].seconds
    return max(ends.values(), default=0.0)
