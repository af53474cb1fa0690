"""Types after `returns=`, as JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from planner.parse import parse_expression
from planner.types import TypeRefused, schema_of
from planner.unparse import unparse


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("date", {"type": "string", "format": "date"}),
        ("datetime", {"type": "string", "format": "date-time"}),
        ("[int]", {"type": "array", "items": {"type": "integer"}}),
        ("{str: [int]}", {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}}),
        ('"a" | "b" | "c"', {"enum": ["a", "b", "c"]}),
        ('"a"', {"enum": ["a"]}),
        ("str | None", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ('"a" | int | "b"', {"anyOf": [{"type": "integer"}, {"enum": ["a", "b"]}]}),
        (
            '{"a": str, "b": {"c": bool}}',
            {
                "type": "object",
                "properties": {
                    "a": {"type": "string"},
                    "b": {
                        "type": "object",
                        "properties": {"c": {"type": "boolean"}},
                        "required": ["c"],
                        "additionalProperties": False,
                    },
                },
                "required": ["a", "b"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_a_type_is_a_schema(written: str, schema: dict[str, Any]) -> None:
    assert schema_of(parse_expression(written)) == schema


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("text", "text"),
        ("5", "5"),
        ("[]", "[]"),
        ("[str, int]", "[str, int]"),
        ("{}", "{}"),
        ("{1: str}", "{1: str}"),
        ("{**a}", "{**a}"),
        ('{"a": number}', "number"),
        ("[str | 1]", "1"),
        ("list[str]", "list[str]"),
        ("str()", "str()"),
        ("True", "True"),
    ],
)
def test_what_is_no_type_is_refused_with_the_part_that_is_none(written: str, part: str) -> None:
    with pytest.raises(TypeRefused) as caught:
        schema_of(parse_expression(written))
    assert unparse(caught.value.node) == part
