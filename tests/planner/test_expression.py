"""Expressions: what they give, how they fail, and where slots stand."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.errors import CompileError, ExpressionError
from planner.expression import Clock, bind_target, evaluate, expand, to_json, truth
from planner.hand import NOBODY
from planner.labels import Tagged, list_labels
from planner.parse import parse_expression
from planner.syntax import Binary, Clause, Comprehension, Literal_, Name
from tests.planner.fuzz_expression import Grammar, check_one

CLOCK = Clock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))


def value(text: str, **scope: Any) -> Any:
    tagged = {name: Tagged(v) for name, v in scope.items()}
    return to_json(evaluate(parse_expression(text), tagged, clock=CLOCK).value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.items", [1, 2]),
        ('x["name"][-1]', "t"),
        ("x.items[1:]", [2]),
        ("1 < 2 <= 2 < 1", False),
        ("x.name or 1 / 0", "test"),
        ("None == 0", False),
        ("'a' in x", False),
        ("'name' in x", True),
        ("{**x, 'name': 1}", {"items": [1, 2], "name": 1}),
        ("[a + b for a in x.items for b in x.items if a != b]", [3, 3]),
        ("{k: v for k, v in [['a', 1], ['b', 2]]}", {"a": 1, "b": 2}),
        ("[i for i, (a, b) in enumerate([[1, 2]]) if a < b]", [0]),
        ("{c for c in 'baab'}", ["b", "a"]),
        ("sum(a for a in x.items)", 3),
        ("f'{690.0} {0.5} {690.0:.2f} {690.0:,} {1234567:,} {\"a\":>3} {True}'", "690 0.5 690.00 690 1,234,567   a True"),
        ("str([690.0, 'a', None])", "[690, 'a', None]"),
        ("str({'a': {1, 2}})", "{'a': {1, 2}}"),
        ("'a' * 3", "aaa"),
        ("7 // -2", -4),
        ("-7 % 3", 2),
    ],
)
def test_expressions_give(text: str, expected: Any) -> None:
    assert value(text, x={"items": [1, 2], "name": "test"}) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x.nam", "There is no key 'nam' in `x.nam` There are: name, a, b, c, d, …."),
        ("x['nam']", "There is no key 'nam' in `x['nam']` There are: name, a, b, c, d, …."),
        ("[1][1]", "There is no element 1: there are 1 in `[1][1]` Test its length first."),
        (
            "'n: ' + 1",
            "`+` is not defined for a text and a number in `'n: ' + 1` Use str() or an f-string to put it into a text.",
        ),
        ("1 < '2'", "A number and a text have no order in `1 < '2'` Use number(), int() or float() on the text."),
        ("None < 1", "Null and a number have no order in `None < 1` Test for null first: `x if x is not None else …`."),
        ("1 + (2 / 0)", "Division by zero in `2 / 0` Test the divisor first: `a / b if b else …`."),
        ("'%d' % 1", "`%` is not defined for a text and a number in `'%d' % 1`"),
        ("1e308 * 10", "The result is not a finite number in `1e308 * 10`"),
        ("{1: 2}", "The keys of an object are texts, not a number in `{1: 2}` Use str() on the key."),
        ("None.a", "Null has no key 'a' in `None.a` It may be null: test it first."),
        ("[a for a, b in [[1, 2, 3]]]", "The names a, b take 2 values, the list has 3 in `[a for a, b in [[1, 2, 3]]]`"),
        ("[a for a in 5]", "A list is wanted here, not a number in `[a for a in 5]` Use range() to count."),
        ("nope", "The name nope has no value in `nope`"),
        ("f'{None:>3}'", "Null takes no format in `f'{None:>3}'` Use str() first."),
        ("f'{1:q}'", "`q` is no format in `f'{1:q}'` Formats look like"),
    ],
)
def test_what_has_no_value_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(text, x={"name": 1, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("text", ["x.__class__", "x.name.__class__", "x.items.append", "len.__globals__", "x.name.format(1)"])
def test_no_attribute_touches_a_python_object(text: str) -> None:
    with pytest.raises((ExpressionError, CompileError)):
        value(text, x={"items": [1], "name": "test"})


PYTHON = {"len": len, "sum": sum, "min": min, "max": max, "any": any, "all": all, "sorted": sorted, "abs": abs, "bool": bool}
PYTHON_SCOPE = {"x": 3, "y": "ab c", "z": [1, 2, 5]}


@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64))
def test_pure_expressions_give_what_python_gives(seed: int) -> None:
    source = random.Random(seed)
    text = Grammar(source, (*PYTHON_SCOPE, "x", "x"), pure=True).expression(source.randint(1, 4))
    ours: Any
    theirs: Any
    try:
        ours = value(text, **PYTHON_SCOPE)
    except CompileError:
        return
    except ExpressionError as error:
        ours = error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of `True[0]` before it fails
            theirs = _as_json(eval(text, {"__builtins__": PYTHON | {"int": int, "list": list}} | PYTHON_SCOPE))
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        theirs = error
    failed = isinstance(ours, Exception), isinstance(theirs, Exception)
    assert failed == (True, True) or ours == theirs, f"{text}: {ours!r}, Python gives {theirs!r}"


def _as_json(result: Any) -> Any:
    return [_as_json(r) for r in result] if isinstance(result, list | tuple) else result


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**64))
def test_only_values_and_our_errors_come_out(seed: int) -> None:
    assert check_one(random.Random(seed)) in ("value", "error", "refused")


def _comprehension(text: str, *slots: tuple[str, int]) -> Comprehension:
    node = parse_expression(text)
    assert isinstance(node, Comprehension)
    return Comprehension(node.kind, node.element, node.clauses, node.value, slots)


def test_a_comprehension_reads_the_slots_entry_of_its_combination() -> None:
    node = _comprehension("[[x, y, s] for x in xs if x > 1 for y in ys if s > 0]", ("s", 2))
    scope = {"xs": Tagged([1, 2, 3]), "ys": Tagged(["a", "b"]), "s": Tagged([1, 0, 3, 4])}
    assert evaluate(node, scope, clock=CLOCK).value == [[2, "a", 1], [3, "a", 3], [3, "b", 4]]


def test_expand_asks_all_conditions_but_the_last_clauses() -> None:
    node = _comprehension("[x for x in xs if x > 1 for y in ys if s > 0]", ("s", 2))
    scope = {"xs": Tagged([1, 2, 3]), "ys": Tagged(["a", "b"]), "s": Tagged([1, 0, 3, 4])}
    bindings = expand(node.clauses, node.slots, scope, clock=CLOCK)
    assert [{k: t.value for k, t in b.items()} for b in bindings] == [
        {"x": 2, "y": "a", "s": 1},
        {"x": 2, "y": "b", "s": 0},
        {"x": 3, "y": "a", "s": 3},
        {"x": 3, "y": "b", "s": 4},
    ]
    first = expand(node.clauses[:1], (), scope, clock=CLOCK)
    assert [b["x"].value for b in first] == [1, 2, 3]


def test_a_slot_of_the_first_clause_is_due_before_its_condition() -> None:
    node = _comprehension("[x for x in xs if s]", ("s", 1))
    scope = {"xs": Tagged([1, 2, 3]), "s": Tagged([True, False, True])}
    assert evaluate(node, scope, clock=CLOCK).value == [1, 3]


def test_targets_take_values_apart() -> None:
    tagged = Tagged([1, [2, 3]], list_labels([]))
    assert {k: t.value for k, t in bind_target(("a", ("b", "c")), tagged).items()} == {"a": 1, "b": 2, "c": 3}
    with pytest.raises(ExpressionError):
        bind_target(("a", "b"), Tagged({"a": 1, "b": 2}))


FALSE_THEN_TRUE: list[Any] = [None, 0, "", [], {}, "a", [0], 0.5]


def test_truth_is_pythons() -> None:
    assert [truth(Tagged(v)) for v in FALSE_THEN_TRUE] == [False] * 5 + [True] * 3


def test_what_is_not_json_does_not_leave() -> None:
    for wrong in (float("nan"), float("inf"), object()):
        with pytest.raises(ExpressionError):
            to_json([wrong])


def test_an_error_of_a_node_without_text_is_still_one() -> None:
    node = Binary("/", Name("x"), Literal_(0))
    with pytest.raises(ExpressionError, match="Division by zero"):
        evaluate(node, {"x": Tagged(1)}, clock=CLOCK)


def test_a_clause_can_be_built_by_hand() -> None:
    bindings = expand((Clause("x", Name("xs")),), (), {"xs": Tagged([1])}, clock=CLOCK, hand=NOBODY)
    assert bindings == [{"x": Tagged(1)}]
