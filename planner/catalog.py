"""Catalog: which of many tools a prompt describes. With few it is all of them, so that prompts to all goals begin alike.

With more, the lines of those that suit the goal are listed, in the order of their names, and the others told by name, as far as
a budget of tokens goes; a script that names one of the others is shown its line when it is sent back.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from planner.agents import agents_told, tools_alone
from planner.ranking import Ranking
from planner.tokens import count_tokens
from planner.tool_line import tool_line
from planner.toolspec import ToolSpec

TOOLS_TOKENS = 4_000
_NAMED = 0.5  # of the budget, what names take at most: a tool that is only named can be used too, if mostly with a repair
_NAMESPACE = 0.3  # of the budget, what one namespace may take while others are wanted: no server fills the prompt alone
_REST = 20  # tokens of the words around the names of those that are left out
_LONGEST = 1_000  # tokens of a tool's name, at most
_NAME = re.compile(r"\b[^\W\d]\w*\.[^\W\d]\w*\b")
_PLAIN = re.compile(r"[^\W\d]\w{0,63}\.[^\W\d]\w{0,63}")  # a name that a script can write; others are not told
_WORD = re.compile(r"\w+")
_NEAR = 2  # tools whose names are near one that does not exist
_MAX_NAMED = 12  # tools whose lines a script that was refused brings in


@dataclass(frozen=True)
class Offer:
    """The tools that a prompt describes, in the order of their names; `others` tells of the rest."""

    tools: tuple[ToolSpec, ...]
    lines: tuple[str, ...]
    others: str = ""

    def __str__(self) -> str:
        return "\n".join([*self.lines, *([self.others] if self.others else [])])


class Catalog:
    """The tools of a house. Choosing is deterministic: the same goal is offered the same tools."""

    def __init__(
        self, tools: Mapping[str, ToolSpec], *, tokens: int = TOOLS_TOKENS, learned: Mapping[str, str] | None = None
    ) -> None:
        self.tools = tools_alone(tools)
        self._all = tools
        self._tokens = tokens
        self._learned = learned or {}
        self._ranking = cache(lambda: Ranking(self.tools))
        self._plain_costs = cache(lambda: {name: _cost(tool_line(spec)) for name, spec in self.tools.items()})

    def knowing(self, learned: Mapping[str, str]) -> Catalog:
        """The same, where the lines of some tools tell what they were seen to return."""
        if learned == self._learned:
            return self
        made = Catalog(self._all, tokens=self._tokens, learned=learned)
        made._ranking, made._plain_costs = self._ranking, self._plain_costs
        return made

    @cached_property
    def agents(self) -> str:
        """What a prompt tells of other agents; nothing where there are none."""
        return agents_told(self._all)

    def line(self, spec: ToolSpec) -> str:
        """A tool of the catalog, as a prompt describes it."""
        return tool_line(spec, self._learned.get(spec.name, ""))

    def offer(self, goal: str) -> Offer:
        """What a prompt for the goal tells of the tools; beyond the budget only where the goal names tools itself."""
        if self._whole is not None:
            return self._whole
        scores = self._ranking().scores(goal)
        named = self._said(goal)
        ranked = sorted(self.tools, key=lambda name: (name not in named, -scores.get(name, 0.0), name))
        chosen = self._within(ranked, named, scores, self._tokens - self._names)
        left = self._tokens - sum(self._costs[name] for name in chosen)
        others = _told([name for name in ranked if name not in chosen], left)
        return self._offered(chosen, others)

    def named(self, script: str) -> tuple[ToolSpec, ...]:
        """The tools that a script names, and those whose names are near one that there is not."""
        found: dict[str, None] = {}
        for name in dict.fromkeys(_NAME.findall(script)):
            found |= dict.fromkeys([name] if name in self.tools else self._near(name))
        return tuple(self.tools[name] for name in list(found)[:_MAX_NAMED])

    @cached_property
    def _whole(self) -> Offer | None:
        """All tools, where they fit."""
        whole = self._offered(self.tools)
        lines = str(whole)
        fits = len(lines.encode(errors="replace")) <= self._tokens or sum(self._costs.values()) <= self._tokens
        return whole if fits else None

    @cached_property
    def _costs(self) -> dict[str, int]:
        """The tokens of each tool's line."""
        known = {name: _cost(self.line(self.tools[name])) for name in self._learned if name in self.tools}
        return {**self._plain_costs(), **known}

    @cached_property
    def _names(self) -> int:
        """The tokens that are kept for names: those of all tools, if that is little enough."""
        whole = _told(list(self.tools), len(self.tools) * _LONGEST)
        return min(count_tokens(whole) + _REST, int(_NAMED * self._tokens))

    def _offered(self, names: Iterable[str], others: str = "") -> Offer:
        tools = tuple(self.tools[name] for name in sorted(names))
        return Offer(tools, tuple(map(self.line, tools)), others)

    def _within(self, ranked: Iterable[str], named: set[str], scores: Mapping[str, float], tokens: int) -> set[str]:
        """The best that fit: first those that the goal names, then a namespace's share each, then what is left over."""
        chosen, shares = set(named), dict[str, float]()
        left = tokens - sum(self._costs[name] for name in named)
        wanted = [name for name in ranked if name in scores and name not in named]
        for fair in (True, False):
            for name in wanted:
                space, cost = name.partition(".")[0], self._costs[name]
                share = shares.setdefault(space, max(_NAMESPACE * tokens, cost))
                if name not in chosen and cost <= left and (not fair or cost <= share):
                    chosen.add(name)
                    left -= cost
                    shares[space] = share - cost
        return chosen

    def _said(self, goal: str) -> set[str]:
        """The tools that the goal names: in full, or by a name of their own that is no plain word."""
        whole, words = set(_NAME.findall(goal)), {word for word in _WORD.findall(goal) if "_" in word}
        return {name for name in self.tools if name in whole or name.partition(".")[2] in words}

    def _near(self, name: str) -> list[str]:
        """Tools that may be meant: of the same name elsewhere, or of a name that is spelled alike."""
        own = name.partition(".")[2]
        same = [n for n in self.tools if n.partition(".")[2] == own]
        return (same + difflib.get_close_matches(name, self.tools, n=_NEAR, cutoff=0.75))[:_NEAR]


def _cost(line: str) -> int:
    return count_tokens(f"{line}\n")


def _told(names: list[str], tokens: int) -> str:
    """The names of tools that are not described, by namespace, the best first; as many as fit."""
    by: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        space, _, own = name.partition(".")
        if _PLAIN.fullmatch(name):
            by[space].append(own)
    parts: list[str] = []
    for space, all_of_it in by.items():
        part = f"{space}.({', '.join(all_of_it)})"
        tokens -= count_tokens(f"{part}, ")
        if tokens < _REST:
            break
        parts.append(part)
    if not parts:
        return ""
    rest = len(by) - len(parts)
    more = f"; and tools of {rest} more namespaces" if rest else ""
    return f"Also there, not described: {', '.join(parts)}{more}."
