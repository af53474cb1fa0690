"""Goal: the structure of a goal in words: literal text with slots, as in `Find {vertical} leads in {city}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import re2

from planner.toolspec import JsonSchema

MAX_GOAL = 2_000  # characters of a goal that is matched; a longer one is no template's
_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MAX_WORDS = 6  # of a text slot
_AROUND = ' ,;:"“”'  # what may stand around a slot's words and is none of them


def plain_goal(goal: str) -> str:
    """A goal without what makes no difference: how its words are spaced, and how it ends."""
    return " ".join(goal.split()).rstrip(" .!?")


def slots_of(template: str) -> list[str]:
    """The names of the slots, in the order in which they stand there."""
    return _SLOT.findall(template)


def fill(template: str, schemas: Mapping[str, JsonSchema], goal: str) -> dict[str, str] | None:
    """What stands in the slots of a plain goal; None where it has another structure, or one slot is to hold two things."""
    found = re2.fullmatch(_pattern(template, schemas), goal)
    if found is None:
        return None
    values: dict[str, str] = {}
    for name, text in zip(slots_of(template), found.groups(), strict=True):
        value = text.strip(_AROUND)
        if not value or values.setdefault(name, value).lower() != value.lower():
            return None
    return values


def _pattern(template: str, schemas: Mapping[str, JsonSchema]) -> str:
    """The structure as a regular expression: the text as it is, whatever its case, and a group for each slot."""
    pattern, last = "(?i)", 0
    for found in _SLOT.finditer(template):
        pattern += f"{re2.escape(template[last : found.start()])}({_slot(schemas[found[1]])})"
        last = found.end()
    return pattern + str(re2.escape(template[last:]))


def _slot(schema: JsonSchema) -> str:
    if "enum" in schema:
        return "|".join(str(re2.escape(str(v))) for v in schema["enum"])
    match schema.get("type"):
        case "integer":
            return r"-?[0-9]{1,9}"
        case "number":
            return r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?"
        case _:
            return rf"\S+(?: \S+){{0,{_MAX_WORDS - 1}}}?"
