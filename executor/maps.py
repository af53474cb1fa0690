"""Maps: the slots of map steps, as far as they are certain, looked at again only when something that they wait for has come.

    source list known, or slot i of the source settled ─► slot i: absent (its filter is false), failed, or ready to be called
    its call ended                                     ─► slot i: done or failed

Every map keeps the order in which its slots settled; a map that takes its elements from it reads on in that order. So a run
over n slots looks at each a few times, not at all of them each time that one has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from executor.map_form import MapForm, outside
from executor.outcomes import NULL, PENDING, Absent, Done, Failed, Pending, Ready, Slot
from executor.run import Run
from executor.streams import FromLet, FromMap, FromZip, Stream, reads
from planner.errors import ExpressionError
from planner.expression import bind_target, truth
from planner.labels import NO_LABEL, Label, Labels, Tagged, join_all, list_labels
from planner.program import Program, Step
from planner.syntax import Clause, Expr, free_names


class Names(Protocol):
    """What maps need of the values around them."""

    def scope(self, names: frozenset[str]) -> dict[str, Tagged] | None: ...

    def evaluate(self, expr: Expr, scope: Mapping[str, Tagged]) -> Tagged: ...

    def expand(
        self, clauses: tuple[Clause, ...], slots: tuple[tuple[str, int], ...], scope: Mapping[str, Tagged]
    ) -> list[dict[str, Tagged]]: ...

    def called(self, step: str, item: str) -> Done | Failed | None:
        """What the journal says of a call that has ended."""
        ...


@dataclass
class _Map:
    """What is known of a map whose size is known."""

    size: int
    bindings: list[dict[str, Tagged]] | None  # None: from a stream
    left: int  # slots that have not settled
    slots: dict[int, Slot] = field(default_factory=dict)  # settled ones
    ready: dict[int, Ready] = field(default_factory=dict)  # slots whose call has not ended
    order: list[int] = field(default_factory=list)  # settled slots as they settled
    failed: list[int] = field(default_factory=list)
    present: int = 0  # slots that have a call
    decided: Label = NO_LABEL  # what the conditions of all slots stem from
    looked: bool = False  # at every slot once
    read: dict[str, int] = field(default_factory=dict)  # source → how much of its order has been read
    ended: int = 0  # how many of the run's ended calls have been read
    folded: int = -1  # the run's, when it was last looked at


class Maps:
    """The maps of one program over one run."""

    def __init__(self, program: Program, run: Run, names: Names) -> None:
        self._run = run
        self._names = names
        self._forms = {s.id: MapForm.of(s, program) for s in program.steps if s.is_map}
        self._maps: dict[str, _Map] = {}

    def grow(self, program: Program, new: Iterable[Step]) -> None:
        """Take the maps among further steps of the program."""
        self._forms |= {s.id: MapForm.of(s, program) for s in new if s.is_map}

    def size(self, step: str) -> int | None:
        """How many slots a map has; None while that is not known. Raises ExpressionError if its source is no list."""
        made = self._made(step)
        return None if made is None else made.size

    def slot(self, step: str, index: int) -> Slot:
        """What is known of one slot of a map whose size is known."""
        made = self._looked_at(step)
        return made.slots.get(index) or made.ready.get(index) or PENDING

    def present(self, step: str) -> int:
        """How many slots of a map are known to have a call."""
        return self._looked_at(step).present

    def ready(self, step: str) -> Iterator[tuple[int, Ready]]:
        """The slots whose call can be made and has not ended, to be walked before anything else is folded."""
        return iter(self._looked_at(step).ready.items())

    def outcome(self, step: Step) -> Pending | Done | Failed:
        """A map is done when every slot is; it is one surprise, told by its first failed slot, once all have settled."""
        try:
            made = self._made(step.id)
        except ExpressionError as error:
            return Failed("expression", str(error))
        if made is None or self._looked_at(step.id).left:
            return PENDING
        if made.failed:
            first = made.slots[min(made.failed)]
            assert isinstance(first, Failed)
            more = f" ({len(made.failed)} of {made.size} items failed)" if len(made.failed) > 1 else ""
            return Failed(first.kind, first.message + more, first.item)
        try:
            return self._list(made, self._forms[step.id])
        except ExpressionError as error:
            return Failed("expression", str(error))

    def slots(self, step: str) -> Tagged:
        """All slots in order, null where there was no call: what a lifted map's hidden name stands for."""
        made = self._looked_at(step)
        slots = [made.slots[i] for i in range(made.size)]
        return _listed([s.value if isinstance(s, Done) else NULL for s in slots if not (isinstance(s, Absent) and s.outside)])

    def _list(self, made: _Map, form: MapForm) -> Pending | Done:
        """The map's list. What decided which slots have a call is a choice on each element, as it decides its place."""
        found = _listed([s.value for s in (made.slots[i] for i in range(made.size)) if isinstance(s, Done)])
        scope = self._names.scope(free_names(form.clauses[0].iterable))
        if scope is None:
            return PENDING  # a list that its slots were taken from failed itself
        source = self._names.evaluate(form.clauses[0].iterable, scope).labels
        shape, own = source.top(), source.own.join(made.decided).as_choice()
        if len(form.clauses) > 1:  # which combinations there are: said of all together
            decided = join_all(t.labels.whole() for t in (self._names.scope(outside(form.step)) or {}).values())
            shape, own = shape.join(decided), own.join(decided.as_choice())
        labels = found.labels.under(own)
        return Done(Tagged(found.value, Labels(labels.own, labels.keys, labels.each, shape)))

    # -- opening

    def _made(self, step: str) -> _Map | None:
        made = self._maps.get(step)
        if made is None:
            made = self._open(self._forms[step])
            if made is not None:
                self._maps[step] = made
        return made

    def _open(self, form: MapForm) -> _Map | None:
        if form.stream is not None:
            size = self._stream_size(form.stream)
            return None if size is None else _Map(size, None, size)
        assert form.step.space is not None
        inner = tuple((name, at) for name, at in form.step.space.slots if at < len(form.clauses))
        scope = self._names.scope(outside(form.step) | {name for name, _ in inner})
        if scope is None:
            return None
        bindings = self._names.expand(form.clauses, inner, scope)
        return _Map(len(bindings), bindings, len(bindings))

    def _stream_size(self, stream: Stream) -> int | None:
        match stream:
            case FromMap(step=step):
                return self.size(step)
            case FromLet(source=source):
                return self._stream_size(source)
            case FromZip(sources=sources):
                return self._stream_size(sources[0])

    # -- looking

    def _looked_at(self, step: str) -> _Map:
        """The map after a look at whatever has come since the last one."""
        made, form = self._maps[step], self._forms[step]
        if made.folded == self._run.folded:
            return made
        made.folded = self._run.folded
        for source in form.sources:
            if self._made(source) is not None:
                self._looked_at(source)
        outer = self._names.scope(form.outer)
        if outer is not None:
            for index in self._news(made, form):
                if index not in made.slots and index not in made.ready:
                    self._look(made, form, index, outer)
        self._read_ended(made, step)
        return made

    def _news(self, made: _Map, form: MapForm) -> list[int]:
        """The slots whose inputs may have come."""
        found: list[int] = list(range(made.size)) if not made.looked else []
        for source in form.sources:
            if source in self._maps:
                order = self._maps[source].order
                found += order[made.read.get(source, 0) :] if made.looked else ()
                made.read[source] = len(order)
        made.looked = True
        return found

    def _read_ended(self, made: _Map, step: str) -> None:
        ended = self._run.settled.get(step, ())
        for item in ended[made.ended :]:
            if item.isdecimal() and int(item) in made.ready and (known := self._names.called(step, item)) is not None:
                _settle(made, int(item), known)
        made.ended = len(ended)

    def _look(self, made: _Map, form: MapForm, index: int, outer: Mapping[str, Tagged]) -> None:
        slot = self._slot(made, form, index, outer)
        if isinstance(slot, Ready):
            made.present += 1
            ended = self._names.called(form.step.id, str(index))
            if ended is None:
                made.ready[index] = slot
            else:
                _settle(made, index, ended)
        elif not isinstance(slot, Pending):
            _settle(made, index, slot)

    def _slot(self, made: _Map, form: MapForm, index: int, outer: Mapping[str, Tagged]) -> Pending | Absent | Ready | Failed:
        bound = self._bindings(made, form, index)
        if not isinstance(bound, dict):
            return bound
        for name in form.chained:
            entry = self._entry(name[1:], index)
            if entry is None:
                return PENDING
            bound[name] = entry
        scope = {**outer, **bound}
        try:
            choice, passed = self._conditions(form.step.conditions, scope)
        except ExpressionError as error:
            return Failed("expression", str(error), str(index))
        made.decided = made.decided.join(choice)
        if not passed:
            return Absent()
        if choice is not NO_LABEL:
            scope |= {name: Tagged(t.value, t.labels.with_choice(choice)) for name, t in bound.items()}
        return Ready(scope)

    def _conditions(self, conditions: tuple[Expr, ...], scope: Mapping[str, Tagged]) -> tuple[Label, bool]:
        choice = NO_LABEL
        for condition in conditions:
            test = self._names.evaluate(condition, scope)
            choice = choice.join(test.labels.whole())
            if not truth(test):
                return choice, False
        return choice, True

    def _bindings(self, made: _Map, form: MapForm, index: int) -> dict[str, Tagged] | Pending | Absent | Failed:
        """What the clauses bind for a slot."""
        if made.bindings is not None:
            return dict(made.bindings[index])
        assert form.stream is not None
        element = self._element(form.stream, index)
        if not isinstance(element, Tagged):
            return element
        try:
            return bind_target(form.clauses[0].target, element)
        except ExpressionError as error:
            return Failed("expression", str(error), str(index))

    def _entry(self, step: str, index: int) -> Tagged | None:
        """The slot of an earlier call in the same body; null where there was no call."""
        if self._made(step) is None:
            return None
        match self.slot(step, index):
            case Done(value=value):
                return value
            case Absent():
                return NULL
            case _:
                return None

    # -- streams

    def _element(self, stream: Stream, index: int) -> Tagged | Pending | Absent:
        match stream:
            case FromMap(step=step):
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
        return PENDING if len(found) < len(parts) else _listed(found)

    def _changed(self, stream: FromLet, index: int) -> Tagged | Pending | Absent:
        element = self._element(stream.source, index)
        if not isinstance(element, Tagged):
            return element
        try:
            bound = bind_target(stream.clause.target, element)
            outer = self._names.scope(reads(stream.element, *stream.clause.conditions) - frozenset(bound))
            if outer is None:
                return PENDING
            scope = {**outer, **bound}
            choice, passed = self._conditions(stream.clause.conditions, scope)
            if not passed:
                return Absent(outside=True)
            value = self._names.evaluate(stream.element, scope)
        except ExpressionError:
            return PENDING  # the list itself fails, and says so
        return Tagged(value.value, value.labels.with_choice(choice))


def _settle(made: _Map, index: int, slot: Absent | Done | Failed) -> None:
    made.ready.pop(index, None)
    made.slots[index] = slot
    made.order.append(index)
    made.left -= 1
    if isinstance(slot, Failed):
        made.failed.append(index)


def _listed(values: list[Tagged]) -> Tagged:
    return Tagged([v.value for v in values], list_labels([v.labels for v in values]))
