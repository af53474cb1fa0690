"""Result: the shape of what one call of a tool gives."""

from __future__ import annotations

from collections.abc import Mapping

from planner.contract import contract
from planner.program import Step
from planner.shape import ANYTHING, ARRAY, Shape, most_of, types_of
from planner.toolspec import ToolSpec


def result_shape(step: Step, spec: ToolSpec, given: Mapping[str, Shape]) -> Shape:
    """The output schema, its lists bounded by the arguments that the tool says they obey."""
    if step.kind == "delegate":
        return ANYTHING if step.returns is None else step.returns
    output = contract(spec).output
    if output is None:
        return ANYTHING
    for path, argument in spec.bounds.items():
        most = _most(step, spec, argument, given)
        if most is not None:
            output = _bounded(output, path.split("."), most)
    return output


def _most(step: Step, spec: ToolSpec, argument: str, given: Mapping[str, Shape]) -> int | None:
    """The number that the argument will have, its default where it is not given; None where that is not certain.

    A number below one says nothing: to many tools 0 and -1 mean "all".
    """
    if argument in given:
        value = given[argument].get("const")
    elif step.splat is None:
        value = contract(spec).input.get("properties", {}).get(argument, {}).get("default")
    else:
        value = None
    return value if type(value) is int and value > 0 else None


def spread_shapes(splat: Shape | None) -> Mapping[str, Shape]:
    """The arguments that a `**` certainly gives, by name; those of an object that may have others are not certain."""
    if splat is None:
        return {}
    properties: Mapping[str, Shape] = splat.get("properties", {})
    if splat.get("additionalProperties") is False and "required" not in splat:  # an object as the script writes it
        return properties
    return {name: shape for name, shape in properties.items() if name in splat.get("required", ())}


def _bounded(shape: Shape, path: list[str], most: int) -> Shape:
    """The shape with the list at the path bounded."""
    if path in ([], [""]):
        known = most_of(shape) if types_of(shape) == ARRAY else None
        return {**shape, "maxItems": most if known is None else min(known, most)}
    properties = dict(shape.get("properties", {}))
    if path[0] not in properties:
        return shape
    return {**shape, "properties": properties | {path[0]: _bounded(properties[path[0]], path[1:], most)}}
