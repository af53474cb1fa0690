"""Answers: what people and agents write, and what it means to a question."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.errors import NotAnswerable
from executor.events import Question
from planner.toolspec import Json
from planrail.answers import check_answer, how_to_answer, read_answer

BOOLEAN: Json = {"type": "boolean"}
WHOLE: Json = {"type": "integer", "minimum": 1, "maximum": 5}
COLOURS: Json = {"enum": ["red", "green", "dark blue"]}
PLACE: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
SEARCH: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "limit": {"type": "integer"}, "open": {"type": "boolean"}},
    "required": ["city", "limit"],
    "additionalProperties": False,
}
NUMBERS: Json = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 3}, "uniqueItems": True}


def asked(schema: Json, kind: str = "ask_user") -> Question:
    return Question.model_validate({"id": "q", "kind": kind, "of": "q", "text": "?", "answer_schema": schema})


@pytest.mark.parametrize(
    ("schema", "text", "meant"),
    [
        (None, " any words ", "any words"),
        ({"type": "string"}, "42", "42"),
        ({"type": "string"}, '{"a": 1}', '{"a": 1}'),
        (BOOLEAN, "Yes.", True),
        (BOOLEAN, "not  approved", False),
        (BOOLEAN, "ok!", True),
        (WHOLE, "3", 3),
        (WHOLE, "3.0", 3),
        ({"type": "integer"}, "9007199254740993", 9007199254740993),
        ({"type": "number"}, "-2.5e3", -2500.0),
        ({"type": "number"}, "9007199254740993", 9007199254740993),
        ({"type": ["integer", "null"]}, "none", None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "7", 7),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "Austin", "Austin"),
        (COLOURS, "Dark Blue", "dark blue"),
        (COLOURS, "2", "green"),
        ({"enum": [10, 20, 1]}, "1", 1),
        ({"enum": ["yes", "no", "later"]}, "no", "no"),
        ({"const": "ours"}, "OURS", "ours"),
        ({"type": "string", "format": "date"}, "2026-11-29", "2026-11-29"),
        ({"type": "array", "items": {"type": "string"}}, "Austin, Dallas", ["Austin", "Dallas"]),
        ({"type": "array", "items": {"type": "string"}}, "Cedar, Inc.\nElm, Inc.", ["Cedar, Inc.", "Elm, Inc."]),
        ({"type": "array", "items": {"type": "string"}}, '["a", "b,c"]', ["a", "b,c"]),
        (PLACE, "Austin", {"city": "Austin"}),
        (PLACE, "city: Austin", {"city": "Austin"}),
        (PLACE, '{"city": "Austin"}', {"city": "Austin"}),
        (SEARCH, "city: San Antonio\nlimit: 5", {"city": "San Antonio", "limit": 5}),
        (SEARCH, "city=Austin; limit=5; open=yes", {"city": "Austin", "limit": 5, "open": True}),
        (SEARCH, '{"city": "Austin", "limit": 5}', {"city": "Austin", "limit": 5}),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"anyOf": [BOOLEAN, NUMBERS]}, "1,3", [1, 3]),
        ({"anyOf": [BOOLEAN, NUMBERS]}, "no", False),
    ],
)
def test_what_is_written_means_what_the_question_wants(schema: Json, text: str, meant: Json) -> None:
    answer = read_answer(asked(schema), text)
    assert (answer, type(answer)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("schema", "text", "teaches"),
    [
        (BOOLEAN, "yes, but only the first", "Write yes or no."),
        (BOOLEAN, "1", "Write yes or no."),
        (WHOLE, "7", "Write a whole number from 1 up to 5."),
        (WHOLE, "2.5", "Write a whole number from 1 up to 5."),
        (WHOLE, "３", "Write a whole number"),
        ({"type": "number"}, "1e999", "Write a number."),
        ({"type": "number"}, "NaN", "Write a number."),
        (COLOURS, "4", "Write one of: red, green, dark blue."),
        (COLOURS, "0", "Write one of: red, green, dark blue."),
        ({"type": "string", "format": "date"}, "2026-02-30", "Write a date."),
        (SEARCH, "Austin", "Write each on a line of its own (city: a text; limit: a whole number; open: yes or no)"),
        (SEARCH, "city: Austin", "or all as a JSON object"),
        (SEARCH, '{"city": "Austin", "limit": "many"}', "limit: a whole number"),
        ({"type": "object"}, "[1]", "Write a JSON object."),
        (NUMBERS, ",", "Write a list"),
        (None, "  ", "Write your answer."),
    ],
)
def test_what_is_no_answer_is_told_with_what_would_be_one(schema: Json, text: str, teaches: str) -> None:
    with pytest.raises(NotAnswerable) as refused:
        read_answer(asked(schema), text)
    assert teaches in str(refused.value)


def test_what_a_policy_wants_is_answered_by_all_none_or_numbers() -> None:
    flow = asked({"anyOf": [BOOLEAN, NUMBERS]}, "flow").model_copy(update={"shown": []})
    assert how_to_answer(flow) == "Write yes for all, no for none, or the numbers of those that may, like 1,3."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
TYPES: list[Json] = [{"type": t} for t in ("boolean", "integer", "number", "string", "array", "object", "null")]
SCHEMA = st.sampled_from([*TYPES, PLACE, SEARCH, COLOURS, NUMBERS, {"anyOf": TYPES}, {"anyOf": [PLACE, WHOLE]}, {}])


@given(schema=SCHEMA, text=st.text(max_size=30) | JSON.map(json.dumps))
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_either_fits_or_is_refused(schema: Json, text: str) -> None:
    question = asked(schema)
    try:
        answer = read_answer(question, text)
    except NotAnswerable:
        return
    check_answer(question, answer)


@given(value=JSON)
@settings(max_examples=200, deadline=None)
def test_json_says_what_it_says_where_a_text_would_not_do(value: Json) -> None:
    schema: Json = {"anyOf": [t for t in TYPES if t["type"] != "string"]}
    if isinstance(value, str):
        return
    answer = read_answer(asked(schema), json.dumps(value))
    assert answer == value
