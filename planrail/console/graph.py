"""Graph: a plan's steps, and which earlier ones each has to wait for: as few lines as say it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from planner.order import Waits
from planner.program import Program


@dataclass(frozen=True)
class Node:
    """A step."""

    id: str
    label: str
    kind: str
    line: int


def graph_of(program: Program, order: Waits) -> tuple[list[Node], list[tuple[str, str]]]:
    """The steps in the script's order, and lines from a step to what needs it, without those that longer ways say too."""
    behind: list[int] = []  # for each step, a bit for each step that is before it by any way
    lines: list[tuple[str, str]] = []
    for step in program.steps:
        read = (definition for name in step.reads() for definition in program.definitions(name))
        needs = {program.position(earlier) for earlier in (*read, *order.get(step.id, ()))}
        said = 0
        for at in sorted((n for n in needs if n < len(behind)), reverse=True):
            if not said >> at & 1:
                lines.append((program.steps[at].id, step.id))
                said |= behind[at] | 1 << at
        behind.append(said)
    return [Node(s.id, s.tool or s.kind, s.kind, max(s.at.line, 1)) for s in program.steps], lines
