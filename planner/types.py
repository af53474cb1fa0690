"""Types after `returns=`: `{"subject": str, "score": int | None}` → JSON Schema."""

from __future__ import annotations

from planner.language import TYPES
from planner.syntax import DictOf, Either, Expr, ListOf, Literal_, Name
from planner.toolspec import Json, JsonSchema

_NAMED: dict[str, JsonSchema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}


class TypeRefused(ValueError):
    """The expression is no type; `node` is the part that is none."""

    def __init__(self, node: Expr) -> None:
        super().__init__(f"A type is one of: {TYPES}.")
        self.node = node


def schema_of(expr: Expr) -> JsonSchema:
    """The JSON Schema that a type stands for; raises TypeRefused."""
    match expr:
        case Name(id=name) if name in _NAMED:
            return _NAMED[name]
        case Literal_(value=None):
            return {"type": "null"}
        case Literal_(value=str() as word):
            return {"enum": [word]}
        case ListOf(items=(item,)):
            return {"type": "array", "items": schema_of(item)}
        case DictOf(pairs=((Name(id="str"), value),)):
            return {"type": "object", "additionalProperties": schema_of(value)}
        case DictOf(pairs=pairs) if pairs:
            return _object(expr, pairs)
        case Either(values=values):
            return _either([schema_of(v) for v in values])
        case _:
            raise TypeRefused(expr)


def _object(expr: Expr, pairs: tuple[tuple[Expr | None, Expr], ...]) -> JsonSchema:
    properties: dict[str, JsonSchema] = {}
    for key, value in pairs:
        if not (isinstance(key, Literal_) and isinstance(key.value, str)):
            raise TypeRefused(expr)
        properties[key.value] = schema_of(value)
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _either(schemas: list[JsonSchema]) -> JsonSchema:
    words: list[Json] = [w for s in schemas if set(s) == {"enum"} for w in s["enum"]]
    others = [s for s in schemas if set(s) != {"enum"}]
    if not others:
        return {"enum": words}
    return {"anyOf": [*others, *([{"enum": words}] if words else [])]}
