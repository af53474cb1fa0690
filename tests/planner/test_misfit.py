"""What is decided without a validator is what the validator says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from planner.misfit import BadSchema, fits_plainly, misfit
from planner.shape import ANYTHING, resolved

SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.sampled_from(["", "a", "ab", "abc"])
)
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3), max_leaves=8)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
COUNTS = st.integers(0, 3)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keywords = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "const": VALUES, "enum": st.lists(VALUES, min_size=1, max_size=3), "title": st.just("T"), "default": VALUES,
        "anyOf": st.lists(inner, min_size=1, max_size=3), "not": inner, "properties": st.dictionaries(NAMES, inner, max_size=3),
        "additionalProperties": inner, "required": st.lists(NAMES, max_size=2, unique=True), "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2), "patternProperties": st.dictionaries(st.just("^a"), inner),
        "minItems": COUNTS, "maxItems": COUNTS, "minLength": COUNTS, "maxLength": COUNTS, "minimum": COUNTS, "maximum": COUNTS,
        "exclusiveMinimum": COUNTS, "exclusiveMaximum": COUNTS,
        "uniqueItems": st.booleans(), "pattern": st.just("b"), "multipleOf": st.just(2), "minProperties": COUNTS,
    }  # fmt: skip
    few = st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({n: keywords[n] for n in names}))


SCHEMAS = st.recursive(st.booleans() | TYPES.map(lambda t: {"type": t}), _schemas, max_leaves=6)


@settings(max_examples=1_000, deadline=None)
@given(VALUES, SCHEMAS)
def test_what_fits_plainly_is_valid(value: Any, schema: Any) -> None:
    if fits_plainly(value, schema):
        assert Draft202012Validator(schema).is_valid(value)


KEYWORDS = [
    *({"type": t} for t in ("null", "boolean", "integer", "number", "string", "array", "object", ["null", "integer"])),
    *({"const": v} for v in (None, True, 0, 1, 1.0, "a", [1], {"a": 1})), {"enum": [1, "a"]}, {"enum": [True, [1]]},
    *({k: 1} for k in ("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")),
    {"exclusiveMinimum": 1}, {"exclusiveMaximum": 1}, {"pattern": "^a"}, {"anyOf": [{"type": "string"}, {"maximum": 1}]},
    {"properties": {"a": {"type": "integer"}}}, {"properties": {"a": {}}, "additionalProperties": False},
    {"additionalProperties": {"type": "integer"}}, {"additionalProperties": False}, {"required": ["a"]},
    {"items": {"type": "integer"}}, {"items": False}, {"prefixItems": [{}], "items": False}, {"not": {"type": "integer"}},
    {"patternProperties": {"^a": {}}, "additionalProperties": False}, {"title": "T", "default": 3, "description": "D"},
]  # fmt: skip
JSON = [
    None, True, False, 0, 1, 2, -1, 0.0, 1.0, 1.5, "", "a", "ab", "b", [], [1], ["a"], [1, 2], [True], {}, {"a": 1}, {"a": "x"},
    {"b": 1}, {"a": 1, "b": "x"},
]  # fmt: skip


@pytest.mark.parametrize("schema", KEYWORDS, ids=str)
def test_each_keyword_has_the_validators_meaning(schema: dict[str, Any]) -> None:
    validator = Draft202012Validator(schema)
    assert [v for v in JSON if fits_plainly(v, schema) and not validator.is_valid(v)] == []
    if not schema.keys() & {"const", "enum", "prefixItems", "not", "patternProperties"}:  # these are not, or not all, plain
        rounded = [v for v in JSON if validator.is_valid(v) and not fits_plainly(v, schema)]
        assert [v for v in rounded if not isinstance(v, float)] == []  # 1.0 is an integer to the validator


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("[1]", {"anyOf": [{"type": "string"}, {"type": "object"}], "title": "Text"}),
        ([{"n": 1}], {"type": "array", "items": {"type": "object", "additionalProperties": True}, "maxItems": 2}),
        ({"a": None}, {"type": "object", "properties": {"a": {"type": ["null", "integer"]}}, "additionalProperties": False}),
        ("dental", {"type": "string", "enum": ["dental", "gym"], "default": "gym"}),
        (3, {"type": "integer", "minimum": 1, "maximum": 100}),
        ("Austin", {"type": "string", "pattern": "^[^0-9]{2,40}$"}),
    ],
)
def test_the_schemas_of_usual_arguments_are_plain(value: Any, schema: Any) -> None:
    assert fits_plainly(value, schema)


def test_a_misfit_is_told_in_the_validators_words() -> None:
    assert misfit(1, {"type": "integer"}) == ""
    assert misfit("a", {"type": "integer"}) == "'a' is not of type 'integer'"
    assert misfit(True, {"enum": [1]}) == "True is not one of [1]"
    assert misfit("2026-02-30", {"type": "string", "format": "date"}) == ""
    assert misfit("2026-02-30", {"type": "string", "format": "date"}, formats=True) == "'2026-02-30' is not a 'date'"


@pytest.mark.parametrize("schema", [{"type": "text"}, {"pattern": "("}])
def test_a_schema_that_says_nothing_is_no_misfit(schema: Any) -> None:
    with pytest.raises(BadSchema):
        misfit("a", schema)


LEAF = {"type": "string", "maxLength": 9}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#/$defs/leaf", LEAF), ("#/$defs/a~1b", LEAF), ("#/$defs/a%20b", LEAF), ("#named", LEAF), ("#/prefixItems/0", LEAF),
        ("#/$defs/none", ANYTHING), ("#/$defs/leaf/type", ANYTHING), ("#/$defs/yes", ANYTHING),
        ("https://x.example/y", ANYTHING), ("#/$defs/twice", LEAF),
    ],
)  # fmt: skip
def test_a_reference_of_any_spelling_is_resolved(reference: str, found: Any) -> None:
    schema = {
        "$defs": {
            "leaf": LEAF, "a/b": LEAF, "a b": LEAF, "there": {"$anchor": "named", **LEAF}, "yes": True,
            "twice": {"$ref": "#/$defs/leaf"},
        },
        "prefixItems": [LEAF],
        "properties": {"it": {"$ref": reference}},
    }  # fmt: skip
    read = dict(resolved(schema)["properties"]["it"])
    read.pop("$anchor", None)
    assert read == found
