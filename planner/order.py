"""Order: which earlier steps a step waits for beyond those whose values it reads.

What a reader of the script expects: effects start in its order; a read keeps its place among the effects of its own namespace;
`expect` holds back every later effect, model, person and read that leaves the house, and whatever reads the names of its
condition; `approve` holds back every later effect; `answer` comes after everything before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.program import MODEL_KINDS, PERSON_KINDS, TOOL_KINDS, Program, Step
from planner.syntax import free_names
from planner.toolspec import ToolSpec


def waits(program: Program, tools: Mapping[str, ToolSpec]) -> dict[str, tuple[str, ...]]:
    """For each step, the ids of the earlier steps that must have succeeded, or been skipped, before it starts."""
    return {
        step.id: tuple(e.id for e in program.steps[:number] if _waits(step, e, tools))
        for number, step in enumerate(program.steps)
    }


def _waits(step: Step, earlier: Step, tools: Mapping[str, ToolSpec]) -> bool:
    if step.kind == "let" or earlier.kind in ("let", "answer"):
        return earlier.kind != "let" and step.kind == "answer"
    if step.kind == "answer":
        return True
    if earlier.kind == "expect":
        return _held_by_expect(step, tools) or bool(step.reads() & free_names(earlier.arguments["condition"]))
    if earlier.kind == "approve":
        return has_effect(step, tools)
    return _ordered(step, earlier, tools)


def _held_by_expect(step: Step, tools: Mapping[str, ToolSpec]) -> bool:
    if step.kind in MODEL_KINDS or step.kind in PERSON_KINDS:
        return True
    return step.kind in TOOL_KINDS and (tools[step.tool].has_effect or tools[step.tool].leaves_house)


def _ordered(step: Step, earlier: Step, tools: Mapping[str, ToolSpec]) -> bool:
    """Two tools: effects among each other, and a read among the effects of its namespace."""
    if step.kind not in TOOL_KINDS or earlier.kind not in TOOL_KINDS:
        return False
    one, other = tools[step.tool], tools[earlier.tool]
    if one.has_effect and other.has_effect:
        return not (one.commutes or other.commutes)
    return one.namespace == other.namespace and (one.has_effect or other.has_effect)


def has_effect(step: Step, tools: Mapping[str, ToolSpec]) -> bool:
    """Whether the step calls a tool that has effects."""
    return step.kind in TOOL_KINDS and tools[step.tool].has_effect
