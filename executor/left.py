"""Left: what a revision of a run's plan may still take, what of it is made already, and which tools it may use. Pure."""

from __future__ import annotations

from collections import Counter

from executor.events import PlanProposed
from executor.people import APPROVED_AHEAD
from executor.run import Run
from planner.budget import Budget
from planner.certificate import Certificate
from planner.diagnostic import Diagnostic
from planner.errors import PlanRefused
from planner.program import Program, statement_of

_ALL = 1 << 30  # calls of a step that is over


def budget_of(proposed: PlanProposed, run: Run) -> Budget:
    """The ceilings that a proposal is held against: of a revision, what the run has left of them."""
    return run.budget if proposed.revision == 1 else run.budget.left(run.usage, run.tool_calls)


def settled_by(proposed: PlanProposed, run: Run) -> dict[str, int]:
    """The calls that are made already, by step that is kept."""
    if proposed.revision == 1:
        return {}
    kept, items = set(proposed.ids), Counter[str]()
    for (step, item), call in run.calls.items():
        if item.isdecimal() and call.finished is not None and statement_of(step) in kept and (step, "") not in run.timers:
            items[step] += 1  # of a map, or of a `first`
    return items | dict.fromkeys(proposed.over, _ALL)


def refuse_additions(proposed: PlanProposed, certificate: Certificate, program: Program, run: Run) -> None:
    """Raise PlanRefused where a replan uses a tool that the plan which it mends had not."""
    if proposed.source != "replan" or proposed.revision == 1:
        return
    allowed = allowed_tools(run)
    added = sorted(name for name in certificate.tools if name not in allowed)
    if added:
        raise PlanRefused([_added(name, program, allowed) for name in added])


def allowed_tools(run: Run) -> frozenset[str]:
    """The tools that a replan may use: those of the plans that no replan wrote."""
    own = [r.certified for r in run.revisions if r.certified.revision == 1 or (r.proposed and r.proposed.source != "replan")]
    return frozenset(name for certified in own for name in certified.certificate.tools)


def _added(name: str, program: Program, allowed: frozenset[str]) -> Diagnostic:
    step = next((s for s in program.steps if s.tool == name), program.steps[-1])
    message = f"{name} is no tool of the plan that is mended; a replan may add none."
    hint = f"Its tools are: {', '.join(sorted(allowed)) or 'none'}."
    text = step.source.partition("\n")[0][:80]
    return Diagnostic(code="tool-added", line=max(step.at.line, 1), column=1, text=text, message=message, hint=hint)


def was_approved(run: Run) -> bool:
    """Whether a person has approved effects of the run: at an `approve`, in front (`--yes`), or where a policy asked."""
    asked = (a for name, a in run.answers.items() if run.questions[name].kind in ("approve", "flow") and not a.refused)
    return any(a.answer not in (False, None, []) for a in asked) or any(
        call.finished is not None and call.finished.reason == APPROVED_AHEAD for call in run.calls.values()
    )
