"""Values: what the names of a program stand for, given the calls that are done. Pure: no clock, no I/O but artifacts' bytes.

A step is `Pending` until its outcome is certain. Outcomes never change once they are certain, so they are kept. A map's
outcome is that of its slots: a slot is absent (its filter is false), ready to be called, done, or failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from executor.events import CallFinished
from executor.run import Run
from executor.streams import FromLet, FromMap, FromZip, Stream, stream_of
from planner.errors import ExpressionError
from planner.expression import Clock, bind_target, evaluate, expand, truth
from planner.labels import NO_LABEL, NO_LABELS, Label, Labels, Tagged, join_all, list_labels
from planner.program import Program, Step
from planner.syntax import Expr, free_names
from planner.toolspec import Json

SurpriseKind = Literal["expect", "failed", "expression", "fan_out", "refused", "shape"]
NULL = Tagged(None)


@dataclass(frozen=True, slots=True)
class Pending:
    """Not known yet."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A guard was false: the step's names are null."""

    choice: Label = NO_LABEL


@dataclass(frozen=True, slots=True)
class Done:
    """The step has its value."""

    value: Tagged


@dataclass(frozen=True, slots=True)
class Failed:
    """The step has none: a surprise."""

    kind: SurpriseKind
    message: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A slot without a call. `outside`: its source has no such element, so that it takes no place in the list either."""

    outside: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A slot, or a single call, whose inputs are there: the names that it sees."""

    scope: Mapping[str, Tagged]


Outcome = Pending | Skipped | Done | Failed
Slot = Pending | Absent | Ready | Done | Failed
PENDING = Pending()
LoadValue = Callable[[CallFinished], Json]


@dataclass
class _Map:
    """What is known of a map: how many slots there are, where their elements come from, and the slots that are certain."""

    size: int
    bindings: list[dict[str, Tagged]] | None  # None: from a stream
    certain: dict[int, Slot] = field(default_factory=dict)
    present: int = 0  # slots that have a call


class Values:
    """The values of one program over one run, as far as they are certain."""

    def __init__(
        self, program: Program, run: Run, *, clock: Clock, parameters: Mapping[str, Tagged], literal: Label, load: LoadValue
    ) -> None:
        self.program = program
        self._run = run
        self._clock = clock
        self._literal = literal
        self._load = load
        self._names: dict[str, Tagged] = dict(parameters)
        self._outcomes: dict[str, Outcome] = {}
        self._maps: dict[str, _Map] = {}
        self._streams: dict[str, Stream | None] = {s.id: stream_of(s, program) for s in program.steps if s.space is not None}
        self._finished: dict[tuple[str, str], Tagged] = {}

    # -- names

    def name(self, name: str) -> Tagged | None:
        """The value of a name; None while it is not known."""
        known = self._names.get(name)
        if known is not None:
            return known
        value = self._hidden(name[1:]) if name.startswith("$") else self._bound(name)
        if value is not None:
            self._names[name] = value
        return value

    def _bound(self, name: str) -> Tagged | None:
        choice = NO_LABEL
        for definition in self.program.definitions(name):
            match self.outcome(definition):
                case Done(value=value):
                    return self._part(self.program[definition], name, value)
                case Skipped(choice=why):
                    choice = choice.join(why)
                case _:
                    return None
        return Tagged(None, Labels.of(choice))

    def _part(self, step: Step, name: str, value: Tagged) -> Tagged | None:
        if len(step.to) == 1:
            return value
        return bind_target(step.to, value)[name]  # outcome() has seen that it fits

    def _hidden(self, step: str) -> Tagged | None:
        """A lifted step's value; for a map, all its slots in order, null where there was no call."""
        outcome = self.outcome(step)
        if self.program[step].space is None or not isinstance(outcome, Done):
            match outcome:
                case Done(value=value):
                    return value
                case Skipped(choice=choice):
                    return Tagged(None, Labels.of(choice))
                case _:
                    return None
        slots = [self.slot(step, i) for i in range(self._maps[step].size)]
        return _listed([s.value if isinstance(s, Done) else NULL for s in slots if not (isinstance(s, Absent) and s.outside)])

    def scope(self, names: frozenset[str]) -> dict[str, Tagged] | None:
        """The values of these names; None while one is not known."""
        found: dict[str, Tagged] = {}
        for name in names:
            value = self.name(name)
            if value is None:
                return None
            found[name] = value
        return found

    def evaluate(self, expr: Expr, scope: Mapping[str, Tagged]) -> Tagged:
        """The expression's value in this run; raises ExpressionError."""
        return evaluate(expr, scope, clock=self._clock, literal=self._literal)

    # -- steps

    def outcome(self, step: str) -> Outcome:
        """What has become of a step, as far as that is certain."""
        known = self._outcomes.get(step)
        if known is not None:
            return known
        outcome = self._decide(self.program[step])
        if not isinstance(outcome, Pending):
            self._outcomes[step] = outcome
        return outcome

    def _decide(self, step: Step) -> Outcome:
        guarded = self.guard(step)
        if guarded is not None:
            return guarded
        outcome = self._mapped(step) if step.space is not None else self._single(step)
        if isinstance(outcome, Done) and len(step.to) > 1:
            try:
                bind_target(step.to, outcome.value)
            except ExpressionError as error:
                return Failed("expression", str(error))
        return outcome

    def fail(self, step: str, failed: Failed) -> None:
        """Decide that a step failed for a reason that lies outside of its values."""
        self._outcomes[step] = failed

    def guard(self, step: Step) -> Outcome | None:
        """Skipped, Failed or Pending by the step's guards; None if it may run."""
        for guard in step.guards:
            scope = self.scope(free_names(guard.test))
            if scope is None:
                return PENDING
            try:
                test = self.evaluate(guard.test, scope)
            except ExpressionError as error:
                return Failed("expression", str(error))
            if truth(test) != guard.when:
                return Skipped(test.labels.whole().as_choice())
        return None

    def _single(self, step: Step) -> Outcome:
        if step.kind == "let":
            scope = self.scope(step.reads())
            if scope is None:
                return PENDING
            try:
                return Done(self.evaluate(step.arguments["value"], scope))
            except ExpressionError as error:
                return Failed("expression", str(error))
        slot = self._called(step.id, "")
        return slot if isinstance(slot, Done | Failed) else PENDING

    def _called(self, step: str, item: str) -> Done | Failed | None:
        """What the journal says of a call that has ended."""
        call = self._run.calls.get((step, item))
        if call is None:
            return None
        if call.finished is not None:
            return Done(self.finished(call.finished))
        if call.failed is not None:
            kind: SurpriseKind = call.failed.kind if call.failed.kind in ("expression", "expect") else "failed"  # type: ignore[assignment]  # one of them
            return Failed(kind, call.failed.message, item)
        return None

    def finished(self, event: CallFinished) -> Tagged:
        """The value of a finished call, with its labels."""
        address = (event.step, event.item)
        if address not in self._finished:
            value = event.value if event.artifact is None else self._load(event)
            labels = NO_LABELS if event.labels is None else Labels.from_json(event.labels)
            self._finished[address] = Tagged(value, labels)
        return self._finished[address]

    # -- maps

    def size(self, step: str) -> int | None:
        """How many slots a map has; None while that is not known. Raises ExpressionError if its source is no list."""
        if step in self._maps:
            return self._maps[step].size
        made = self._open(self.program[step])
        if made is None:
            return None
        self._maps[step] = made
        return made.size

    def _open(self, step: Step) -> _Map | None:
        stream = self._streams[step.id]
        if stream is not None:
            size = self._stream_size(stream)
            return None if size is None else _Map(size, None)
        assert step.space is not None
        depth = len(step.space.clauses)
        whole = tuple((name, at) for name, at in step.space.slots if at < depth)
        outer = frozenset(n for c in step.space.clauses for n in _clause_reads(c.iterable, *c.conditions))
        bound = step.space.names
        scope = self.scope((outer - bound) | {name for name, _ in whole})
        if scope is None:
            return None
        bindings = expand(step.space.clauses, whole, scope, clock=self._clock, literal=self._literal)
        return _Map(len(bindings), bindings)

    def _stream_size(self, stream: Stream) -> int | None:
        match stream:
            case FromMap(step=step):
                return self.size(step)
            case FromLet(source=source):
                return self._stream_size(source)
            case FromZip(sources=sources):
                return self._stream_size(sources[0])

    def slot(self, step: str, index: int) -> Slot:
        """What is known of one slot of a map whose size is known."""
        made = self._maps[step]
        known = made.certain.get(index)
        if known is not None and not isinstance(known, Ready):
            return known
        ended = self._called(step, str(index))
        slot: Slot = ended if ended is not None else known if known is not None else self._look(self.program[step], made, index)
        if not isinstance(slot, Pending):
            if known is None and not isinstance(slot, Absent):
                made.present += 1
            made.certain[index] = slot
        return slot

    def present(self, step: str) -> int:
        """How many slots of a map are known to have a call."""
        return self._maps[step].present

    def _look(self, step: Step, made: _Map, index: int) -> Slot:
        assert step.space is not None
        bound = self._bindings(step, made, index)
        if not isinstance(bound, dict):
            return bound
        for name, at in step.space.slots:
            if at == len(step.space.clauses):
                entry = self._entry(name[1:], index)
                if entry is None:
                    return PENDING
                bound[name] = entry
        outer = self.scope(_outer_reads(step))
        if outer is None:
            return PENDING
        scope = {**outer, **bound}
        choice = NO_LABEL
        try:
            for condition in step.conditions:
                test = self.evaluate(condition, scope)
                choice = choice.join(test.labels.whole())
                if not truth(test):
                    return Absent()
        except ExpressionError as error:
            return Failed("expression", str(error), str(index))
        chosen = {n: t.labels.with_choice(choice) for n, t in bound.items()} if choice is not NO_LABEL else {}
        return Ready({**scope, **{n: Tagged(bound[n].value, labels) for n, labels in chosen.items()}})

    def _bindings(self, step: Step, made: _Map, index: int) -> dict[str, Tagged] | Pending | Absent | Failed:
        """What the clauses bind for a slot."""
        if made.bindings is not None:
            return dict(made.bindings[index])
        stream = self._streams[step.id]
        assert stream is not None
        assert step.space is not None
        element = self._element(stream, index)
        if not isinstance(element, Tagged):
            return element
        try:
            return bind_target(step.space.clauses[0].target, element)
        except ExpressionError as error:
            return Failed("expression", str(error), str(index))

    def _entry(self, step: str, index: int) -> Tagged | None:
        """The slot of an earlier call in the same body; null where there was no call."""
        if self.size(step) is None:
            return None
        match self.slot(step, index):
            case Done(value=value):
                return value
            case Absent():
                return NULL
            case _:
                return None

    def _element(self, stream: Stream, index: int) -> Tagged | Pending | Absent:
        match stream:
            case FromMap(step=step):
                if self.size(step) is None:
                    return PENDING
                match self.slot(step, index):
                    case Done(value=value):
                        return value
                    case Absent():
                        return Absent(outside=True)
                    case _:
                        return PENDING
            case FromZip(sources=sources):
                return self._zipped(sources, index)
            case FromLet():
                return self._changed(stream, index)

    def _zipped(self, sources: tuple[Stream, ...], index: int) -> Tagged | Pending | Absent:
        parts = [self._element(s, index) for s in sources]
        if any(isinstance(p, Absent) for p in parts):
            return Absent(outside=True)
        found = [p for p in parts if isinstance(p, Tagged)]
        if len(found) < len(parts):
            return PENDING
        return _listed(found)

    def _changed(self, stream: FromLet, index: int) -> Tagged | Pending | Absent:
        element = self._element(stream.source, index)
        if not isinstance(element, Tagged):
            return element
        reads = _clause_reads(stream.element, *stream.clause.conditions)
        try:
            bound = bind_target(stream.clause.target, element)
            outer = self.scope(reads - frozenset(bound))
            if outer is None:
                return PENDING
            scope = {**outer, **bound}
            choice = NO_LABEL
            for condition in stream.clause.conditions:
                test = self.evaluate(condition, scope)
                choice = choice.join(test.labels.whole())
                if not truth(test):
                    return Absent(outside=True)
            value = self.evaluate(stream.element, scope)
        except ExpressionError:
            return PENDING  # the list itself fails, and says so
        return Tagged(value.value, value.labels.with_choice(choice))

    def _mapped(self, step: Step) -> Outcome:
        """A map is done when every slot is; it is one surprise, told by its first failed slot, once all have settled."""
        try:
            size = self.size(step.id)
        except ExpressionError as error:
            return Failed("expression", str(error))
        if size is None:
            return PENDING
        slots = [self.slot(step.id, i) for i in range(size)]
        if any(isinstance(s, Pending | Ready) for s in slots):
            return PENDING
        failed = [s for s in slots if isinstance(s, Failed)]
        if failed:
            more = f" ({len(failed)} of {size} items failed)" if len(failed) > 1 else ""
            return Failed(failed[0].kind, failed[0].message + more, failed[0].item)
        done = [s.value for s in slots if isinstance(s, Done)]
        return Done(self._list(step, done))

    def _list(self, step: Step, values: list[Tagged]) -> Tagged:
        """The map's list; how many elements it has was decided by its sources and filters."""
        assert step.space is not None
        found = _listed(values)
        outer = self.scope(step.reads()) or {}
        decided = join_all(t.labels.top() for t in outer.values()).as_choice()
        return Tagged(found.value, Labels(found.labels.own, found.labels.keys, found.labels.each, decided))


def _listed(values: list[Tagged]) -> Tagged:
    return Tagged([v.value for v in values], list_labels([v.labels for v in values]))


def _clause_reads(*exprs: Expr) -> frozenset[str]:
    return frozenset[str]().union(*(free_names(e) for e in exprs))


def _outer_reads(step: Step) -> frozenset[str]:
    """Names that a slot's own expressions read from outside the map."""
    assert step.space is not None
    return _clause_reads(*step.body) - step.space.names
