"""Order: which earlier steps a step waits for beyond those whose values it reads.

What a reader of the script expects: effects start in its order; a read keeps its place among the effects of its own namespace;
`expect` holds back every later effect, model, person and read that leaves the house, and whatever reads the names of its
condition; `wait` and `poll` hold back every later call, and a `wait` begins when everything before it is over; `approve` holds
back every later effect; a `do` is all that its tools are, both a read and an effect where it has both; `answer` comes after
everything before it.
Steps of different branches of one `if` never wait for one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.names import exclusive
from planner.program import MODEL_KINDS, PERSON_KINDS, Program, Step
from planner.syntax import free_names
from planner.toolspec import ToolSpec


@dataclass(frozen=True, slots=True)
class _Place:
    """What of a step decides its order. `tools` are those that it calls, or may call."""

    step: Step
    reads: frozenset[str]
    condition: frozenset[str]
    tools: tuple[ToolSpec, ...] = ()
    effect: bool = False
    held: bool = False  # by every earlier `expect`
    free: bool = field(init=False)  # two that are free never wait for one another

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", not self.effect and self.step.kind not in _BARRIERS)


Waits = Mapping[str, Sequence[str]]
_BARRIERS = frozenset(("answer", "wait", "expect", "poll", "approve"))
_SLOW = PERSON_KINDS | {"wait", "poll", "do", "delegate"}


def waits(program: Program, tools: Mapping[str, ToolSpec]) -> Waits:
    """For each step, the ids of the earlier steps that must have succeeded, or been skipped, before it starts."""
    order = Order(tools)
    return {step.id: order.add(step) for step in program.steps}


class Order:
    """The order of a script's steps, told one by one."""

    def __init__(self, tools: Mapping[str, ToolSpec]) -> None:
        self._tools = tools
        self._before: list[_Place] = []  # without `let`s, which wait for nothing and which nothing waits for

    def add(self, step: Step) -> tuple[str, ...]:
        """The earlier steps that the next one waits for."""
        if step.kind == "let":
            return ()
        place = _place(step, self._tools)
        free = place.free
        found = tuple(e.step.id for e in self._before if not (free and e.free) and _waits(place, e))
        self._before.append(place)
        return found


def _place(step: Step, tools: Mapping[str, ToolSpec]) -> _Place:
    condition = free_names(step.arguments["condition"]) if step.kind == "expect" else frozenset[str]()
    if not step.may_call:
        return _Place(step, step.reads(), condition, held=step.kind in MODEL_KINDS or step.kind in PERSON_KINDS)
    specs = tuple(tools[name] for name in step.may_call)
    held = step.kind == "do" or any(s.has_effect or s.leaves_house for s in specs)
    return _Place(step, step.reads(), condition, specs, any(s.has_effect for s in specs), held)


def _waits(later: _Place, earlier: _Place) -> bool:
    match later.step.kind, earlier.step.kind:
        case "answer", _:
            wanted = True
        case _, "answer":
            wanted = False
        case "wait", _:
            wanted = True
        case _, "expect":
            wanted = later.held or bool(later.reads & earlier.condition)
        case _, "wait" | "poll":
            wanted = True
        case _, "approve":
            wanted = later.effect
        case _:
            wanted = any(ordered(one, other) for one in later.tools for other in earlier.tools)
    return wanted and not exclusive(later.step.guards, earlier.step.guards)


def ordered(later: ToolSpec, earlier: ToolSpec) -> bool:
    """Whether a call of one tool, asked for after one of the other, has to wait for it.

    Two effects do, unless one of them commutes; a read keeps its place among the effects of its namespace.
    """
    if later.has_effect and earlier.has_effect:
        return not (later.commutes or earlier.commutes)
    return later.namespace == earlier.namespace and (later.has_effect or earlier.has_effect)


def has_effect(step: Step, tools: Mapping[str, ToolSpec]) -> bool:
    """Whether the step calls, or may call, a tool that has effects."""
    return any(tools[name].has_effect for name in step.may_call)


def soon(program: Program, order: Waits, tools: Mapping[str, ToolSpec]) -> frozenset[str]:
    """The steps before which nothing changes the world and nothing takes its time: no effect, no person, no timer."""
    late: set[str] = set()
    for step in program.steps:
        before = {d for name in step.reads() for d in program.definitions(name)}.union(order[step.id])
        if step.kind in _SLOW or has_effect(step, tools) or not late.isdisjoint(before):
            late.add(step.id)
    return frozenset(step.id for step in program.steps if step.id not in late)


def cone_of(program: Program, order: Mapping[str, Sequence[str]], roots: Iterable[Step]) -> frozenset[str]:
    """The steps that are run anew when these are: they, whatever reads them, whatever may start only after them, and so on."""
    cone = {s.id for s in roots}
    for step in program.steps:
        reads = {d for name in step.reads() for d in program.definitions(name)}
        if cone & reads or any(before in cone for before in order[step.id]):
            cone.add(step.id)
    return frozenset(cone)
