"""Tool line: a tool as a prompt tells of it, on one line. Names and words in it may be a stranger's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from planner.shape import branches, resolved
from planner.toolspec import Json, JsonSchema, ToolSpec

MAX_DESCRIPTION = 300  # characters of a tool's description; planners pay for each one every time
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # what some reader takes for the end of a line, and other controls


def tool_line(spec: ToolSpec, learned: str = "") -> str:
    """A tool on one line: `crm.find_leads(vertical: str, limit: int = 20) -> {items: [{…}]}  # Find leads. (effect)`.

    `learned` is what it was seen to return, where it does not declare that itself.
    """
    schema = resolved(spec.input_schema)
    required = set(schema.get("required", ()))
    properties: Mapping[str, JsonSchema] = schema.get("properties", {})
    parts = [f"{name}: {short(s)}{_default(s, name in required)}" for name, s in properties.items()]
    gives = f" -> {short(resolved(spec.output_schema))}" if spec.output_schema is not None else ""
    if learned:
        gives = f" -> learned {learned}"
    effect = "" if spec.effect == "read" else f" ({spec.effect})"
    found = " (knows not found)" if spec.not_found else ""
    line = f"{spec.name}({', '.join(parts)}){gives}  # {described(spec.description)}{effect}{found}"
    return _BREAKS.sub(" ", line)  # names and words of foreign schemas


def described(text: str) -> str:
    """A description, which may be foreign text, in one line of bounded length."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_DESCRIPTION else f"{flat[:MAX_DESCRIPTION]}…"


def _default(schema: JsonSchema, required: bool) -> str:
    if required:
        return ""
    return f" = {_written(schema.get('default'))}"


def _written(value: Json) -> str:
    """A JSON value as a script writes it."""
    match value:
        case bool() | None:
            return str(value)
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case dict():
            return "{" + ", ".join(f"{_written(k)}: {_written(v)}" for k, v in value.items()) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False)


_WORDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def short(schema: JsonSchema, depth: int = 0) -> str:
    """A schema in the words of the language's types."""
    if "const" in schema:
        return _written(schema["const"])
    if "enum" in schema:
        return " | ".join(map(_written, schema["enum"]))
    alternatives = branches(schema)
    if alternatives:
        return " | ".join(dict.fromkeys(short(a, depth) for a in alternatives))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(short({**schema, "type": k}, depth) for k in kind))
    if kind == "array":
        return f"[{short(schema.get('items') or {}, depth + 1)}]"
    if kind == "object" or "properties" in schema:
        return _object(schema, depth)
    formats = {"date": "date", "date-time": "datetime"}
    return formats.get(str(schema.get("format")), _WORDS.get(str(kind), "any"))


def _object(schema: JsonSchema, depth: int) -> str:
    properties: Mapping[str, JsonSchema] = schema.get("properties", {})
    if not properties:
        more: Json = schema.get("additionalProperties")
        return f"{{str: {short(more, depth + 1)}}}" if isinstance(more, Mapping) else "{…}"
    if depth > 4:
        return "{…}"
    return "{" + ", ".join(f"{k}: {short(v, depth + 1)}" for k, v in properties.items()) + "}"
