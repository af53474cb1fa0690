"""Fallback: the simpler script that a playbook names, by which its run goes on once the run is not relied on any more.

It is a revision that keeps no statement of the playbook. What is done stays done: calls of the fallback that equal settled
ones take over what these gave. It is compiled and certified as any plan, against what the ceilings have left.
"""

from __future__ import annotations

from dataclasses import dataclass

from executor.events import ConfidenceFell, PlanProposed, PlanRefused
from executor.fingerprint import fingerprint_of
from executor.frame import Frame
from executor.planning import Planning
from executor.recorder import Recorder
from executor.revision import cut_all
from executor.run import Run
from planner.errors import CompileError, PlanrailError
from planner.errors import PlanRefused as Refused

REPAIRS_USED_UP = ConfidenceFell(measure="repairs", value=0.0, floor=0.0)


@dataclass(frozen=True)
class Fallback:
    """Takes runs of playbooks to their fallbacks, each once."""

    planning: Planning

    async def take(self, recorder: Recorder, frame: Frame) -> str | None:
        """Bring the run to its fallback; None once it goes on by that, else why it does not, "" where it has none."""
        run = recorder.run
        assert run.certified is not None
        try:
            proposed = self._proposed(run)
        except PlanrailError as error:
            return f"Its fallback: {error.message}"
        if proposed is None:
            return ""
        proposal = proposed.model_copy(update={"revision": run.certified.revision + 1, "dropped": cut_all(frame).kinds})
        recorder.note(proposal)
        try:
            certified = self.planning.certified(proposal, run)
        except (CompileError, Refused) as refused:
            await recorder.commit(PlanRefused(diagnostics=refused.diagnostics))
            return "Its fallback is refused.\n" + "\n".join(str(d) for d in refused.diagnostics)
        await recorder.commit(certified, tools=fingerprint_of(certified.certificate.tools) or None)
        return None

    def _proposed(self, run: Run) -> PlanProposed | None:
        sources = [r.proposed for r in run.revisions if r.proposed is not None]
        if not sources or sources[0].source != "playbook" or any(p.source == "fallback" for p in sources):
            return None
        return self.planning.fallback(sources[0])
