"""Contract: a tool's schemas with their references in place, and its fingerprint, worked out once for each ToolSpec."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from planner.shape import Shape, resolved
from planner.toolspec import ToolSpec


@dataclass(frozen=True, slots=True)
class Contract:
    """What the checker reads of a tool. `output` is None where the tool declares nothing."""

    fingerprint: str
    input: Shape
    output: Shape | None


_known: dict[int, tuple[weakref.ref[ToolSpec], Contract]] = {}


def contract(spec: ToolSpec) -> Contract:
    """The contract of this very object; an equal one or a copy is worked out anew."""
    number = id(spec)
    known = _known.get(number)
    if known is not None and known[0]() is spec:
        return known[1]
    output = None if spec.output_schema is None else resolved(spec.output_schema)
    made = Contract(spec.fingerprint(), resolved(spec.input_schema), output)
    _known[number] = (weakref.ref(spec, lambda _: _known.pop(number, None)), made)
    return made
