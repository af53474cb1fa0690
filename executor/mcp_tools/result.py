"""Result: what a foreign tool's result is in a plan: LANGUAGE.md, "What a result is".

Structured content if there is some. `{"result": x}` is x, where that is all that the schema has. Text that is one JSON or YAML
document is data; other text is a string. Pictures and sounds become artifacts, of which the value names the handle.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from executor.artifacts import HANDLE, Artifacts
from executor.tool import ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json, JsonSchema

if TYPE_CHECKING:  # the SDK takes a second to load: only where there is a server
    from mcp.types import CallToolResult, ContentBlock

_YAML_BYTES = 256 * 1024  # a longer text is read as JSON or left as it is
_MESSAGE = 2_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?")


def unwrapped_schema(schema: JsonSchema | None) -> JsonSchema | None:
    """The schema of a tool's value in a plan: of `result`, where that is the schema's only property."""
    properties = {} if schema is None else schema.get("properties", {})
    if schema is None or set(properties) != {"result"}:
        return schema
    inner: JsonSchema = properties["result"]
    return {**inner, "$defs": schema["$defs"]} if "$defs" in schema and "$defs" not in inner else inner


def tool_result(result: CallToolResult, output_schema: JsonSchema | None, artifacts: Artifacts) -> ToolResult:
    """The value or the failure that a server's result means."""
    if result.is_error:
        return ToolFailed(_text(result.content)[:_MESSAGE] or "It failed and did not say why.", "failed")
    structured = result.structured_content
    if structured is not None:
        wraps = output_schema is not None and set(output_schema.get("properties", {})) == {"result"}
        return ToolDone(structured["result"] if wraps and set(structured) == {"result"} else structured)
    values = [_value(block, artifacts) for block in result.content]
    return ToolDone(values[0] if len(values) == 1 else values or None)


def _text(blocks: Sequence[ContentBlock]) -> str:
    return "\n".join(block.text for block in blocks if block.type == "text")


def _value(block: ContentBlock, artifacts: Artifacts) -> Json:
    match block.type:
        case "text":
            return data_in(block.text)
        case "image" | "audio":
            return _stored(block.data, block.mime_type, artifacts)
        case "resource_link":
            told = {"uri": str(block.uri), "name": block.name, "mime_type": block.mime_type, "size": block.size}
            return {name: value for name, value in told.items() if value is not None}
        case "resource":
            inner = block.resource
            if "text" in type(inner).model_fields:
                return {"uri": str(inner.uri), "text": inner.text}  # type: ignore[union-attr]  # one of two kinds
            return {"uri": str(inner.uri), **_stored(inner.blob, inner.mime_type, artifacts)}  # type: ignore[union-attr]


def _stored(data: str, mime_type: str | None, artifacts: Artifacts) -> dict[str, Json]:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return {"note": "its content is no base64"}
    kind = mime_type or "application/octet-stream"
    kept = artifacts.put(content, media_type=kind)
    return {HANDLE: kept.hash, "media_type": kind, "size": len(content)}


def data_in(text: str) -> Json:
    """The data that a text is, or the text.

    >>> data_in('[1, 2]'), data_in("name: Ann\\nage: 7"), data_in("Note: it rains"), data_in("12")
    ([1, 2], {'name': 'Ann', 'age': 7}, 'Note: it rains', '12')
    """
    plain = text.strip()
    if plain[:1] in ("{", "["):
        try:
            return json.loads(plain, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return text
    return _yaml(text, plain)


def _yaml(text: str, plain: str) -> Json:
    """YAML only where nothing else is meant: several lines that are a mapping of names, or a list of such."""
    if "\n" not in plain or len(plain) > _YAML_BYTES or "&" in plain or "*" in plain:  # no anchors: they unfold
        return text
    import yaml  # noqa: PLC0415  # 70 ms that a result in JSON has no use for

    try:
        found = _scalars(yaml.load(plain, Loader=yaml.BaseLoader))  # it makes texts, lists and objects alone
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return found if _is_records(found) else text


def _scalars(value: Json) -> Json:
    """YAML 1.2's core schema, on which JSON's readers agree: `12:30`, `yes` and dates stay texts."""
    match value:
        case dict():
            return {str(k): _scalars(v) for k, v in value.items()}
        case list():
            return [_scalars(v) for v in value]
        case "" | "null" | "~":
            return None
        case "true" | "false":
            return value == "true"
        case str() if _NUMBER.fullmatch(value):
            return json.loads(value)
        case _:
            return value


def _is_records(value: Json) -> bool:
    rows = value if isinstance(value, list) else [value]
    return bool(rows) and all(isinstance(r, Mapping) and r and all(k.replace("-", "_").isidentifier() for k in r) for r in rows)


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no number that JSON has")
