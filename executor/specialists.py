"""Specialists: whose of several packs a goal is, as far as its structure tells, and what is theirs. Pure.

To choose one only ever takes away: the tools and playbooks of the others. What belongs to nobody stays: built-in tools, those
of MCP servers, other agents, one's own playbooks. Where fewer than two packs declare a specialist there is nobody to choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from executor.pack import Pack, Specialist
from planner.misfit import misfit
from planner.parse import parse_expression
from planner.playbook import Playbook
from planner.toolspec import Json, ToolSpec
from planner.types import schema_of

PACK = "pack."  # in front of a specialist's name, as an agent card has it
_FILE = re.compile(r"[\w./-]*\w\.(\w{1,8})\b")
_WORD = re.compile(r"[^\W_]+")
HAND = "hand"  # the namespace of what a plan hands over


@dataclass(frozen=True)
class Member:
    """One specialist, with what is its own. `words` are those by which a goal calls it."""

    name: str
    about: Specialist
    tools: frozenset[str]
    playbooks: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        return frozenset({self.name, *(tool.partition(".")[0] for tool in self.tools)})

    def takes(self, fields: Mapping[str, Json]) -> bool:
        """Whether these are fields that it is handed, each of its type."""
        declared = self.about.takes
        return fields.keys() <= declared.keys() and not any(_problem(value, declared[name]) for name, value in fields.items())


@dataclass(frozen=True)
class Specialists:
    """Those of a house, in the order of their names."""

    members: tuple[Member, ...] = ()
    _by_name: Mapping[str, Member] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {m.name: m for m in self.members})

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __bool__(self) -> bool:
        """Whether there is anybody to choose between."""
        return len(self.members) > 1

    def get(self, name: str) -> Member | None:
        """The one of that name, as a submission or an agent card has it."""
        return self._by_name.get(name.removeprefix(PACK))

    @property
    def taking(self) -> tuple[Member, ...]:
        """Those that others' plans can hand something over to."""
        return tuple(m for m in self.members if m.about.playbook) if self else ()

    def of_playbook(self, name: str) -> Member | None:
        """Whose playbook that is."""
        return next((m for m in self.members if name in m.playbooks), None)

    def by_fields(self, fields: Mapping[str, Json]) -> Member | None:
        """The one specialist that takes these fields."""
        return _only(m for m in self.members if fields and m.takes(fields))

    def by_file(self, goal: str) -> Member | None:
        """The one whose kind of file the goal names, and which the goal calls by one of its words."""
        endings = {found[1].lower() for found in _FILE.finditer(goal)}
        said = frozenset(word.lower() for word in _WORD.findall(goal))
        return _only(m for m in self.members if endings & set(m.about.files) and m.words & said)

    def hidden(self, name: str) -> frozenset[str]:
        """The tools of the others, once the goal is that one's; none where it is nobody's in particular."""
        return frozenset() if name not in self._by_name else self._others(name)

    def _others(self, name: str) -> frozenset[str]:
        others = frozenset(tool for m in self.members if m.name != name for tool in m.tools)
        return (others - self._by_name[name].tools) | {hand_name(name)}

    def narrowed(self, name: str, tools: Mapping[str, ToolSpec]) -> Mapping[str, ToolSpec]:
        """The tools without those of the others."""
        hidden = self.hidden(name)
        return {tool: tools[tool] for tool in tools if tool not in hidden} if hidden else tools

    def playbooks(self, name: str, playbooks: Iterable[Playbook]) -> list[Playbook]:
        """The playbooks without those of the others."""
        hidden = {p for m in self.members if m.name != name for p in m.playbooks} if name in self._by_name else set()
        return [p for p in playbooks if p.name not in hidden]


NOBODY = Specialists()


def hand_name(specialist: str) -> str:
    """The tool by which a plan hands something over to a specialist."""
    return f"{HAND}.{specialist}"


def specialists_of(packs: Iterable[Pack]) -> Specialists:
    """Those that the packs declare."""
    return Specialists(tuple(_member(pack, pack.specialist) for pack in packs if pack.specialist is not None))


def _member(pack: Pack, about: Specialist) -> Member:
    plans = () if pack.playbooks is None else pack.playbooks.glob("*.plan")
    return Member(pack.name, about, frozenset(pack.tools.specs), frozenset(path.stem for path in plans))


def _only(found: Iterable[Member]) -> Member | None:
    listed = list(found)
    return listed[0] if len(listed) == 1 else None


def _problem(value: Json, written: str) -> str:
    return misfit(value, schema_of(parse_expression(written)), formats=True)
