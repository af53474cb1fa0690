"""Card schema: the JSON Schema of an agent card, as the specification's own is made: from its protocol buffer.

The names are those of ProtoJSON, a field that is marked REQUIRED is required and not empty, and no other field is there.
"""

from __future__ import annotations

from functools import cache

from a2a.types.a2a_pb2 import AgentCard
from google.api.field_behavior_pb2 import REQUIRED, field_behavior  # type: ignore[import-untyped]  # it has no types
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from planner.toolspec import JsonSchema

_OPEN = {"google.protobuf.Struct": "object"}  # messages that hold any JSON
_SCALARS = {FieldDescriptor.TYPE_STRING: "string", FieldDescriptor.TYPE_BOOL: "boolean"}  # a card has no others


@cache
def card_schema() -> JsonSchema:
    """The schema of a card, whole."""
    found: dict[str, JsonSchema] = {}
    _add(AgentCard.DESCRIPTOR, found)  # type: ignore[arg-type]  # one of two implementations of a descriptor
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/AgentCard", "$defs": found}


def _add(of: Descriptor, found: dict[str, JsonSchema]) -> None:
    if of.name in found:
        return
    found[of.name] = {}  # it may hold itself
    properties = {f.json_name: _field(f, found) for f in of.fields}
    required = [f.json_name for f in of.fields if _is_required(f)]
    found[of.name] = {
        "type": "object", "properties": properties, "additionalProperties": False,
        **({"required": required} if required else {}),
        **({"minProperties": 1, "maxProperties": 1} if any(len(o.fields) > 1 for o in of.oneofs) else {}),
    }  # fmt: skip


def _field(field: FieldDescriptor, found: dict[str, JsonSchema]) -> JsonSchema:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _one(kind.fields_by_name["value"], found)}
    if field.is_repeated:
        return {"type": "array", "items": _one(field, found), **({"minItems": 1} if _is_required(field) else {})}
    one = _one(field, found)
    return {**one, "minLength": 1} if _is_required(field) and one.get("type") == "string" else one


def _one(field: FieldDescriptor, found: dict[str, JsonSchema]) -> JsonSchema:
    kind = field.message_type
    if kind is None:
        return {"type": _SCALARS[field.type]}
    if kind.full_name in _OPEN:
        return {"type": _OPEN[kind.full_name]}
    _add(kind, found)
    return {"$ref": f"#/$defs/{kind.name}"}


def _is_required(field: FieldDescriptor) -> bool:
    marked: bool = REQUIRED in field.GetOptions().Extensions[field_behavior]
    return marked
