"""The interpreter: an expression over tagged values gives a tagged value, and does nothing else.

It can reach nothing but the scope it is given: an attribute reads a key of an object, a call reads the library's table. It
counts every node and element before it makes it, so any expression ends soon and small, in a value, an ExpressionError or
its kind BoundExceeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from planner.access import read_element, read_key, read_slice
from planner.arithmetic import binary, unary
from planner.bounds import BOUNDS, Bounds, Meter
from planner.call import call
from planner.clock import Clock
from planner.comparison import COMPARE
from planner.comprehension import Slots, combinations, comprehend, text_key
from planner.elements import bind_target, listed
from planner.errors import BoundExceeded, ExpressionError
from planner.formatting import written
from planner.hand import NOBODY, Hand
from planner.labels import NO_LABEL, Label, Labels, Tagged, dict_labels, join_all
from planner.syntax import (
    And,
    Attribute,
    Binary,
    Call,
    Clause,
    Compare,
    Comprehension,
    DictOf,
    Expr,
    FString,
    IfElse,
    Lambda,
    ListOf,
    Literal_,
    Name,
    Or,
    SetOf,
    Slice,
    Subscript,
    Unary,
    literals_in,
)
from planner.values import OrderedSet, kind, to_json, truth

__all__ = ["BOUNDS", "Bounds", "Clock", "bind_target", "evaluate", "expand", "to_json", "truth"]

Scope = Mapping[str, Tagged]


def evaluate(expr: Expr, scope: Scope, *, clock: Clock, hand: Hand = NOBODY, bounds: Bounds = BOUNDS) -> Tagged:
    """The value of an expression. `hand` labels what the script itself says. Raises ExpressionError, BoundExceeded."""
    run = _Interpreter(clock, hand, bounds)
    try:
        return run.value(expr, scope)
    except RecursionError:
        raise _too_deep(expr) from None


def expand(
    clauses: Sequence[Clause],
    slots: Slots,
    scope: Scope,
    *,
    clock: Clock,
    hand: Hand = NOBODY,
    bounds: Bounds = BOUNDS,
) -> list[dict[str, Tagged]]:
    """What each combination of the clauses binds, slots included; all conditions hold but the last clause's, which wait.

    What decided that a combination is there (conditions, the lists themselves) is a choice on all it binds.
    """
    run = _Interpreter(clock, hand, bounds)
    try:
        return combinations(clauses, slots, scope, run.value, run.meter)
    except RecursionError:
        raise _too_deep(clauses[0].iterable) from None


def _too_deep(expr: Expr) -> BoundExceeded:
    return BoundExceeded("A value nests too deep", source=expr.text)


class _Interpreter:
    """One evaluation: its meter, its clock, whose words its literals are."""

    __slots__ = ("clock", "hand", "meter")

    def __init__(self, clock: Clock, hand: Hand, bounds: Bounds) -> None:
        self.clock = clock
        self.hand = hand
        self.meter = Meter(bounds)

    def value(self, node: Expr, scope: Scope) -> Tagged:
        """The value of a node; an error of it says where it was."""
        meter = self.meter
        meter.operations_left -= 1
        meter.depth_left -= 1
        if meter.operations_left < 0 or meter.depth_left < 0:
            self._exceeded()
        try:
            result = _VALUE[type(node)](self, node, scope)
        except ExpressionError as error:
            if error.source or not node.text:
                raise
            raise type(error)(error.message, source=node.text, hint=error.hint) from None
        meter.depth_left += 1
        return result

    def _exceeded(self) -> None:
        self.meter.work(0)
        raise self.meter.too_deep()

    def many(self, nodes: Sequence[Expr], scope: Scope) -> list[Tagged]:
        self.meter.elements(len(nodes))
        return [self.value(n, scope) for n in nodes]


def _literal(run: _Interpreter, node: Literal_, scope: Scope) -> Tagged:
    return Tagged(node.value, run.hand.labels(node.value))


def _name(run: _Interpreter, node: Name, scope: Scope) -> Tagged:
    found = scope.get(node.id)
    if found is None:
        raise ExpressionError(f"The name {node.id} has no value")
    return found


def _attribute(run: _Interpreter, node: Attribute, scope: Scope) -> Tagged:
    return read_key(run.value(node.value, scope), node.key)


def _subscript(run: _Interpreter, node: Subscript, scope: Scope) -> Tagged:
    return read_element(run.value(node.value, scope), run.value(node.index, scope))


def _slice(run: _Interpreter, node: Slice, scope: Scope) -> Tagged:
    of = run.value(node.value, scope)
    lower, upper = (None if end is None else run.value(end, scope) for end in (node.lower, node.upper))
    return read_slice(of, lower, upper, run.meter)


def _unary(run: _Interpreter, node: Unary, scope: Scope) -> Tagged:
    operand = run.value(node.operand, scope)
    labels = Labels.of(operand.labels.whole())
    return Tagged(not truth(operand), labels) if node.op == "not" else Tagged(unary(node.op, operand.value), labels)


def _binary(run: _Interpreter, node: Binary, scope: Scope) -> Tagged:
    left, right = run.value(node.left, scope), run.value(node.right, scope)
    value = binary(node.op, left.value, right.value, run.meter)
    return Tagged(value, Labels.of(left.labels.whole().join(right.labels.whole())))


def _compare(run: _Interpreter, node: Compare, scope: Scope) -> Tagged:
    left = run.value(node.first, scope)
    label = left.labels.whole()
    holds = True
    for op, operand in node.rest:
        right = run.value(operand, scope)
        label = label.join(right.labels.top() if op in ("in", "not in") and type(right.value) is dict else right.labels.whole())
        holds = COMPARE[op](left.value, right.value, run.meter)
        if not holds:
            break
        left = right
    return Tagged(holds, Labels.of(label))


def _and_or(run: _Interpreter, node: And | Or, scope: Scope) -> Tagged:
    decided = NO_LABEL
    for operand in node.values[:-1]:
        found = run.value(operand, scope)
        if truth(found) is isinstance(node, Or):
            return Tagged(found.value, found.labels.with_choice(decided.join(found.labels.top())))
        decided = decided.join(found.labels.whole())
    last = run.value(node.values[-1], scope)
    return Tagged(last.value, last.labels.with_choice(decided))


def _if_else(run: _Interpreter, node: IfElse, scope: Scope) -> Tagged:
    test = run.value(node.test, scope)
    chosen = run.value(node.body if truth(test) else node.orelse, scope)
    return Tagged(chosen.value, chosen.labels.with_choice(test.labels.whole()))


def _list_of(run: _Interpreter, node: ListOf, scope: Scope) -> Tagged:
    return listed(run.many(node.items, scope), shape=run.hand.label_of_all(literals_in(node.items)))


def _set_of(run: _Interpreter, node: SetOf, scope: Scope) -> Tagged:
    found = run.many(node.items, scope)
    whole = join_all(t.labels.whole() for t in found)
    return Tagged(OrderedSet((t.value for t in found), run.meter), Labels.of(whole.join(run.hand.own)))


def _dict_of(run: _Interpreter, node: DictOf, scope: Scope) -> Tagged:
    made: dict[str, Tagged] = {}
    decided, shape = NO_LABEL, run.hand.own
    run.meter.elements(len(node.pairs))
    for key_node, value_node in node.pairs:
        if key_node is None:
            more, names = _splat(run, value_node, scope)
            made |= more
        else:
            key = run.value(key_node, scope)
            names = key.labels.whole()
            made[text_key(key)] = run.value(value_node, scope)
        shape = shape.join(names)
        decided = decided if isinstance(key_node, Literal_) else decided.join(names)
    labels = dict_labels({k: t.labels for k, t in made.items()}, own=decided.as_choice(), shape=shape)
    return Tagged({k: t.value for k, t in made.items()}, labels)


def _splat(run: _Interpreter, node: Expr, scope: Scope) -> tuple[dict[str, Tagged], Label]:
    of = run.value(node, scope)
    if not isinstance(of.value, dict):
        raise ExpressionError(f"`**` wants an object, not {kind(of.value)}")
    run.meter.elements(len(of.value))
    return {k: Tagged(v, of.labels.child(k)) for k, v in of.value.items()}, of.labels.top()


def _fstring(run: _Interpreter, node: FString, scope: Scope) -> Tagged:
    text, label = written(node.parts, scope, run.value, run.meter)
    return Tagged(text, Labels.of(run.hand.label_of_all(p for p in node.parts if isinstance(p, str)).join(label)))


def _comprehension(run: _Interpreter, node: Comprehension, scope: Scope) -> Tagged:
    return comprehend(node, scope, run.value, run.meter)


def _lambda(run: _Interpreter, node: Lambda, scope: Scope) -> Tagged:
    raise ExpressionError("A lambda stands only as key= of min, max and sorted")


def _call(run: _Interpreter, node: Call, scope: Scope) -> Tagged:
    return call(node, scope, run.value, run.meter, run.clock)


_VALUE: Mapping[type, Callable[[_Interpreter, Any, Scope], Tagged]] = {  # Any: each function takes the node beside it
    Literal_: _literal,
    Name: _name,
    Attribute: _attribute,
    Subscript: _subscript,
    Slice: _slice,
    Unary: _unary,
    Binary: _binary,
    Compare: _compare,
    And: _and_or,
    Or: _and_or,
    IfElse: _if_else,
    ListOf: _list_of,
    SetOf: _set_of,
    DictOf: _dict_of,
    FString: _fstring,
    Comprehension: _comprehension,
    Lambda: _lambda,
    Call: _call,
}
