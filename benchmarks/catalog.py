"""Tools that goals need, of a made-up catalogue, and which of them a prompt has: `python -m benchmarks.catalog`."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping

from benchmarks.catalogue import Goal, goals, tools
from benchmarks.session import Options, main
from benchmarks.table import Bar, Row, Table
from planner.catalog import Catalog, Offer
from planner.tokens import count_tokens
from planner.tool_line import tool_line
from planner.toolspec import ToolSpec

BUDGET = 4_000
BAR = Bar("≥", 0.95, "")
_NAMES = re.compile(r"(\w+)\.\(([^)]*)\)")
Choose = Callable[[str], set[str]]


async def measured(options: Options) -> Table:
    known, seen = tools(), goals()
    costs = {name: count_tokens(f"{tool_line(spec)}\n") for name, spec in known.items()}
    sets = {
        "goals that were looked at": seen[::2],
        "goals that were not": seen[1::2],
        "goals written afterwards": goals("goals_after.txt"),
    }
    rows = [row for tokens in (BUDGET, 2_000, 1_000) for row in _ours(known, sets, tokens)]
    every = [goal for of in sets.values() for goal in of]
    rows += [
        _row(f"{BUDGET:,} tokens, all goals: the first by name", recall(every, first(known, costs)), ""),
        _row(f"{BUDGET:,} tokens, all goals: names that share a word", recall(every, by_name(known, costs)), ""),
        *_cost(known, every, options),
    ]
    needed = sum(len(goal.needed) for goal in every)
    notes = (
        f"The share of the needed tools ({needed} of {len(every)} goals) that the prompt has: described in a line, or named. "
        f"Beside it those described. The lines of all {len(known)} tools take {sum(costs.values()):,} tokens.",
        "Catalogue, goals and thesaurus were written by one hand, the goals in other words than the descriptions. The second "
        "set was not looked at while weights were chosen, but the thesaurus came after it; the third was written after both "
        "and not looked at: it tells most of what to expect.",
    )
    return Table("Tools for a goal", tuple(rows), notes)


def _ours(known: Mapping[str, ToolSpec], sets: Mapping[str, list[Goal]], tokens: int) -> Iterable[Row]:
    catalog = Catalog(known, tokens=tokens)
    for what, of in sets.items():
        found = recall(of, lambda goal: told(catalog.offer(goal)))
        lines = recall(of, lambda goal: described(catalog.offer(goal)))
        yield _row(f"{tokens:,} tokens, {what}", found, f"described {lines:.2f}", BAR if tokens == BUDGET else None)


def _cost(known: Mapping[str, ToolSpec], every: list[Goal], options: Options) -> Iterable[Row]:
    catalog = Catalog(known)
    begun = time.perf_counter()
    catalog.offer(every[0].text)
    first_ms = (time.perf_counter() - begun) * 1e3
    taken, counts = [], []
    for _ in range(options.rounds):
        for goal in every:
            begun = time.perf_counter()
            offer = catalog.offer(goal.text)
            taken.append((time.perf_counter() - begun) * 1e3)
            counts.append(count_tokens(str(offer)))
    yield Row("tokens of the tools in a prompt, at most", max(counts), "", bar=Bar("≤", BUDGET, ""))
    yield Row("a choice", statistics.median(taken), "ms", f"the first, with the index: {first_ms:.0f} ms")


def first(known: Mapping[str, ToolSpec], costs: Mapping[str, int]) -> Choose:
    """The first tools in the order of their names, as many as fit."""
    return lambda goal: _fitting(sorted(known), costs)


def by_name(known: Mapping[str, ToolSpec], costs: Mapping[str, int]) -> Choose:
    """The tools whose names share the most words with the goal, as many as fit."""

    def choose(goal: str) -> set[str]:
        words = set(re.findall(r"[a-z]+", goal.lower()))
        shared = {name: len(words & set(re.findall(r"[a-z]+", name))) for name in known}
        return _fitting(sorted((n for n in known if shared[n]), key=lambda n: (-shared[n], n)), costs)

    return choose


def _fitting(names: Iterable[str], costs: Mapping[str, int]) -> set[str]:
    chosen: set[str] = set()
    for name in names:
        if sum(costs[n] for n in chosen) + costs[name] <= BUDGET:
            chosen.add(name)
    return chosen


def recall(of: list[Goal], choose: Choose) -> float:
    """The share of the needed tools that are chosen."""
    return sum(len(goal.needed & choose(goal.text)) for goal in of) / sum(len(goal.needed) for goal in of)


def described(offer: Offer) -> set[str]:
    """The tools that have a line."""
    return {spec.name for spec in offer.tools}


def told(offer: Offer) -> set[str]:
    """The tools that have a line or are named."""
    return described(offer) | {f"{space}.{own}" for space, names in _NAMES.findall(offer.others) for own in names.split(", ")}


def _row(what: str, share: float, beside: str, bar: Bar | None = None) -> Row:
    return Row(what, share, "", beside, bar=bar)


if __name__ == "__main__":
    main(measured)
