"""Plans: the plans that are kept, as their owner sees them: listed, looked at, forgotten, made into playbooks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from executor.kept import Kept, KeptPlans
from executor.submission import Principal
from planner.errors import PlanrailError
from planner.template import Owner
from planner.toolspec import Json

_SHORT = 8  # digits of an id that lists show
_SHORTEST = 4  # that may stand for it


class UnknownPlan(PlanrailError):
    """There is no kept plan of that name."""

    fault = "user"


class PlanView(BaseModel):
    """A kept plan: `kept` says whether goals of its form take it by now."""

    model_config = ConfigDict(frozen=True)

    id: str
    kept: bool
    needs: int  # runs that have to go well
    plan: Kept

    @property
    def short(self) -> str:
        return self.id[:_SHORT]

    def document(self) -> dict[str, Json]:
        """The plan as programs read it."""
        whole = self.plan.model_dump(mode="json")
        template = whole.pop("template")
        return {"id": self.id, "kept": self.kept, "needs": self.needs, **template, **whole}

    @property
    def playbook(self) -> str:
        """The plan as a playbook file."""
        return self.plan.template.playbook(self.plan.tried)

    @property
    def file_name(self) -> str:
        """A name for that file."""
        words = re.findall(r"[a-z0-9]+", re.sub(r"\{\w+\}", "", self.plan.template.goal).lower())
        return "_".join(words[:5])[:40] + f"_{self.short}.plan"


@dataclass(frozen=True)
class Plans:
    """What is kept, for one principal at a time; `after` runs make a plan one that goals take."""

    kept: KeptPlans
    after: int

    async def find(self, principal: Principal) -> list[PlanView]:
        """All of them, the one that was used last first."""
        return [self._view(k) for k in await self.kept.find(_owner(principal))]

    async def get(self, name: str, principal: Principal) -> PlanView:
        """The one whose id begins so; raises UnknownPlan."""
        found = [p for p in await self.find(principal) if p.id.startswith(name)] if len(name) >= _SHORTEST else []
        if len(found) > 1:
            raise UnknownPlan(f"Several kept plans begin with {name}.", hint="Write more of it.")
        if not found:
            raise UnknownPlan(f"There is no kept plan {name[:80]}.", hint="`planrail plans` lists them.")
        return found[0]

    async def forget(self, name: str, principal: Principal) -> PlanView:
        """Forget it, and give it back; raises UnknownPlan."""
        found = await self.get(name, principal)
        await self.kept.forget(_owner(principal), found.id)
        return found

    def _view(self, kept: Kept) -> PlanView:
        return PlanView(id=kept.id, kept=0 < self.after <= kept.runs, needs=self.after, plan=kept)


def _owner(principal: Principal) -> Owner:
    return Owner(principal=principal.id, kind=principal.kind)
