"""Names: which are bound where, and what may be bound at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.language import RESERVED, STEPS
from planner.library import FUNCTIONS
from planner.program import Guard
from planner.toolspec import ToolSpec

Readable = Literal["bound", "partly", "elsewhere", "unbound"]


def exclusive(one: tuple[Guard, ...], other: tuple[Guard, ...]) -> bool:
    """Whether two places can never both be reached: they stand in different branches of one `if`."""
    return any(a.branch == b.branch and a.when != b.when for a in one for b in other)


@dataclass
class Names:
    """The names of one script, as far as it has been read."""

    tools: Mapping[str, ToolSpec]
    parameters: frozenset[str] = frozenset()
    namespaces: frozenset[str] = field(init=False)
    _bound: dict[str, list[tuple[Guard, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.namespaces = frozenset(name.partition(".")[0] for name in self.tools)

    def reserved(self, name: str) -> str:
        """Why the name cannot be bound, or an empty text."""
        if name in self.namespaces:
            return "is a namespace of tools"
        if name in FUNCTIONS or name in RESERVED:
            return "is a function or a type of the language"
        return "is a step of the language" if name in STEPS else ""

    def bind(self, name: str, guards: tuple[Guard, ...]) -> bool:
        """Bind a name at a place; False if it is bound already on a path that leads there."""
        earlier = self._bound.setdefault(name, [])
        free = name not in self.parameters and all(exclusive(e, guards) for e in earlier)
        earlier.append(guards)
        return free

    def readable(self, name: str, guards: tuple[Guard, ...]) -> Readable:
        """What a read of the name at a place meets: a value always, in some branches only, never, or no such name."""
        if name in self.parameters:
            return "bound"
        places = [p for p in self._bound.get(name, ()) if not exclusive(p, guards)]
        if not places:
            return "elsewhere" if name in self._bound else "unbound"
        return "bound" if covered(places, guards) else "partly"

    def nearest(self, name: str, more: Iterable[str] = ()) -> list[str]:
        """Known names that look like this one."""
        known = [*self._bound, *self.parameters, *FUNCTIONS, *STEPS, *more]
        return difflib.get_close_matches(name, known, n=3)


def free_name(name: str, namespaces: Iterable[str]) -> str:
    """The name, with underscores behind it where it is a namespace of tools."""
    taken = frozenset(namespaces)
    while name in taken:
        name += "_"
    return name


def covered(places: list[tuple[Guard, ...]], guards: tuple[Guard, ...]) -> bool:
    """Whether every path that leads to `guards` comes through one of the places."""
    held = {(g.branch, g.when) for g in guards}
    open_places = [tuple(g for g in p if (g.branch, g.when) not in held) for p in places]
    if any(not p for p in open_places):
        return True
    branch = open_places[0][0].branch
    sides = [[p for p in open_places if any(g.branch == branch and g.when == w for g in p)] for w in (True, False)]
    if not all(sides):
        return False
    test = next(g.test for p in open_places for g in p if g.branch == branch)
    return all(covered(side, (*guards, Guard(test, w, branch))) for side, w in zip(sides, (True, False), strict=True))
