"""Kept: a template and how often it ran well; the store of all of them, as a port with an implementation in memory.

A run that went well says so in its journal (`PlanVerified`); what is kept is a view over these events, made in the transaction
that writes them, so that a run counts once and a crash loses no count.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from executor.events import PlanDoubted, PlanVerified
from planner.slot import tried_with
from planner.template import Owner, Template, anchors, has_pieces, plain
from planner.toolspec import Json

Counted = PlanVerified | PlanDoubted


class Kept(BaseModel):
    """A template with what counts for it. `tried` are values with which it ran well, by slot; see `planner.slot.tried_with`."""

    model_config = ConfigDict(frozen=True)

    template: Template
    runs: int = 0  # that went well since one did not
    hits: int = 0  # runs that took it instead of asking the planner, and went well
    tokens: int = 0  # that the planner took to write it, last
    saved: int = 0  # tokens, by those hits
    tried: Mapping[str, tuple[Json, ...]] = Field(default_factory=dict)
    doubt: str = ""  # why the count began anew
    first_at: datetime
    used_at: datetime

    @property
    def id(self) -> str:
        return self.template.id

    def match(self, goal: str) -> dict[str, Json] | None:
        """The slots' values if the goal has the template's form."""
        return self.template.match(goal, self.tried)

    def with_(self, event: Counted, at: datetime) -> Kept:
        """The same after another run."""
        if isinstance(event, PlanDoubted):
            return self.model_copy(update={"runs": 0, "tried": {}, "doubt": event.reason})
        tried = {s.name: tried_with(s, self.tried.get(s.name, ()), event.values[s.name]) for s in self.template.slots}
        hit = event.template is None
        new = {"hits": self.hits + 1, "saved": self.saved + self.tokens} if hit else {"tokens": event.tokens}
        return self.model_copy(update={"runs": self.runs + 1, "tried": tried, "used_at": at, **new})


def newly(template: Template, at: datetime) -> Kept:
    """A template for which nothing counts yet."""
    return Kept(template=template, first_at=at, used_at=at)


class KeptPlans(Protocol):
    """What is kept, by owner. It is counted by the journal, when it appends the events of a run."""

    async def like(self, owner: Owner, goal: str, *, runs: int) -> list[Kept]:
        """Templates that ran well that often and whose form the goal may have: the one that did so most often first."""
        ...

    async def find(self, owner: Owner, *, limit: int = 1_000) -> list[Kept]:
        """All of them, the one that was used last first."""
        ...

    async def forget(self, owner: Owner, plan: str) -> bool:
        """Forget a template; False if there is none of that id."""
        ...


class MemoryKept:
    """What is kept, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def count(self, event: Counted, at: datetime) -> None:
        """Take an event of a run into account."""
        if isinstance(event, PlanVerified) and event.template is not None:
            self._kept.setdefault(event.plan, newly(event.template, at))
        known = self._kept.get(event.plan)
        if known is not None:
            self._kept[event.plan] = known.with_(event, at)

    async def like(self, owner: Owner, goal: str, *, runs: int) -> list[Kept]:
        words = plain(goal)
        if words is None:
            return []
        near = anchors(words)
        found = [k for k in self._of(owner) if k.runs >= runs and k.template.anchor in near]
        found = [k for k in found if has_pieces(k.template.goal, words)]
        return sorted(found, key=lambda k: (-k.runs, k.first_at))

    async def find(self, owner: Owner, *, limit: int = 1_000) -> list[Kept]:
        return sorted(self._of(owner), key=lambda k: k.used_at, reverse=True)[:limit]

    async def forget(self, owner: Owner, plan: str) -> bool:
        there = any(k.id == plan for k in self._of(owner))
        if there:
            del self._kept[plan]
        return there

    def _of(self, owner: Owner) -> list[Kept]:
        return [k for k in self._kept.values() if k.template.owner == owner]
