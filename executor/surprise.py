"""Surprise: a run's plan that met surprises, told so that its planner may read it: no text of strangers, bounded. Pure.

A script's own words are told, and values as `planner.digest` shows them. What an error says is told only where no stranger
can have had a part in it: neither its tool nor what the tool was given is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from executor.call_state import MAYBE, CallState
from executor.frame import Frame
from executor.outcomes import Failed
from executor.revision import Cut
from executor.run import Run
from executor.values import Values
from planner.characters import line_feeds
from planner.digest import clipped, digest_of
from planner.errors import ExpressionError
from planner.flow import result_labels
from planner.labels import Labels, join_all
from planner.program import Step
from planner.replan import Broken, Mark
from planner.shape import resolved
from planner.toolspec import Json, JsonSchema, ToolSpec

_OWN_KINDS = frozenset(("fan_out", "shape", "unsatisfied", "no_model", "too_long"))  # failures that are told in our words
_WEIGHT: Sequence[Mark] = ("done", "stays", "replace", "failed")  # of steps on one line the heaviest marks it
_MESSAGE = 300  # characters
_SETTLED = 20  # lines on calls of replaced lines, and values that such a line is made from
_APART = 3  # items of a map that are told one by one
_ITEMS = 200  # characters that say which items


@dataclass(frozen=True)
class Met:
    """A run that has met surprises: what it is decided by, and what has failed."""

    run: Run
    frame: Frame
    values: Values
    surprises: Sequence[tuple[Step, Failed]]

    @property
    def roots(self) -> list[Step]:
        return [step for step, _ in self.surprises]

    def broken(self, kept: Cut, script: str, tools: Mapping[str, ToolSpec], names: frozenset[str]) -> Broken:
        """What the planner is told; `names` are the tools that it may use."""
        specs = tuple(tools[name] for name in sorted(names) if name in tools)
        known = frozenset(
            key for spec in specs for schema in (spec.input_schema, spec.output_schema) for key in keys_of(schema)
        )
        known |= frozenset(key for step in self.frame.program.steps for key in keys_of(step.returns))
        return Broken(
            goal=self.run.submission.goal,
            tools=specs,
            lines=tuple(self._lines(kept, script)),
            surprises=tuple(self._told(step, failed) for step, failed in self.surprises),
            names=tuple(self._names(kept, known)),
            settled=tuple(self._settled(kept, known)),
        )

    # -- the script

    def _lines(self, kept: Cut, script: str) -> Iterator[tuple[Mark, str]]:
        """Each line with the mark of the statement that it belongs to."""
        marks: dict[int, Mark] = {}
        failed, over = {s.id for s in self.roots}, set(kept.over)
        for step in self.frame.program.steps:
            mark: Mark = "done" if step.id in over else "stays"
            if step.statement in kept.gone:
                mark = "failed" if step.id in failed else "replace"
            before = marks.get(step.at.line, "done")
            marks[step.at.line] = max(before, mark, key=_WEIGHT.index)
        now: Mark = "stays"
        for number, text in enumerate(line_feeds(script).rstrip("\n").split("\n"), 1):
            now = marks.get(number, now)
            yield now, text

    def _names(self, kept: Cut, known: frozenset[str]) -> Iterator[tuple[str, str]]:
        for name in sorted(self.frame.program.parameters):
            yield name, self._value(name, known)
        for step in self.frame.program.steps:
            if step.statement not in kept.gone:
                for name in step.to:
                    yield name, self._value(name, known)

    def _value(self, name: str, known: frozenset[str]) -> str:
        value = self.values.name(name)
        return "(not known yet)" if value is None else digest_of(value, known=known)

    def _settled(self, kept: Cut, known: frozenset[str]) -> Iterator[str]:
        """What calls of replaced lines have given, or that nobody knows; of a map with many of them all at once."""
        calls: dict[str, dict[str, CallState]] = {step.id: {} for step in kept.dropped}
        for (name, item), call in self.run.calls.items():
            if name in calls and call.started is not None and call.started.call:
                calls[name][item] = call
        groups = [(step, items) for step in kept.dropped for items in _groups(calls[step.id])]
        for step, items in groups[:_SETTLED]:
            yield self._given(step, [calls[step.id][item] for item in items], items, known)
        left = sum(len(items) for _, items in groups[_SETTLED:])
        if left:
            yield f"… and {left} calls more"

    def _given(self, step: Step, calls: Sequence[CallState], items: Sequence[str], known: frozenset[str]) -> str:
        where = f"line {step.at.line}" + (f", {items_told(items)}" if items != [""] else "")
        finished = [call.finished for call in calls[:: max(len(calls) // _SETTLED, 1)] if call.finished is not None]
        if not finished:
            return f"{where}: {step.tool} may have been done"
        values = [self.values.finished(event) for event in finished[:_SETTLED]]
        return f"{where}: {step.tool or step.kind} gave {digest_of(*values, known=known)}"

    # -- what surprised

    def _told(self, step: Step, failed: Failed) -> str:
        call = self.run.call(step.id, failed.item)
        kind = failed.kind if call.failed is None else call.failed.kind
        return f"line {step.at.line}, `{step.id}`: {kind}{self._message(step, failed, call)}"

    def _message(self, step: Step, failed: Failed, call: CallState) -> str:
        if failed.kind == "expect":
            why = self._why(step)
            return f": {clipped(why, _MESSAGE)}" if why else ""
        own = failed.kind == "fan_out" or (call.failed is not None and call.failed.kind in _OWN_KINDS)
        if own or self._trusted(step):
            return f": {clipped(failed.message, _MESSAGE)}"
        return " (what it said is not shown: strangers may have had a part in it)"

    def _why(self, step: Step) -> str:
        """The words of an expectation; where a stranger's are among them, as the script has them."""
        scope = self.values.scope(step.reads())
        expr = step.arguments["why"]
        try:
            told = None if scope is None else self.values.evaluate(expr, scope)
        except ExpressionError:
            told = None
        return expr.text if told is None or told.labels.whole().untrusted else str(told.value)

    def _trusted(self, step: Step) -> bool:
        """Whether no stranger can have had a part in what the step's failure says."""
        names = frozenset(n for n in step.reads() if step.space is None or n not in step.space.names)
        scope = self.values.scope(names)
        if scope is None:
            return False
        given = join_all(value.labels.whole() for value in scope.values())
        told = result_labels(self.frame.tools[step.tool], given) if step.tool else Labels.of(given)
        return not told.whole().untrusted and not (step.tool and self.frame.tools[step.tool].open_world)


def items_told(items: Sequence[str]) -> str:
    """Which items of a map, in few words: runs of them by their first and last."""
    if len(items) == 1 or not all(item.isdecimal() for item in items):
        return clipped(f"item {items[0]}" if len(items) == 1 else f"items {', '.join(items)}", _ITEMS)
    numbers = sorted(int(item) for item in items)
    ends = [n for n, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1]
    runs = [numbers[a:b] for a, b in pairwise([0, *ends, len(numbers)])]
    told = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return clipped(f"items {', '.join(told)}", _ITEMS)


def _groups(calls: Mapping[str, CallState]) -> list[list[str]]:
    """The items of a step that are told together: many that gave something, and each effect of which nobody knows."""
    gave = [item for item, call in calls.items() if call.finished is not None]
    claimed = [(item, call) for item, call in calls.items() if call.finished is None and call.started and call.started.claim]
    unknown = [[item] for item, call in claimed if call.failed is None or call.failed.kind in MAYBE]
    return [*([gave] if len(gave) > _APART else [[item] for item in gave]), *unknown]


def keys_of(schema: JsonSchema | None) -> Iterator[str]:
    """All names of properties in a schema."""
    left: list[Json] = [] if schema is None else [resolved(schema)]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            properties = part.get("properties")
            if isinstance(properties, Mapping):
                yield from map(str, properties)
            left.extend(part.values())
        elif isinstance(part, list | tuple):
            left.extend(part)
