"""JSON Schemas as pydantic makes them, made fit for a planner's prompt."""

from __future__ import annotations

from typing import Any

_DATA = frozenset(("default", "const", "enum", "examples", "discriminator", "required"))  # values, not schemas
_NAMED = frozenset(("properties", "$defs", "patternProperties", "dependentSchemas"))  # schemas by names that are not ours


def untitled(schema: Any) -> Any:
    """The schema without pydantic's generated titles: a planner reads it, and every token counts."""
    match schema:
        case dict():
            return {k: _untitled_below(k, v) for k, v in schema.items() if k != "title"}
        case list():
            return [untitled(s) for s in schema]
        case _:
            return schema


def _untitled_below(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if key in _NAMED:
        return {name: untitled(s) for name, s in value.items()}
    return untitled(value)
