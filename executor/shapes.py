"""Shapes: what tools without an output schema have returned, as a port with an implementation in memory.

Every process adds what it has seen when a segment of a run ends; counts add up, in any order. A result is looked at once, by
the process that got it: one that a crash took along is not counted, and none counts twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from executor.errors import JournalUnreachable
from planner.contract import contract
from planner.learned import Seen, merged, observed, shape_of, vague, words
from planner.shape import Shape
from planner.toolspec import Json, ToolSpec, digest

log = logging.getLogger(__name__)
_LOOKS = 20  # at results of one tool until they are stored: of a map of thousands that is enough


@dataclass(frozen=True, slots=True)
class ShapeKey:
    """A tool, in one version: another input schema, output schema or trust begins anew."""

    tool: str
    contract: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of a tool's results. `version` grows when what is shown of them changes; 0: nothing is shown yet."""

    key: ShapeKey
    seen: Seen
    version: int = 0

    @property
    def words(self) -> str:
        """As a prompt shows it; "" while too little was seen."""
        return words(self.seen)

    @property
    def shape(self) -> Shape:
        """As the checker reads it."""
        return shape_of(self.seen)

    def with_(self, more: Seen) -> Learned:
        """The same after further results."""
        both = merged(self.seen, more)
        return Learned(self.key, both, self.version + (words(both) != self.words))


def newly(key: ShapeKey, seen: Seen) -> Learned:
    """What the first results tell."""
    return Learned(key, seen, int(bool(words(seen))))


def key_of(spec: ToolSpec) -> ShapeKey | None:
    """Under which key the tool's results are learned; None for one that declares what it returns."""
    if not vague(contract(spec).output):
        return None
    return ShapeKey(spec.name, digest([dict(spec.input_schema), spec.output_schema, dict(spec.labels)])[:16])


class Shapes(Protocol):
    """What has been learned, by tool and version."""

    async def read(self, keys: Collection[ShapeKey]) -> Mapping[ShapeKey, Learned]:
        """What is known of these."""
        ...

    async def learn(self, key: ShapeKey, seen: Seen) -> None:
        """Add what was seen."""
        ...


class MemoryShapes:
    """What has been learned, in memory."""

    def __init__(self) -> None:
        self._known: dict[ShapeKey, Learned] = {}

    async def read(self, keys: Collection[ShapeKey]) -> Mapping[ShapeKey, Learned]:
        return {key: self._known[key] for key in keys if key in self._known}

    async def learn(self, key: ShapeKey, seen: Seen) -> None:
        known = self._known.get(key)
        self._known[key] = newly(key, seen) if known is None else known.with_(seen)


NOTHING_LEARNED = MemoryShapes()  # where nobody adds to it


async def learned_of(shapes: Shapes, tools: Collection[ToolSpec]) -> dict[str, Learned]:
    """What may be shown of the results of those tools that do not declare them, by name."""
    keys = [key for key in map(key_of, tools) if key is not None]
    found = await shapes.read(keys) if keys else {}
    return {key.tool: learned for key, learned in found.items() if learned.version}


class Learner:
    """Looks at the results of a process's calls, and stores what they tell from time to time."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._new: dict[ShapeKey, Seen] = {}

    def look(self, spec: ToolSpec, value: Json) -> None:
        """Take a result into account, if its tool does not declare what it returns."""
        key = key_of(spec)
        if key is None:
            return
        known = self._new.get(key)
        if known is None or known.calls < _LOOKS:
            seen = observed(value, spec)
            self._new[key] = seen if known is None else merged(known, seen)

    async def settle(self) -> None:
        """Store what was seen since. What cannot be stored is forgotten: no run hangs on it."""
        new, self._new = self._new, {}
        try:
            await asyncio.gather(*(self._shapes.learn(key, seen) for key, seen in new.items()))
        except JournalUnreachable as error:
            log.warning("what tools returned was not learned: %s", error)
