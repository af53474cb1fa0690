"""Streams: which maps may take their source element by element, before the source is whole.

Item i of a map over another map starts when item i of its source is done, if the comprehension uses only that element. A
stream has the slots of the map it begins with; filters make slots absent, they do not renumber them. Lists that were filtered
alike may be zipped slot by slot: they have the same lineage.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.program import Program, Step
from planner.syntax import Call, Clause, Comprehension, Expr, Name, free_names, target_names


@dataclass(frozen=True, slots=True)
class FromMap:
    """The slots of a map step."""

    step: str
    names: frozenset[str]  # whose whole value the stream stands for


@dataclass(frozen=True, slots=True)
class FromLet:
    """The slots of a source, filtered and changed by a pure comprehension of one clause."""

    step: str
    clause: Clause
    element: Expr
    source: Stream
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class FromZip:
    """The slots of several streams of one lineage, side by side."""

    sources: tuple[Stream, ...]
    names: frozenset[str]


Stream = FromMap | FromLet | FromZip
Lineage = tuple[str, object]


def stream_of(step: Step, program: Program) -> Stream | None:
    """The stream that a map step may take its elements from; None if it needs the whole list.

    The calls of one body read one another's slots, so they are numbered alike: all of them stream, or none does.
    """
    stream = _own_stream(step, program)
    if stream is None or any(_own_stream(other, program) is None for other in _body(step, program)):
        return None
    return stream


def _body(step: Step, program: Program) -> list[Step]:
    """The other calls of the body that a map step stands in."""
    return [other for other in program.steps if other is not step and (_chained(step, other) or _chained(other, step))]


def _chained(later: Step, earlier: Step) -> bool:
    """Whether a map reads the same slot of an earlier one."""
    return later.is_map and later.space is not None and (earlier.hidden, len(later.space.clauses)) in later.space.slots


def _own_stream(step: Step, program: Program) -> Stream | None:
    if step.space is None or not step.is_map or len(step.space.clauses) != 1:
        return None
    clause = step.space.clauses[0]
    stream = _source(clause.iterable, program, step)
    if stream is None:
        return None
    used = frozenset[str]().union(*(free_names(e) for e in step.body))
    return None if used & stream.names else stream


def _source(iterable: Expr, program: Program, reader: Step) -> Stream | None:
    match iterable:
        case Name(id=name):
            return _named(name, program, reader)
        case Call(func=Name(id="zip"), args=args, keywords=()) if len(args) > 1:
            sources = tuple(_source(a, program, reader) for a in args)
            known = tuple(s for s in sources if s is not None)
            lineages = {lineage(s, program) for s in known}
            if len(known) < len(sources) or len(lineages) > 1:
                return None
            return FromZip(known, frozenset[str]().union(*(s.names for s in known)))
        case _:
            return None


def _named(name: str, program: Program, reader: Step) -> Stream | None:
    definitions = program.definitions(name)
    if len(definitions) != 1:
        return None
    step = program[definitions[0]]
    if step.guards != reader.guards[: len(step.guards)] or step.to != (name,):
        return None
    if step.is_map:
        return FromMap(step.id, frozenset((name,)))
    if step.kind != "let":
        return None
    value = step.arguments["value"]
    if not isinstance(value, Comprehension) or value.kind != "list" or len(value.clauses) != 1 or value.slots:
        return None
    source = _source(value.clauses[0].iterable, program, step)
    inside = free_names(value.element).union(*(free_names(c) for c in value.clauses[0].conditions))
    if source is None or inside & source.names:
        return None
    return FromLet(step.id, value.clauses[0], value.element, source, source.names | {name})


def lineage(stream: Stream, program: Program) -> Lineage:
    """What decides which slots are there: streams of equal lineage have the same ones."""
    match stream:
        case FromMap(step=step):
            return _map_lineage(program[step], program)
        case FromLet(clause=clause, step=step, source=source):
            return ("let", step) if clause.conditions else lineage(source, program)
        case FromZip(sources=sources):
            return lineage(sources[0], program)


def _map_lineage(step: Step, program: Program) -> Lineage:
    source = stream_of(step, program)
    if step.conditions or step.space is None or len(step.space.clauses) != 1:
        return ("map", step.id)
    if source is not None:
        return lineage(source, program)
    return ("list", step.space.clauses[0].iterable)


def maps_of(stream: Stream) -> tuple[str, ...]:
    """The maps that a stream begins with."""
    match stream:
        case FromMap(step=step):
            return (step,)
        case FromLet(source=source):
            return maps_of(source)
        case FromZip(sources=sources):
            return tuple(dict.fromkeys(step for s in sources for step in maps_of(s)))


def outer_names(stream: Stream) -> frozenset[str]:
    """Names from outside that the comprehensions of a stream read."""
    match stream:
        case FromMap():
            return frozenset()
        case FromLet(clause=clause, element=element, source=source):
            return (reads(element, *clause.conditions) - frozenset(target_names(clause.target))) | outer_names(source)
        case FromZip(sources=sources):
            return frozenset[str]().union(*(outer_names(s) for s in sources))


def reads(*exprs: Expr) -> frozenset[str]:
    """Names that expressions read and do not bind themselves."""
    return frozenset[str]().union(*(free_names(e) for e in exprs))
