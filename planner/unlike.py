"""Unlike: where a script asks of results what none that was seen so far had. Warnings, of a plan that holds."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace

from planner.check import Check, Ground
from planner.diagnostic import Diagnostic
from planner.program import Program
from planner.shape import Shape
from planner.toolspec import ToolSpec


def unlike(program: Program, ground: Ground, shapes: Mapping[str, Shape]) -> tuple[Diagnostic, ...]:
    """Warnings about a program that was certified on that ground, by the learned shapes of some of its tools."""
    learned = {name: ground.tools[name].model_copy(update={"output_schema": shape}) for name, shape in shapes.items()}
    tools: Mapping[str, ToolSpec] = ChainMap(learned, ground.tools)  # type: ignore[arg-type]  # it is not written to
    check = Check(program, replace(ground, tools=tools))
    for step in program.steps:
        check.step(step)
    return tuple(_warning(error) for error in check.errors)


def _warning(error: Diagnostic) -> Diagnostic:
    """What would be an error if the shape were declared. Its hint, which lists keys of rare results too, is not told."""
    new = {"code": "learned-shape", "severity": "warning", "message": f"By all results so far: {error.message}"}
    return error.model_copy(update={**new, "hint": "It may come all the same; .get(…), or ask, takes it as it comes."})
