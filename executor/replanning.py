"""Replanning: a surprise becomes a revision of the run's plan, each stage an event, so that a crash loses nothing paid for.

    Surprised ─► PlannerCalled ─► PlanProposed ─► (PlanRefused ─► PlannerCalled ─► PlanProposed)* ─► PlanCertified

The model writes only what replaces the cone of the surprise; the rest of the script stays as it is. What it has written is
compiled and certified with the rest, against what is left of the ceilings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from executor.call_state import CEILING, UNKNOWN
from executor.drafting import NotPlanned, drafted, unreadable
from executor.events import ConfidenceFell, PlanProposed, PlanRefused
from executor.fingerprint import fingerprint_of
from executor.left import allowed_tools
from executor.planning import Planning
from executor.recorder import Recorder
from executor.revision import Cut, cut
from executor.run import Run
from executor.surprise import Met
from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.errors import PlanRefused as Refused


@dataclass(frozen=True)
class Replanning:
    """Mends the plans of runs. A run that cannot be mended ends with its surprise."""

    planning: Planning

    def why_not(self, met: Met) -> str | None:
        """Why a surprise is not replanned: "" where there is nothing to say of it; None where it is."""
        run = met.run
        if self.planning.planner is None or run.budget.replans == 0:
            return ""
        if any(_refused(run, step.id, failed.item, failed.kind) for step, failed in met.surprises):
            return ""  # somebody said no: no way round it is looked for
        done = replans_of(run)
        if done >= run.budget.replans:
            return f"It was replanned {done} {'time' if done == 1 else 'times'}, which is the ceiling replans."
        return None

    async def replan(self, recorder: Recorder, met: Met) -> None:
        """Bring the run to the next revision of its plan; raises NotPlanned."""
        run = recorder.run
        assert run.certified is not None
        revision = run.certified.revision + 1
        kept = cut(run.certified.script, met.frame, met.values, met.roots)
        await recorder.commit()  # what surprised is durable before anything is paid for
        while run.certified.revision < revision:
            if run.proposed is None or run.proposed.revision < revision:
                recorder.note(await self._propose(recorder, met, kept, revision))
                await recorder.commit()  # what was paid for is durable before anything stands on it
            proposed = run.proposed
            assert proposed is not None
            try:
                certified = await self.planning.warned(self.planning.certified(proposed, run), run)
            except (CompileError, Refused) as refused:
                await recorder.commit(PlanRefused(diagnostics=refused.diagnostics))
            else:
                await recorder.commit(certified, tools=fingerprint_of(certified.certificate.tools) or None)

    async def _propose(self, recorder: Recorder, met: Met, kept: Cut, revision: int) -> PlanProposed:
        run, planner = recorder.run, self.planning.planner
        assert planner is not None
        assert run.certified is not None
        lines = kept.script.count("\n")
        refused = [(p, r) for p, r in run.refusals if p.revision == revision]
        if len(refused) > run.budget.repairs:
            listed = "\n".join(str(d) for d in refused[-1][1].diagnostics)
            recorder.note(ConfidenceFell(measure="repairs", value=0.0, floor=0.0))
            raise NotPlanned(f"What the planner wrote to mend it is refused, after {len(refused) - 1} repairs.\n{listed}")
        tried = [(p.written, [_moved(d, lines) for d in r.diagnostics]) for p, r in refused]
        broken = met.broken(kept, run.certified.script, self.planning.tools, allowed_tools(run))
        broken = replace(broken, learned=await self.planning.learned(allowed_tools(run)))
        draft = await drafted(planner, planner.replan_messages(broken, tried), "replan", recorder)
        proposal = proposal_of(run, kept, draft.script, revision)
        if not draft.unreadable:
            return proposal
        await recorder.commit(proposal, PlanRefused(diagnostics=(unreadable(draft),)))
        return await self._propose(recorder, met, kept, revision)


def proposal_of(run: Run, kept: Cut, written: str, revision: int) -> PlanProposed:
    """The revision: what is kept, and what was written after it."""
    assert run.certified is not None
    before = run.origin.before if run.origin is not None and run.origin.source == "replan" else run.certified.script
    return PlanProposed(
        script=kept.script + written, source="replan", params=run.certified.params, revision=revision, ids=kept.ids,
        over=kept.over, dropped=kept.kinds, written=written, before=before,
    )  # fmt: skip


def replans_of(run: Run) -> int:
    """How often the run's plan was mended."""
    sources = [r.proposed.source for r in run.revisions if r.certified.revision > 1 and r.proposed is not None]
    return sources.count("replan")


def _refused(run: Run, step: str, item: str, kind: str) -> bool:
    """Whether a person, the policy or a ceiling is behind it, rather than the world."""
    call = run.call(step, item)
    if call.failed is None:
        return kind == "refused"
    return call.failed.kind in (CEILING, UNKNOWN) or (call.failed.kind == "refused" and call.started is None)


def _moved(diagnostic: Diagnostic, lines: int) -> Diagnostic:
    """The diagnostic by the lines of what the model wrote."""
    return diagnostic.model_copy(update={"line": max(diagnostic.line - lines, 1)})
