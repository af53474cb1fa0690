"""Misfit: why a JSON value is not what a JSON Schema (2020-12) asks for.

Most values fit, and most schemas are plain: for these the answer is found here. Whatever is not plain, and the words of every
misfit, are jsonschema's, which takes longer to load than most plans take to check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from planner.toolspec import Json, JsonSchema

_SILENT = frozenset(("title", "description", "default", "examples"))  # keywords that refuse nothing


class BadSchema(ValueError):
    """The schema has a type or a pattern that there is not, and the value met it."""


def misfit(value: Json, schema: JsonSchema, *, formats: bool = False) -> str:
    """The first problem in words, "" if there is none; with `formats` a date has to be one. Raises BadSchema."""
    if fits_plainly(value, schema):
        return ""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # 0.1 s that a check without a misfit has no use for
    from jsonschema.exceptions import UnknownType  # noqa: PLC0415

    checker = Draft202012Validator.FORMAT_CHECKER if formats else None
    try:
        problem = next(iter(Draft202012Validator(dict(schema), format_checker=checker).iter_errors(value)), None)
    except (UnknownType, re.error) as error:
        raise BadSchema(str(error)) from error
    return "" if problem is None else problem.message


def fits_plainly(value: Json, schema: Json) -> bool:
    """Whether the value fits for certain; False where it does not, and where the schema says what is not looked at here."""
    if not isinstance(schema, Mapping):
        return schema is True
    return all(k in _SILENT or (k in _PLAIN and _PLAIN[k](value, schema[k], schema)) for k in schema)


def _is_type(value: Json, wanted: Any, _: JsonSchema) -> bool:
    if isinstance(wanted, list | tuple):
        return any(isinstance(w, str) and _is_type(value, w, {}) for w in wanted)
    match value:
        case None:
            return bool(wanted == "null")
        case bool():
            return bool(wanted == "boolean")
        case int():
            return wanted in ("integer", "number")
        case float():
            return bool(wanted == "number")
        case str():
            return bool(wanted == "string")
        case list():
            return bool(wanted == "array")
        case dict():
            return bool(wanted == "object")
    return False


def _is_same(value: Json, wanted: Any) -> bool:
    return type(value) is type(wanted) and isinstance(value, str | int | bool | None) and bool(value == wanted)


def _has_properties(value: Json, properties: Any, _: JsonSchema) -> bool:
    if not isinstance(value, dict):
        return True
    return isinstance(properties, Mapping) and all(fits_plainly(value[k], s) for k, s in properties.items() if k in value)


def _has_no_other(value: Json, other: Any, schema: JsonSchema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(fits_plainly(v, other) for k, v in value.items() if k not in schema.get("properties", ()))


def _has_items(value: Json, items: Any, schema: JsonSchema) -> bool:
    return "prefixItems" not in schema and (not isinstance(value, list) or all(fits_plainly(v, items) for v in value))


def _matches(value: Json, pattern: Any, _: JsonSchema) -> bool:
    try:
        return not isinstance(value, str) or re.search(pattern, value) is not None
    except re.error:
        return False


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PLAIN: Mapping[str, Callable[[Json, Any, JsonSchema], bool]] = {
    "type": _is_type,
    "const": lambda value, wanted, _: _is_same(value, wanted),
    "enum": lambda value, wanted, _: any(_is_same(value, w) for w in wanted),
    "anyOf": lambda value, schemas, _: any(fits_plainly(value, s) for s in schemas),
    "properties": _has_properties,
    "additionalProperties": _has_no_other,
    "required": lambda value, names, _: not isinstance(value, dict) or all(n in value for n in names),
    "items": _has_items,
    "minItems": lambda value, least, _: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most, _: not isinstance(value, list) or len(value) <= most,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, _: not isinstance(value, str) or len(value) <= most,
    "pattern": _matches,
    "exclusiveMinimum": lambda value, least, _: not _is_number(value) or value > least,
    "exclusiveMaximum": lambda value, most, _: not _is_number(value) or value < most,
    "minimum": lambda value, least, _: not _is_number(value) or value >= least,
    "maximum": lambda value, most, _: not _is_number(value) or value <= most,
}  # fmt: skip
