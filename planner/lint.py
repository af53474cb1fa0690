"""Lint: what is likely a mistake and no proof of one. The checker warns of it and lets the plan run."""

from __future__ import annotations

from collections.abc import Mapping

from planner.diagnostic import Diagnostic
from planner.program import Program, Step
from planner.syntax import Call, Compare, Comprehension, Expr, Literal_, Name, free_names, walk
from planner.toolspec import ToolSpec

_SEARCHES = ("find", "search", "list", "query", "lookup")


def lint(program: Program, tools: Mapping[str, ToolSpec]) -> list[Diagnostic]:
    """Warnings about a program that compiles."""
    expected = frozenset[str]().union(*(free_names(s.arguments["condition"]) for s in program.steps if s.kind == "expect"))
    filtered = {
        name: s
        for s in program.steps
        for name in s.to
        if s.kind == "let" and name not in expected and _filters(s.arguments["value"])
    }
    found: list[Diagnostic] = []
    for step in program.steps:
        found.extend(_unchecked_filters(step, filtered))
        found.extend(_exactly_one(step, program))
    return found


def _unchecked_filters(step: Step, filtered: Mapping[str, Step]) -> list[Diagnostic]:
    """A filter that feeds `sum` or `answer` and that no `expect` looks at: an empty one gives a wrong answer, not an error."""
    if not filtered:
        return []
    read = free_names(step.arguments["value"]) if step.kind == "answer" else _summed(step)
    return [
        _warning(filtered[name], "unchecked-filter", f"`{name}` may be empty, and nothing looks whether it is.",
                 f'Add expect(len({name}) > 0, "…") if it must not be.')
        for name in sorted(read & filtered.keys())
    ]  # fmt: skip


def _filters(node: Expr) -> bool:
    return isinstance(node, Comprehension) and any(c.conditions for c in node.clauses)


def _summed(step: Step) -> frozenset[str]:
    calls = [n for e in step.body for n in walk(e) if isinstance(n, Call) and n.func == Name("sum")]
    return frozenset[str]().union(*(free_names(c) for c in calls))


def _exactly_one(step: Step, program: Program) -> list[Diagnostic]:
    """`expect(len(x) == 1)` after a search that may find near misses."""
    if step.kind != "expect":
        return []
    for node in walk(step.arguments["condition"]):
        match node:
            case Compare(first=Call(func=Name(id="len"), args=(argument,)), rest=(("==", Literal_(value=1)),)):
                tools = [program[d].tool for n in free_names(argument) for d in program.definitions(n)]
                if any(t.partition(".")[2].startswith(_SEARCHES) for t in tools):
                    message = "A search may find several things that are nearly the same."
                    hint = "Filter for the exact name, or choose(…)."
                    return [_warning(step, "fuzzy-search", message, hint)]
    return []


def _warning(step: Step, code: str, message: str, hint: str) -> Diagnostic:
    text = step.source.partition("\n")[0][:80]
    line, column = max(step.at.line, 1), max(step.at.column, 1)
    return Diagnostic(code=code, line=line, column=column, text=text, message=message, hint=hint, severity="warning")
