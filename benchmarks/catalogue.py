"""Catalogue: a made-up one of 48 trades, with goals in a user's words and the tools that each of them needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.toolspec import Effect, Json, JsonSchema, ToolSpec

_HERE = Path(__file__).parent
_EFFECTS: dict[str, Effect] = {"+": "write", "!": "irreversible"}
_TYPES: dict[str, JsonSchema] = {
    "s": {"type": "string"}, "i": {"type": "integer"}, "f": {"type": "number"}, "b": {"type": "boolean"},
    "d": {"type": "string", "format": "date"}, "t": {"type": "string", "format": "date-time"},
    "l": {"type": "array", "items": {"type": "string"}},
}  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """A goal, and the tools without which no plan for it would do."""

    text: str
    needed: frozenset[str]


def tools() -> dict[str, ToolSpec]:
    """Every tool of the catalogue, by name."""
    found: dict[str, ToolSpec] = {}
    namespace = ""
    for line in _lines("catalogue.txt"):
        if line.startswith("["):
            namespace = line.strip("[]")
        else:
            spec = _tool(namespace, line)
            found[spec.name] = spec
    return dict(sorted(found.items()))


def goals(name: str = "goals.txt") -> list[Goal]:
    """Every goal of a file; every second one of the first file was kept out of sight while the choosing was made."""
    parted = (line.partition(" | ") for line in _lines(name))
    return [Goal(text, frozenset(needed.split())) for text, _, needed in parted]


def _lines(name: str) -> Iterator[str]:
    text = (_HERE / name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _tool(namespace: str, line: str) -> ToolSpec:
    signature, _, rest = line.partition(" -> ")
    gives, _, description = rest.partition(" | ")
    name, *arguments = signature.split()
    effect = _EFFECTS.get(arguments[-1]) if arguments else None
    return ToolSpec(
        name=f"{namespace}.{name}",
        description=description,
        input_schema=_takes(arguments[:-1] if effect else arguments),
        output_schema=_gives(gives.split()),
        effect=effect or "read",
    )


def _takes(arguments: list[str]) -> JsonSchema:
    parted = [argument.partition(":")[::2] for argument in arguments]
    properties = {name.rstrip("?"): _type(kind) for name, kind in parted}
    return {"type": "object", "properties": properties, "required": [n for n, _ in parted if not n.endswith("?")]}


def _type(kind: str) -> JsonSchema:
    return _TYPES.get(kind) or {"type": "string", "enum": kind.split("|")}


def _gives(keys: list[str]) -> JsonSchema:
    if keys == ["rows"]:
        return {"type": "array", "items": {"type": "object"}}
    each: Mapping[str, Json] = {"type": "object", "properties": {k: {"type": "string"} for k in keys if k != "[]"}}
    return {"type": "array", "items": each} if keys[:1] == ["[]"] else each
