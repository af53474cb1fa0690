"""Labels: they join, never drop, and survive JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planner.labels import (
    NO_LABEL,
    NO_LABELS,
    Label,
    Labels,
    Origin,
    dict_labels,
    labels_from_paths,
    list_labels,
)

CRM = Label(frozenset({Origin("tool crm.find", True)}))
WEB = Label(frozenset({Origin("tool web.read", False)}))
USER = Label(frozenset({Origin("user", True)}))

origins = st.sampled_from([Origin("user", True), Origin("tool a.b", False), Origin("tool a.b", True), Origin("person", True)])
label_values = st.builds(Label, st.frozensets(origins, max_size=2), st.frozensets(origins, max_size=2))
keys = st.one_of(st.sampled_from(["id", "0", "origins", "data"]), st.integers(0, 3))


def _trees(below: st.SearchStrategy[Labels]) -> st.SearchStrategy[Labels]:
    return st.builds(Labels, label_values, st.dictionaries(keys, below, max_size=3), st.none() | below, label_values)


trees = st.recursive(st.builds(Labels, label_values), _trees, max_leaves=6)


@given(trees)
def test_labels_survive_json(tree: Labels) -> None:
    assert Labels.from_json(json.loads(json.dumps(tree.to_json()))) == tree


@given(trees, trees)
def test_equal_labels_have_equal_json(one: Labels, other: Labels) -> None:
    assert (one == other) == (json.dumps(one.to_json()) == json.dumps(other.to_json()))


@given(trees, trees, keys)
def test_a_join_holds_what_either_holds_at_every_path(one: Labels, other: Labels, key: str | int) -> None:
    joined = one.join(other)
    assert joined.whole() == one.whole().join(other.whole())
    assert joined.child(key).whole() == one.child(key).whole().join(other.child(key).whole())
    assert joined.top() == other.join(one).top()


@given(trees, keys)
def test_what_holds_for_the_whole_holds_for_every_child(tree: Labels, key: str | int) -> None:
    assert tree.child(key).own.join(tree.own) == tree.child(key).own


@given(label_values, label_values, label_values)
def test_the_order_of_joins_does_not_matter(a: Label, b: Label, c: Label) -> None:
    assert a.join(b).join(c) == c.join(a.join(b)) == a.join(b.join(c))


@given(st.lists(trees, max_size=5))
def test_a_lists_labels_are_those_of_its_elements(children: list[Labels]) -> None:
    labels = list_labels(children)
    assert [labels.child(i) for i in range(len(children))] == [c if c != NO_LABELS else NO_LABELS for c in children]


def test_a_named_path_replaces_the_default() -> None:
    labels = labels_from_paths(CRM, {"items[].body": WEB})
    mail = labels.child("items").child(7)
    assert mail.child("body").whole() == WEB
    assert mail.child("id").whole() == CRM
    assert labels.child("total").whole() == CRM
    assert labels.whole() == CRM.join(WEB)


def test_a_path_below_a_named_path_replaces_that() -> None:
    labels = labels_from_paths(WEB, {"": CRM, "page": WEB, "page.url": USER, "[].x": USER})
    assert labels.child("page").child("url").whole() == USER
    assert labels.child("page").child("text").whole() == WEB
    assert labels.child("other").child("x").whole() == USER
    assert labels.child("other").child("y").whole() == CRM


def test_ten_thousand_equal_rows_cost_one_node() -> None:
    row = [dict_labels({"id": Labels.of(CRM), "body": Labels.of(WEB)}) for _ in range(10_000)]
    assert len(json.dumps(list_labels(row).to_json())) < 200


def test_what_was_decided_by_a_value_is_a_choice() -> None:
    assert WEB.as_choice() == Label(frozenset(), WEB.data)
    chosen = Labels.of(CRM).with_choice(WEB)
    assert not chosen.whole().untrusted
    assert chosen.whole().chosen_by_untrusted


def test_the_shape_is_not_inherited() -> None:
    labels = Labels(NO_LABEL, {}, Labels.of(CRM), WEB)
    assert labels.child(0).whole() == CRM
    assert labels.top() == WEB


def test_no_labels_are_an_empty_object() -> None:
    document: Any = NO_LABELS.to_json()
    assert document == {}
    assert list_labels([NO_LABELS, NO_LABELS]) is NO_LABELS
