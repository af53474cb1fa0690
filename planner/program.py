"""Program: a plan as the steps that run, each with what it reads, what guards it and what it maps over.

**Lifting.** A call inside an expression becomes a step of its own, and a hidden name `$id` stands in its place. A call in a
comprehension becomes a map: a step with a `Space`, the product of the `for` clauses up to the depth where the call stands, one
slot a combination. `conditions` are the filters that stand before the call at that depth: a slot where one is false has no
call. Several calls in one body are maps over equal spaces, where the later ones read the earlier ones' slots: a chain an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.diagnostic import Diagnostic
from planner.syntax import NOWHERE, Clause, Expr, Lambda, Position, free_names, target_names
from planner.toolspec import JsonSchema

Kind = Literal[
    "let",
    "tool",
    "ask",
    "choose",
    "ask_user",
    "approve",
    "expect",
    "attempt",
    "pages",
    "answer",
    "wait",
    "poll",
    "first",
    "do",
    "delegate",
]
MODEL_KINDS = frozenset(("ask", "choose"))
PERSON_KINDS = frozenset(("ask_user", "approve"))
TOOL_KINDS = frozenset(("tool", "attempt", "pages", "poll", "first", "delegate"))
ROUND_KINDS = frozenset(("poll", "first"))  # one call after the other, each with an item of its own, until one satisfies
MAX_STANDING_S = 366 * 86_400.0  # a question's time-out and its first reminder are no longer


def statement_of(step: str) -> str:
    """The id of the statement that a step stands in."""
    return step.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Guard:
    """An `if` that a step stands under: it runs only if the test's truth is `when`. `branch` names the `if` statement."""

    test: Expr
    when: bool
    branch: int


@dataclass(frozen=True, slots=True)
class Space:
    """What a map, or a `first`, goes over: the clauses, and the hidden names of slots that were made at which depth."""

    clauses: tuple[Clause, ...]
    slots: tuple[tuple[str, int], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Names that every slot binds for itself."""
        bound = frozenset(n for c in self.clauses for n in target_names(c.target))
        return bound | {name for name, _ in self.slots}


@dataclass(frozen=True, slots=True)
class Options:
    """What a call says beside its arguments; None and False where it says nothing."""

    otherwise: Expr | None = None
    limit: int | None = None  # the most items of a map, or of pages
    timeout_s: float | None = None
    remind_s: float | None = None  # of a question: the first reminder comes after so long
    retry: int | None = None
    again: bool = False
    planner_model: bool = False  # `model="planner"`
    sure: float | None = None  # how sure the model has to be of its answer, from 0 to 1
    cursor: str = "next"
    items: str = "items"
    until: Lambda | None = None  # the test of a `poll` or a `first`
    every_s: float = 30.0  # between the calls of a `poll`
    within_s: float = 3_600.0  # a `poll` gives up after so long
    max_calls: int | None = None  # of a `do`; None: as many as the run's ceilings allow
    parallel: bool = True  # whether the model of a `do` may make several calls at once


@dataclass(frozen=True, slots=True)
class Step:
    """One statement's work: a call, a map of calls, or (`let`) a pure value. `to` are the names that its value is bound to."""

    id: str
    kind: Kind
    arguments: Mapping[str, Expr]
    to: tuple[str, ...] = ()
    tool: str = ""
    tools: tuple[str, ...] = ()  # what the model of a `do` may call
    splat: Expr | None = None
    options: Options = Options()
    returns: JsonSchema | None = None
    guards: tuple[Guard, ...] = ()
    space: Space | None = None
    conditions: tuple[Expr, ...] = ()
    at: Position = NOWHERE
    source: str = ""
    _reads: frozenset[str] | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def statement(self) -> str:
        """The id of the statement that it stands in."""
        return statement_of(self.id)

    @property
    def hidden(self) -> str:
        """The name by which other steps read this one's value; for a map, the list of all its slots."""
        return f"${self.id}"

    @property
    def may_call(self) -> tuple[str, ...]:
        """The tools that it calls, or may call."""
        return (self.tool,) if self.tool else self.tools

    @property
    def is_map(self) -> bool:
        """Whether it makes a list: one call an item, all of them. A `first` goes over items and has one value."""
        return self.space is not None and self.kind != "first"

    @property
    def body(self) -> tuple[Expr, ...]:
        """The expressions that are evaluated for the call itself: once, or once an item."""
        extra = tuple(e for e in (self.splat, self.options.otherwise, self.options.until) if e is not None)
        return (*self.conditions, *self.arguments.values(), *extra)

    def reads(self) -> frozenset[str]:
        """Names from outside that the step reads, its guards included."""
        if self._reads is None:
            object.__setattr__(self, "_reads", self._read())
        assert self._reads is not None
        return self._reads

    def _read(self) -> frozenset[str]:
        names = frozenset[str]().union(*(free_names(g.test) for g in self.guards))
        inside = frozenset[str]().union(*(free_names(e) for e in self.body))
        if self.space is None:
            return names | inside
        bound: frozenset[str] = frozenset()
        for clause in self.space.clauses:
            names |= free_names(clause.iterable) - bound
            bound |= frozenset(target_names(clause.target))
            names |= frozenset[str]().union(*(free_names(c) for c in clause.conditions)) - bound
        slots = frozenset(name for name, _ in self.space.slots)
        return names | (inside - bound) | slots


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of a plan in the script's order. `parameters` are names bound before the first step.

    `ids` are those of its statements, an `if` before what stands in it. A statement's step is called like it; those that were
    lifted out of it have a number after a dot.
    """

    steps: tuple[Step, ...]
    parameters: frozenset[str] = frozenset()
    warnings: tuple[Diagnostic, ...] = ()
    ids: tuple[str, ...] = ()
    _index: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    _definitions: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        known = len(self._index)
        for number, step in enumerate(self.steps[known:], known):
            self._index[step.id] = number
            for name in (*step.to, step.hidden):
                self._definitions[name] = (*self._definitions.get(name, ()), step.id)

    def __getitem__(self, step: str) -> Step:
        return self.steps[self._index[step]]

    def plus(self, steps: Iterable[Step]) -> Program:
        """The program with these steps behind its own."""
        longer = (*self.steps, *steps)
        return Program(longer, self.parameters, self.warnings, self.ids, dict(self._index), dict(self._definitions))

    def position(self, step: str) -> int:
        """The step's place in the script's order."""
        return self._index[step]

    def definitions(self, name: str) -> tuple[str, ...]:
        """The steps that may bind the name: several where branches exclude each other, none for a parameter."""
        return self._definitions.get(name, ())
