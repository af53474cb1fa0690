"""Keeping: a goal that has the form of a plan that ran well takes that plan; a run that ends counts for or against its own."""

from __future__ import annotations

from dataclasses import dataclass

from executor.compiled import Scripts
from executor.events import PlanDoubted, PlanProposed, PlanVerified
from executor.kept import Kept, KeptPlans
from executor.run import Run
from executor.verdict import ill, owner_of, well
from executor.writer import hand_of
from planner.errors import CompileError, PlanRefused


@dataclass(frozen=True)
class Keeping:
    """The plans that are kept. A plan is taken once it ran well `after` times; 0: none is, and nothing counts."""

    plans: KeptPlans
    after: int

    async def proposal(self, run: Run, scripts: Scripts) -> PlanProposed | None:
        """The kept plan for the run's goal; None where there is none that can be certified as it was."""
        goal, owner = run.submission.goal, owner_of(run.submission)
        if not self.after or run.submission.fresh or run.submission.probes or run.earlier:
            return None
        for kept in await self.plans.like(owner, goal, runs=self.after):
            values = kept.match(goal)
            if values is None:
                continue
            proposed = PlanProposed(
                script=kept.template.script, source="template", template=kept.id, runs=kept.runs, params=values
            )  # fmt: skip
            if _holds(kept, proposed, run, scripts):
                return proposed
        return None

    def verdict(self, run: Run, scripts: Scripts, *, done: bool) -> PlanVerified | PlanDoubted | None:
        """What the run that ends now says of its plan."""
        if not self.after:
            return None
        return (well(run, scripts) if done else None) or ill(run, scripts)


def _holds(kept: Kept, proposed: PlanProposed, run: Run, scripts: Scripts) -> bool:
    """Whether the plan is certified here over the same tools, under the same policy."""
    try:
        certificate = scripts.certified(proposed.script, proposed.params, run.budget, hand_of(run))
    except (CompileError, PlanRefused):
        return False
    return (certificate.tools, certificate.policy) == (kept.template.tools, kept.template.policy)
