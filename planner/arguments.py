"""Arguments: whether what a step gives its tool fits the tool's input schema, as far as that can be told in front."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from planner.contract import contract
from planner.infer import Report
from planner.misfit import BadSchema, misfit
from planner.program import Step
from planner.result import spread_shapes
from planner.shape import Shape, fits, types_of
from planner.syntax import Literal_, Node
from planner.toolspec import Json, ToolSpec

_UNKNOWN = object()


def check_arguments(step: Step, spec: ToolSpec, given: Mapping[str, Shape], splat: Shape | None, error: Report) -> None:
    """Report every argument that is missing, unknown, or certain not to fit."""
    schema = contract(spec).input
    properties: Mapping[str, Shape] = schema.get("properties", {})
    closed = schema.get("additionalProperties", False) is False
    place = Literal_(None, at=step.at, text=step.source)
    spread = spread_shapes(splat)
    for name in step.arguments:
        if name not in properties and closed:
            error(step.arguments[name], "argument", f"{spec.name} has no argument `{name}`.", _names(name, properties))
    for name, shape in {**spread, **given}.items():
        if name in properties:
            _check_one(step.arguments.get(name, place), name, shape, properties[name], error)
    missing = [n for n in schema.get("required", ()) if n not in step.arguments and n not in spread]
    if missing and splat is None:
        kinds = " or ".join(sorted(types_of(properties.get(missing[0], {})) or ("any",)))
        error(place, "argument", f"{spec.name} needs `{missing[0]}` ({kinds}).", _names(missing[0], properties))


def _names(name: str, properties: Mapping[str, Shape]) -> str:
    near = difflib.get_close_matches(name, properties, n=1)
    listed = ", ".join(f"{p}=…" for p in properties)
    return f"It takes {listed or 'none'}." + (f" Nearest: {near[0]}." if near and near[0] != name else "")


def _check_one(node: Node, name: str, shape: Shape, wanted: Shape, error: Report) -> None:
    value = value_of(shape)
    if value is not _UNKNOWN:
        problem = _problem(value, wanted)
        if problem:
            error(node, "argument", f"`{name}`: {problem[:160]}.", "")
    elif not fits(shape, wanted):
        have, need = (" or ".join(sorted(types_of(s) or ())) for s in (shape, wanted))
        error(node, "argument", f"`{name}` is {have} here; it takes {need}.", "")


def _problem(value: Json, wanted: Shape) -> str:
    try:
        return misfit(value, wanted)
    except BadSchema:
        return ""  # the tool's own schema is at fault; the call will tell


def value_of(shape: Shape) -> Json:
    """The one value that a shape allows, or a marker that there are several."""
    if "const" in shape:
        return shape["const"]
    if "prefixItems" in shape and shape.get("items") is False:
        parts: list[Any] = [value_of(p) for p in shape["prefixItems"]]
        return _UNKNOWN if any(p is _UNKNOWN for p in parts) else parts
    if "properties" in shape and shape.get("additionalProperties") is False and "required" not in shape:
        pairs: dict[str, Any] = {k: value_of(p) for k, p in shape["properties"].items()}
        return _UNKNOWN if any(p is _UNKNOWN for p in pairs.values()) else pairs
    return _UNKNOWN
