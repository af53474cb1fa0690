"""MapForm: what a map step is, worked out once for all its slots."""

from __future__ import annotations

from dataclasses import dataclass

from executor.streams import Stream, maps_of, outer_names, reads, stream_of
from planner.program import Program, Step
from planner.syntax import Clause, free_names, target_names


@dataclass(frozen=True)
class MapForm:
    """What a map step is, worked out once. `sources` are the maps whose slots its own ones wait for, one by one."""

    step: Step
    clauses: tuple[Clause, ...]
    stream: Stream | None
    sources: tuple[str, ...]
    chained: tuple[str, ...]  # hidden names that stand for the same slot of an earlier call in the same body
    outer: frozenset[str]  # names from outside that a slot is looked at with

    @classmethod
    def of(cls, step: Step, program: Program) -> MapForm:
        assert step.space is not None
        stream = stream_of(step, program)
        chained = tuple(name for name, at in step.space.slots if at == len(step.space.clauses))
        sources = (*(() if stream is None else maps_of(stream)), *(name[1:] for name in chained))
        bound = step.space.names
        outer = (reads(*step.body) - bound) | (frozenset() if stream is None else outer_names(stream))
        return cls(step, step.space.clauses, stream, sources, chained, outer)


def outside(step: Step) -> frozenset[str]:
    """Names from outside that a map's clauses read."""
    assert step.space is not None
    found, bound = frozenset[str](), frozenset(name for name, _ in step.space.slots)
    for clause in step.space.clauses:
        found |= free_names(clause.iterable) - bound
        bound |= frozenset(target_names(clause.target))
        found |= reads(*clause.conditions) - bound
    return found
