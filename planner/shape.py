"""Shape: what JSON Schema says of a value that an expression will have, as far as that is known before it runs.

A shape is a JSON Schema with its references resolved; {} is "anything". Shapes may be too wide, never too narrow: what they
deny cannot happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from planner.toolspec import Json, JsonSchema

Shape = JsonSchema
ANYTHING: Shape = {}
STRING: Shape = {"type": "string"}
NUMBER: Shape = {"type": "number"}
BOOLEAN: Shape = {"type": "boolean"}
NULL: Shape = {"type": "null"}
ARRAY = frozenset(("array",))  # the types of what is a list for certain
_MAX_DEPTH = 8  # a recursive schema is anything below
_MAX_NODES = 20_000  # of a resolved schema; beyond that its parts are anything
_POINTER = re.compile(r"#(?:/[A-Za-z0-9_$.-]+)+")  # a JSON Pointer without escapes, as nearly every reference is
_LIGHT = 2_000  # nodes of a shape that was inferred; a heavier one is forgotten


def resolved(schema: JsonSchema) -> Shape:
    """The schema with its local references in place; what cannot be resolved is anything."""
    return _resolve(schema, schema, 0, iter(range(_MAX_NODES)))  # type: ignore[no-any-return]  # a schema stays a schema


def _resolve(part: Json, root: JsonSchema, depth: int, nodes: Iterator[int]) -> Json:
    if isinstance(part, list | tuple):
        return [_resolve(p, root, depth, nodes) for p in part]
    if not isinstance(part, Mapping):
        return part
    if next(nodes, None) is None:
        return ANYTHING
    if "$ref" in part:
        found = _referred(str(part["$ref"]), root) if depth < _MAX_DEPTH else None
        if not isinstance(found, Mapping):
            return ANYTHING
        rest = {k: v for k, v in part.items() if k != "$ref"}
        return _resolve({**found, **rest}, root, depth + 1, nodes)
    return {k: _resolve(v, root, depth, nodes) for k, v in part.items() if k != "$defs"}


def _referred(reference: str, root: JsonSchema) -> Json:
    """The part of the schema that a reference names; None where there is none."""
    if not _POINTER.fullmatch(reference):
        return _looked_up(reference, root)
    found: Json = root
    for key in reference.split("/")[1:]:
        if not isinstance(found, Mapping):
            return _looked_up(reference, root)
        found = found.get(key)
    return found


def _looked_up(reference: str, root: JsonSchema) -> Json:
    """The same for every spelling that there is: an anchor, an id, a pointer through lists or with escapes."""
    from referencing import Registry, Resource  # noqa: PLC0415  # 50 ms that the schemas of tools in Python have no use for
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    registry: Registry[Json] = Registry().with_resource("urn:tool", Resource.from_contents(dict(root), DRAFT202012))
    try:
        return registry.resolver("urn:tool").lookup(reference).contents
    except Unresolvable:
        return None


def types_of(shape: Shape) -> frozenset[str] | None:
    """The JSON types that a value of the shape may have; None if any."""
    if "const" in shape:
        return frozenset((type_of(shape["const"]),))
    if "enum" in shape:
        return frozenset(type_of(v) for v in shape["enum"])
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


def type_of(value: Json) -> str:
    """The JSON Schema type of a value."""
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
    return {"type": type_of(value), "const": value}


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


_MOST = {"array": "maxItems", "string": "maxLength", "object": "maxProperties"}  # what a `for` goes over


def most_of(shape: Shape) -> int | None:
    """The most elements, keys or characters that a `for` over the value can meet; None if there is no bound."""
    if isinstance(shape.get("const"), list | dict | str):
        return len(shape["const"])
    alternatives = branches(shape)
    if alternatives:
        bounds = [most_of(a) for a in alternatives]
        return max((b for b in bounds if b is not None), default=0) if None not in bounds else None
    kinds = types_of(shape)
    if kinds == ARRAY and "prefixItems" in shape and shape.get("items") is False:
        return len(shape["prefixItems"])
    if kinds is None:
        return None
    mosts = [shape.get(_MOST[k]) for k in kinds if k in _MOST]
    if not all(type(m) is int and m >= 0 for m in mosts):
        return None
    return max((m for m in mosts if type(m) is int), default=0)


def slim(shape: Shape) -> Shape:
    """The same shape; one that has grown too heavy to walk keeps its type and its bound only."""
    parts: list[Json] = [shape]
    seen = 0
    while parts:
        part = parts.pop()
        seen += 1
        if seen > _LIGHT:
            kept = {k: shape[k] for k in ("maxItems",) if k in shape}
            kinds = types_of({k: v for k, v in shape.items() if k != "anyOf"})
            return ANYTHING if kinds is None else {"type": sorted(kinds), **kept}
        parts.extend(part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ())
    return shape


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
