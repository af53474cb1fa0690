"""parse_json_reply: one JSON value out of what a cheap model writes, or a sentence that helps it to mend."""

from __future__ import annotations

import json
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing.exceptions import Unresolvable

from planner.llm.json_reply import MAX_CHARACTERS, MAX_DEPTH, ModelReplyInvalid, parse_json_reply
from planner.toolspec import Json

N = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ANY: dict[str, Json] = {}


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}',
        ' \n{"n": 1}\n',
        '```json\n{"n": 1}\n```',
        '```\n{"n": 1}\n```',
        'Sure! Here it is:\n```json\n{"n": 1}\n```\nAnything else?',
        'The answer is {"n": 1}.',
        'As said in [1] and [2], {"n": 1}',
        'First {"draft": true}, then {"n": 1}',
        'Twice: {"n": 1} and again {"n": 1}',
        "{braces} of prose and then " + '{"n": 1}',
    ],
)
def test_a_value_is_found_bare_fenced_or_in_prose(text: str) -> None:
    assert parse_json_reply(text, N) == {"n": 1}


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ('"x"', "x"), ("null", None), ("[1, 2]", [1, 2]), ("```\ntrue\n```", True)]
)
def test_a_value_need_not_be_an_object(text: str, value: Json) -> None:
    assert parse_json_reply(text, ANY) == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("I cannot do that.", "no JSON document"),
        ('{"n": 1', "no valid JSON: Expecting ',' delimiter at line 1, column 8"),
        ('{"n": "one"}', "at $.n: 'one' is not of type 'integer'"),
        ("{}", "at $: 'n' is a required property"),
        ('{"n": 1} or {"n": 2}', "several JSON documents"),
        ('{"n": NaN}', "no valid JSON|cannot be read"),
        ('{"n": 1e999}', "too large"),
        ('{"n": "\\ud800"}', "cannot be read"),
        ("[" * 100_000, "cannot be read|no valid JSON"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "too deep"),
        (" " * MAX_CHARACTERS + "{}", "the limit is 1,000,000"),
    ],
)
def test_what_is_wrong_is_said_to_the_model(text: str, complaint: str) -> None:
    with pytest.raises(ModelReplyInvalid) as raised:
        parse_json_reply(text, N)
    assert any(c in raised.value.message for c in complaint.split("|"))
    assert len(raised.value.message) < 2_000


def test_a_complaint_about_a_long_reply_is_short() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    with pytest.raises(ModelReplyInvalid) as raised:
        parse_json_reply(json.dumps(["x" * 10_000] * 50), schema)
    assert len(raised.value.message) < 2_000


def test_dates_are_checked() -> None:
    with pytest.raises(ModelReplyInvalid, match="date"):
        parse_json_reply('"tomorrow"', {"type": "string", "format": "date"})


def test_a_reference_in_a_schema_fetches_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
        with pytest.raises(Unresolvable):
            parse_json_reply("{}", {"$ref": address})
        with pytest.raises(BlockingIOError):  # nobody has knocked
            listener.accept()


@pytest.mark.parametrize("text", ["[1," * 300_000, "{" * 999_999, '{"a":' * 150_000, "```\n" * 200_000, "[" * 999_999])
def test_a_hostile_reply_takes_no_more_than_moments(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ModelReplyInvalid):
        parse_json_reply(text, N)
    assert time.perf_counter() - started < 5


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v))
)
def test_every_value_survives_its_fence(value: Json) -> None:
    assert parse_json_reply(f"Here:\n```json\n{json.dumps([value], indent=1)}\n```", ANY) == [value]
