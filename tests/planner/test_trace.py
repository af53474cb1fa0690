"""The labels that the checker tells in front hold, at every path, what a run's values turn out to have."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import CompileError, ExpressionError
from planner.expression import evaluate
from planner.hand import Hand
from planner.labels import NO_LABEL, Label, Labels, Origin, Tagged
from planner.parse import parse_expression
from planner.toolspec import Json
from planner.trace import static_labels
from tests.planner.fuzz_expression import CLOCK, SMALL, Grammar, random_value

LITERAL = Label(frozenset((Origin("goal", True),)))
NAMES = ("n", "xs", "d", "rows")


def _label(name: str) -> Label:
    return Label(frozenset((Origin(f"tool {name}", False),)))


def _labelled(value: Json, source: random.Random) -> Labels:
    """Random labels for a value and all its parts."""
    own = _label(source.choice("abcdefgh")) if source.random() < 0.5 else NO_LABEL
    own = own.as_choice() if source.random() < 0.3 else own
    if not isinstance(value, list | dict):
        return Labels.of(own)
    pairs = enumerate(value) if isinstance(value, list) else value.items()
    return Labels(own, {key: _labelled(part, source) for key, part in pairs}, None, _label(source.choice("stuv")))


def _missing(found: Labels, told: Labels, value: Json, path: str = "") -> str:
    """The first path where a run's label is not among those that were told."""
    have, said = (
        found.whole() if not isinstance(value, list | dict) else found.own,
        told.whole() if not isinstance(value, list | dict) else told.own,
    )
    if not (have.data <= said.data and have.choice <= said.choice | said.data):
        return f"{path}: {have} not in {said}"
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, part in pairs:
        wrong = _missing(found.child(key), told.child(key), part, f"{path}.{key}")
        if wrong:
            return wrong
    return ""


@settings(max_examples=3_000, deadline=None)
@given(st.integers(0, 2**64))
def test_no_label_of_a_run_is_missing_in_front(seed: int) -> None:
    source = random.Random(seed)
    try:
        node = parse_expression(Grammar(source, NAMES).expression(4))
    except CompileError:
        return
    values = {name: random_value(source, 3) for name in NAMES}
    scope = {name: Tagged(value, _labelled(value, source)) for name, value in values.items()}
    try:
        found = evaluate(node, scope, clock=CLOCK, hand=Hand(LITERAL), bounds=SMALL)
    except ExpressionError:
        return
    told = static_labels(node, {name: t.labels for name, t in scope.items()}, Hand(LITERAL))
    assert _missing(found.labels, told, found.value) == "", node
