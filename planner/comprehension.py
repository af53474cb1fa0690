"""Comprehensions: the combinations that clauses make, and the list, set or object that becomes of them.

A combination stands for one set of values of the clauses' targets. Slots are lists that other code has filled, one entry for
each combination of the first clauses; a counter by slot says which entry is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from planner.bounds import Meter
from planner.elements import bind_target, elements, listed
from planner.errors import ExpressionError
from planner.labels import NO_LABEL, Label, Labels, Tagged, dict_labels, join_all
from planner.syntax import Clause, Comprehension, Expr, target_names
from planner.values import OrderedSet, kind, truth

Scope = Mapping[str, Tagged]
Evaluate = Callable[[Expr, Scope], Tagged]
Slots = Sequence[tuple[str, int]]


@dataclass
class Combinations:
    """A walk over the combinations of clauses.

    `scope` holds the current combination. `size` is what decides how many there are, `decided` what decided which: the
    conditions met so far and, where a second `for` shifts the places, what it iterates.
    """

    clauses: Sequence[Clause]
    slots: Slots
    scope: dict[str, Tagged]
    evaluate: Evaluate
    meter: Meter
    keep_last_conditions: bool = True
    size: Label = NO_LABEL
    decided: Label = NO_LABEL
    _reached: dict[str, int] = field(default_factory=dict)

    def walk(self, depth: int = 0, path: Label = NO_LABEL) -> Iterator[Label]:
        """Yield once for each combination, with the label of what its own conditions and lists decided."""
        if depth == len(self.clauses):
            yield path
            return
        clause = self.clauses[depth]
        iterable = self.evaluate(clause.iterable, self.scope)
        shape = iterable.labels.top()
        self.size = self.size.join(shape)
        if depth:
            self.decided = self.decided.join(shape)
        for element in elements(iterable, self.meter):
            self.scope.update(bind_target(clause.target, element))
            self._fill_slots(depth + 1)
            passed, conditions = self._passes(clause, depth)
            if passed:
                yield from self.walk(depth + 1, path.join(shape).join(conditions))

    def _passes(self, clause: Clause, depth: int) -> tuple[bool, Label]:
        label = NO_LABEL
        if depth + 1 == len(self.clauses) and not self.keep_last_conditions:
            return True, label
        passed = True
        for condition in clause.conditions:
            test = self.evaluate(condition, self.scope)
            label = label.join(test.labels.whole())
            if not truth(test):
                passed = False
                break
        self.decided = self.decided.join(label)
        return passed, label

    def _fill_slots(self, depth: int) -> None:
        for name, at in self.slots:
            if at != depth:
                continue
            slot = self._slot(name)
            place = self._reached.get(name, 0)
            if place >= len(slot.value):
                raise ExpressionError(f"The step behind {name} has only {len(slot.value)} results")
            self._reached[name] = place + 1
            self.scope[name] = Tagged(slot.value[place], slot.labels.child(place))

    def _slot(self, name: str) -> Tagged:
        whole = self._wholes.get(name)
        if whole is None or not isinstance(whole.value, list):
            raise ExpressionError(f"There are no results for {name}")
        return whole

    def __post_init__(self) -> None:
        self._wholes = {name: self.scope[name] for name, _ in self.slots if name in self.scope}


def comprehend(node: Comprehension, scope: Scope, evaluate: Evaluate, meter: Meter) -> Tagged:
    """The value of a comprehension. Conditions decide which elements there are, so they are a choice on all of them."""
    walk = Combinations(node.clauses, node.slots, dict(scope), evaluate, meter)
    if node.kind == "dict":
        return _dict(node, walk)
    found: list[Tagged] = []
    for _ in walk.walk():
        meter.elements(1)
        found.append(evaluate(node.element, walk.scope))
    if node.kind == "set":
        whole = join_all(t.labels.whole() for t in found).join(walk.size).join(walk.decided.as_choice())
        return Tagged(OrderedSet((t.value for t in found), meter), Labels.of(whole))
    return listed(found, own=walk.decided.as_choice(), shape=walk.size)


def _dict(node: Comprehension, walk: Combinations) -> Tagged:
    assert node.value is not None
    made: dict[str, Tagged] = {}
    names = NO_LABEL
    for _ in walk.walk():
        walk.meter.elements(1)
        key = walk.evaluate(node.element, walk.scope)
        names = names.join(key.labels.whole())
        made[text_key(key)] = walk.evaluate(node.value, walk.scope)
    names = names.join(walk.size)
    decided = names.join(walk.decided).as_choice()
    labels = dict_labels({k: t.labels for k, t in made.items()}, own=decided, shape=names)
    return Tagged({k: t.value for k, t in made.items()}, labels)


def text_key(key: Tagged) -> str:
    """The value as a key of an object. Raises ExpressionError when it is no text."""
    if not isinstance(key.value, str):
        raise ExpressionError(f"The keys of an object are texts, not {kind(key.value)}", hint="Use str() on the key.")
    return key.value


def combinations(
    clauses: Sequence[Clause], slots: Slots, scope: Scope, evaluate: Evaluate, meter: Meter
) -> list[dict[str, Tagged]]:
    """What each combination binds, before the last clause's conditions are asked."""
    wanted = [name for clause in clauses for name in target_names(clause.target)]
    wanted += [name for name, depth in slots if depth <= len(clauses)]
    walk = Combinations(clauses, slots, dict(scope), evaluate, meter, keep_last_conditions=False)
    bindings: list[dict[str, Tagged]] = []
    for path in walk.walk():
        meter.elements(len(wanted))
        current = ((name, walk.scope[name]) for name in wanted)
        bindings.append({name: Tagged(t.value, t.labels.with_choice(path)) for name, t in current})
    return bindings
