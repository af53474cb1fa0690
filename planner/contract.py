"""Contract: a tool's schemas with their references in place, and its fingerprint, worked out once for each ToolSpec."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

from planner.shape import Shape, resolved
from planner.toolspec import TOLD, Json, ToolSpec, digest

_SCHEMAS = ("input_schema", "output_schema")
_TEXT = 120  # characters of a part that are told; of a longer one its digest is


@dataclass(frozen=True, slots=True)
class Contract:
    """What the checker reads of a tool. `output` is None where the tool declares nothing.

    `parts` tells what the fingerprint covers, part by part, so that a change can be named: `effect`, `input_schema.limit`, …
    as JSON texts or, where these are long, digests. What is as in a tool that says nothing of itself is left out.
    """

    fingerprint: str
    input: Shape
    output: Shape | None
    parts: Mapping[str, str]


_known: dict[int, tuple[weakref.ref[ToolSpec], Contract]] = {}


def contract(spec: ToolSpec) -> Contract:
    """The contract of this very object; an equal one or a copy is worked out anew."""
    number = id(spec)
    known = _known.get(number)
    if known is not None and known[0]() is spec:
        return known[1]
    output = None if spec.output_schema is None else resolved(spec.output_schema)
    made = Contract(spec.fingerprint(), resolved(spec.input_schema), output, parts_of(spec))
    _known[number] = (weakref.ref(spec, lambda _: _known.pop(number, None)), made)
    return made


def parts_of(spec: ToolSpec) -> dict[str, str]:
    """What a certificate relies on of a tool, part by part; see Contract."""
    told = spec.model_dump(mode="json", exclude={"name", *TOLD, *_SCHEMAS})
    usual = {name: ToolSpec.model_fields[name].get_default(call_default_factory=True) for name in told}
    parts = {name: _text(value) for name, value in told.items() if _text(value) != _text(usual[name])}
    for name in _SCHEMAS:
        schema = getattr(spec, name)
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(properties, Mapping):
            parts |= {f"{name}.{key}": _text(value) for key, value in properties.items()}
            schema = {key: value for key, value in schema.items() if key != "properties"}
        if schema is not None:
            parts[name] = _text(schema)
    return parts


def _text(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=list)
    return text if len(text) <= _TEXT else f"digest {digest(value)[:12]}"
