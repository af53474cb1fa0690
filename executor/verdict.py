"""Verdict: what a run that has ended says of its plan: that it can be kept, that it cannot be trusted, or nothing.

A run went well if it is done and nothing happened that its plan had not foreseen: no surprise, no replan, no `otherwise` taken,
no answer below its floor, no ceiling, no resume; its script is what the planner's model had written from the goal alone, or a
kept plan. A script that had to be repaired is as good as another. Pure.
"""

from __future__ import annotations

from executor.compiled import Scripts
from executor.events import PlanDoubted, PlanProposed, PlanVerified
from executor.run import Run
from executor.submission import Submission
from executor.writer import hand_of
from planner.errors import CompileError, PlanRefused
from planner.generalise import template_of
from planner.template import Owner, Template
from planner.toolspec import Json

_FROM_THE_GOAL = frozenset(("write", "repair", "route"))  # purposes of the planner's calls that have seen the goal alone


def owner_of(submission: Submission) -> Owner:
    """Whose kept plans a submission may take, and adds to."""
    return Owner(principal=submission.principal.id, kind=submission.principal.kind)


def well(run: Run, scripts: Scripts) -> PlanVerified | None:
    """What a run that is done says for its plan."""
    origin = run.origin
    if origin is None or not run.smooth or run.certified is None or run.certified.revision > 1 or _gave_way(run):
        return None
    if origin.source == "template":
        return PlanVerified(plan=origin.template, values=origin.params)
    made = _made(run, origin, scripts)
    if made is None:
        return None
    template, values = made
    tokens = sum(call.usage.tokens for call in run.planner_calls)
    return PlanVerified(plan=template.id, values=values, template=template, tokens=tokens)


def ill(run: Run, scripts: Scripts) -> PlanDoubted | None:
    """What a run that did not go as its plan said has against that plan."""
    if not run.blame or run.forked is not None or run.origin is None:
        return None
    if run.template:
        return PlanDoubted(plan=run.template, reason=f"{run.id}: {run.blame}")
    made = _made(run, run.origin, scripts)
    return None if made is None else PlanDoubted(plan=made[0].id, reason=f"{run.id}: {run.blame}")


def _gave_way(run: Run) -> bool:
    return any(c.finished is not None and c.finished.how == "otherwise" for c in run.calls.values())


def _made(run: Run, origin: PlanProposed, scripts: Scripts) -> tuple[Template, dict[str, Json]] | None:
    """The template that the run's goal and its script make; one without slots where those would make another plan of it."""
    certified, submission, hand = run.certified, run.submission, hand_of(run)
    if origin.source != "planner" or submission.probes or {call.purpose for call in run.planner_calls} - _FROM_THE_GOAL:
        return None  # it may have looked around before it wrote
    if certified is None or submission.probes or run.earlier or hand.foreign.data or origin.script != certified.script:
        return None
    proved = certified.certificate
    for slots in (True, False):
        made = template_of(
            submission.goal, certified.script, scripts.tools,
            owner=owner_of(submission), used=proved.tools, policy=proved.policy, slots=slots,
        )  # fmt: skip
        if made is None or not made[0].slots:
            return made
        try:
            again = scripts.certified(made[0].script, made[1], run.budget, hand)
        except (CompileError, PlanRefused):
            continue
        if (again.tools, again.policy, again.worst_case, again.bounds) == (
            proved.tools, proved.policy, proved.worst_case, proved.bounds,
        ):  # fmt: skip
            return made
    return None
