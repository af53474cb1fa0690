"""Call: what a model asks of a tool, and how calls lie together: in groups that are known at once, in steps of a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from planner.toolspec import Json


@dataclass(frozen=True)
class Call:
    """One call that a model asks for."""

    tool: str
    arguments: dict[str, Json]

    def function(self, offered: Collection[str]) -> str:
        """Its name as it was offered: vendors allow no dot."""
        return next(name for name in offered if name.replace("-", "_") == self.tool.replace(".", "_"))


@dataclass(frozen=True)
class Part:
    """One item of a group: what it is called, its calls in the order in which they can be made, and what is found by them."""

    item: str
    waves: Sequence[Sequence[Call]]
    found: str
    ahead: str = ""  # what it is called before its inputs are known; else as ever


@dataclass(frozen=True)
class Group:
    """Items that can be dealt with at once. `found` is what is found of all of them; else it is what each part found."""

    verb: str
    parts: Sequence[Part]
    ahead: str = ""  # what the items are called together before their inputs are known; else as ever
    found: str = ""

    @property
    def waves(self) -> list[list[Call]]:
        waves = zip_longest(*(part.waves for part in self.parts), fillvalue=())
        return [list(chain.from_iterable(wave)) for wave in waves]


@dataclass(frozen=True)
class Step:
    """A step of a plan in words, as it is written before and after its inputs are known."""

    task: str
    ahead: str
    waves: list[list[Call]] = field(default_factory=list)
    found: str = ""


def steps_of(groups: Sequence[Group], *, together: bool) -> list[Step]:
    """A step for each group, or for each part."""
    return [step for group in groups for step in ([_whole(group)] if together else _apart(group))]


def _whole(group: Group) -> Step:
    items = ", ".join(part.item for part in group.parts)
    ahead = group.ahead or ", ".join(part.ahead or part.item for part in group.parts)
    found = group.found or ", ".join(part.found for part in group.parts)
    return Step(f"{group.verb} {items}.", f"{group.verb} {ahead}.", group.waves, found)


def _apart(group: Group) -> list[Step]:
    return [
        Step(f"{group.verb} {p.item}.", f"{group.verb} {p.ahead or p.item}.", [list(w) for w in p.waves], p.found)
        for p in group.parts
    ]
