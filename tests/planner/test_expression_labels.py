"""The labels of what expressions give: nothing that decided a value is forgotten, and no more is said than needed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import CompileError, ExpressionError
from planner.expression import Clock, evaluate, expand, to_json
from planner.hand import Hand
from planner.labels import NO_LABEL, Label, Labels, Origin, Tagged, labels_from_paths
from planner.parse import parse_expression
from planner.syntax import Comprehension
from tests.planner.fuzz_expression import SMALL, Grammar, random_value

CLOCK = Clock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))
CRM = Label(frozenset({Origin("tool crm.find", True)}))
WEB = Label(frozenset({Origin("tool web.read", False)}))
GOAL = Label(frozenset({Origin("user", True)}))
BY_WEB = WEB.as_choice()

MAILS = Tagged(
    {"items": [{"id": 1, "body": "b", "to": "x"}, {"id": 2, "body": "c", "to": "y"}]},
    labels_from_paths(CRM, {"items[].body": WEB}),
)
SCOPE = {"mails": MAILS, "u": Tagged("text", Labels.of(WEB)), "t": Tagged(["p", "q"], Labels.of(CRM))}


def labels(text: str) -> Labels:
    return evaluate(parse_expression(text), SCOPE, clock=CLOCK, hand=Hand(GOAL)).labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mails.items[0].id", CRM.join(GOAL.as_choice())),
        ("mails.items[0].body", WEB.join(GOAL.as_choice())),
        ("[m.id for m in mails.items][1]", CRM.join(GOAL.as_choice())),
        ("[m.id for m in mails.items if 'b' in m.body][0]", CRM.join(BY_WEB).join(GOAL.as_choice())),
        ("u + 'a'", WEB.join(GOAL)),
        ("f'{u}'", WEB.join(GOAL)),
        ("t[0] if u else t[1]", CRM.join(BY_WEB).join(GOAL.as_choice())),
        ("u and t", CRM.join(BY_WEB)),
        ("u and not u or t", CRM.join(BY_WEB)),
        ("None or u[9:] or t or 1", CRM.join(CRM.as_choice()).join(BY_WEB).join(GOAL.as_choice())),
        ("{'a': u, 'b': t}.b", CRM),
        ("[u, t][1]", CRM.join(GOAL.as_choice())),
        ("sorted(mails.items, key=lambda m: m.body)[0].id", CRM.join(BY_WEB).join(GOAL.as_choice())),
        ("max(mails.items, key=lambda m: m.body).id", CRM.join(BY_WEB).join(CRM.as_choice())),
        ("[a for a, b in zip([m.id for m in mails.items], [u, u])][0]", CRM.join(GOAL.as_choice())),
        ("len(mails.items)", CRM),
        ("len([m for m in mails.items if m.body == u])", CRM.join(BY_WEB)),
        ("{u: t}['text']", CRM.join(BY_WEB).join(GOAL.as_choice())),
        ("{m.to: m.body for m in mails.items}.keys()[0]", CRM.join(CRM.as_choice()).join(GOAL.as_choice())),
    ],
)
def test_the_label_of(text: str, expected: Label) -> None:
    assert labels(text).whole() == expected


def test_an_elements_label_does_not_reach_its_neighbours() -> None:
    rows = labels("[{'id': m.id, 'text': m.body.upper()} for m in mails.items]")
    assert not rows.child(0).child("id").whole().untrusted
    assert rows.child(0).child("text").whole().untrusted


def test_expanded_bindings_are_chosen_by_conditions() -> None:
    node = parse_expression("[1 for m in mails.items if m.body for n in t if u]")
    assert isinstance(node, Comprehension)
    (first, *_) = expand(node.clauses, (), SCOPE, clock=CLOCK)
    assert first["n"].labels.whole() == CRM.join(BY_WEB).join(CRM.as_choice())


@settings(max_examples=3_000, deadline=None)
@given(st.integers(0, 2**64))
def test_what_changes_with_an_input_carries_its_label(seed: int) -> None:
    source = random.Random(seed)
    text = Grammar(source, ("u", "u", "t", "n")).expression(source.randint(1, 4))
    fixed = {"t": Tagged(random_value(source), Labels.of(CRM)), "n": Tagged(source.randint(0, 3))}
    first = _result(text, fixed | {"u": Tagged(random_value(source), _spread(source))})
    second = _result(text, fixed | {"u": Tagged(random_value(source), _spread(source))})
    if first is None or second is None or repr(first[0]) == repr(second[0]):
        return
    for _, label in (first, second):
        assert WEB.data <= label.data | label.choice, (text, first, second)


def _spread(source: random.Random) -> Labels:
    """The label put on the whole, or on all paths below as a tool's declaration does."""
    return source.choice([Labels.of(WEB), labels_from_paths(WEB, {"items[].name": WEB, "[].id": WEB, "name": WEB})])


def _result(text: str, scope: dict[str, Tagged]) -> tuple[Any, Label] | None:
    try:
        result = evaluate(parse_expression(text), scope, clock=CLOCK, bounds=SMALL)
        return to_json(result.value), result.labels.whole()
    except (ExpressionError, CompileError):
        return None


def test_literals_without_a_label_have_none() -> None:
    assert evaluate(parse_expression("[1, 'a', {'b': 2}]"), {}, clock=CLOCK).labels.whole() == NO_LABEL
