"""Shape: what JSON Schema says of a value that an expression will have, as far as that is known before it runs.

A shape is a JSON Schema with its references resolved; {} is "anything". Shapes may be too wide, never too narrow: what they
deny cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from planner.toolspec import Json, JsonSchema

Shape = JsonSchema
ANYTHING: Shape = {}
STRING: Shape = {"type": "string"}
NUMBER: Shape = {"type": "number"}
INTEGER: Shape = {"type": "integer"}
BOOLEAN: Shape = {"type": "boolean"}
NULL: Shape = {"type": "null"}
_MAX_DEPTH = 8  # a recursive schema is anything below


def resolved(schema: JsonSchema) -> Shape:
    """The schema with its local references in place; what cannot be resolved is anything."""
    registry: Registry[Any] = Registry().with_resource("urn:tool", Resource.from_contents(dict(schema), DRAFT202012))
    return _resolve(schema, registry, 0)  # type: ignore[no-any-return]  # a schema stays a schema


def _resolve(part: Json, registry: Registry[Any], depth: int) -> Json:
    if isinstance(part, list | tuple):
        return [_resolve(p, registry, depth) for p in part]
    if not isinstance(part, Mapping):
        return part
    if "$ref" in part:
        if depth >= _MAX_DEPTH:
            return ANYTHING
        try:
            found = registry.resolver("urn:tool").lookup(str(part["$ref"])).contents
        except Unresolvable:
            return ANYTHING
        rest = {k: v for k, v in part.items() if k != "$ref"}
        return _resolve({**found, **rest}, registry, depth + 1)
    return {k: _resolve(v, registry, depth + 1) for k, v in part.items() if k != "$defs"}


def types_of(shape: Shape) -> frozenset[str] | None:
    """The JSON types that a value of the shape may have; None if any."""
    if "const" in shape:
        return frozenset((_type(shape["const"]),))
    if "enum" in shape:
        return frozenset(_type(v) for v in shape["enum"])
    alternatives = branches(shape)
    if alternatives:
        found = [types_of(a) for a in alternatives]
        return None if any(f is None for f in found) else frozenset[str]().union(*(f for f in found if f is not None))
    declared = shape.get("type")
    if declared is None:
        return frozenset(("object",)) if "properties" in shape else None
    return frozenset((declared,)) if isinstance(declared, str) else frozenset(declared)


def branches(shape: Shape) -> list[Shape]:
    """The alternatives of an anyOf or oneOf; none if it has none."""
    return list(shape.get("anyOf") or shape.get("oneOf") or ())


def _type(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def constant(value: Json) -> Shape:
    """The shape of exactly this value."""
    return {"type": _type(value), "const": value}


def array(items: Shape, *, most: int | None = None) -> Shape:
    """A list of such elements, at most so many."""
    shape: dict[str, Json] = {"type": "array", "items": items}
    return shape if most is None else shape | {"maxItems": most}


def either(*shapes: Shape) -> Shape:
    """A value of one of the shapes."""
    distinct: list[Shape] = []
    for shape in shapes:
        if not shape:
            return ANYTHING
        if shape not in distinct:
            distinct.append(shape)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


class NoSuchKey(Exception):
    """A key that the schema denies; `keys` are those that it has."""

    def __init__(self, key: str, keys: list[str]) -> None:
        super().__init__(key)
        self.key = key
        self.keys = keys


def key_of(shape: Shape, key: str) -> Shape:
    """The shape of `value.key`; raises NoSuchKey where no value of the shape has it."""
    alternatives = branches(shape)
    if alternatives:
        return _key_of_any(alternatives, key)
    kinds = types_of(shape)
    if kinds is not None and "object" not in kinds:
        raise NoSuchKey(key, [])
    if "const" in shape and isinstance(shape["const"], Mapping):
        return constant(shape["const"][key]) if key in shape["const"] else _denied(key, list(shape["const"]))
    properties = shape.get("properties")
    if properties is not None and key in properties:
        return properties[key]  # type: ignore[no-any-return]  # a schema's property is a schema
    more = shape.get("additionalProperties", properties is None)
    if more is False:
        return _denied(key, list(properties or ()))
    return more if isinstance(more, Mapping) else ANYTHING


def _denied(key: str, keys: list[str]) -> Shape:
    raise NoSuchKey(key, keys)


def _key_of_any(alternatives: list[Shape], key: str) -> Shape:
    found: list[Shape] = []
    denied: list[str] = []
    for alternative in alternatives:
        try:
            found.append(key_of(alternative, key))
        except NoSuchKey as error:
            denied.extend(error.keys)
    return either(*found) if found else _denied(key, denied)


def element_of(shape: Shape) -> Shape:
    """The shape of one element (of an object: of a key)."""
    if "const" in shape and isinstance(shape["const"], list):
        return either(*(constant(v) for v in shape["const"])) if shape["const"] else ANYTHING
    alternatives = [a for a in branches(shape) if "array" in (types_of(a) or ("array",))]
    if alternatives:
        return either(*(element_of(a) for a in alternatives))
    if "prefixItems" in shape:
        return either(*shape["prefixItems"])
    items = shape.get("items", ANYTHING)
    return items if isinstance(items, Mapping) else ANYTHING


def most_of(shape: Shape) -> int | None:
    """The most elements that a list of the shape can have; None if there is no bound."""
    if "const" in shape and isinstance(shape["const"], list):
        return len(shape["const"])
    alternatives = branches(shape)
    if alternatives:
        bounds = [most_of(a) for a in alternatives if "array" in (types_of(a) or ("array",))]
        known = [b for b in bounds if b is not None]
        return max(known) if known and len(known) == len(bounds) else None
    if "prefixItems" in shape and shape.get("items") is False:
        return len(shape["prefixItems"])
    most = shape.get("maxItems")
    return most if isinstance(most, int) else None


def fits(shape: Shape, wanted: Shape) -> bool:
    """Whether some value of the shape may be a `wanted`; for what the checker refuses, the answer has to be no for certain."""
    have, need = types_of(shape), types_of(wanted)
    if have is None or need is None:
        return True
    if "number" in need:
        need |= {"integer"}
    if "number" in have:
        have |= {"integer"}
    return bool(have & need)
