"""Starting: the event by which a call of a run begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from executor.claim import claim_s
from executor.events import CallStarted
from executor.frame import Start
from executor.run import Run
from executor.started import call_key, shown_arguments
from planner.models import Models
from planner.program import TOOL_KINDS
from planner.toolspec import ToolSpec


def started(run: Run, start: Start, tools: Mapping[str, ToolSpec], models: Models, now: datetime) -> CallStarted:
    """The event of a call's start, with its key: the one it had before, if it was started before."""
    step, before = start.step, run.call(*start.address).started
    arguments = shown_arguments(start.bound.shown())
    if step.kind not in TOOL_KINDS:
        role = models.of(step)
        model = "" if role is None else role.terms.model
        return CallStarted(step=step.id, item=start.item, call=step.kind, model=model, arguments=arguments)
    spec = tools[step.tool]
    ordinal = run.ordinals.get(run.same_call(step.tool, arguments), 0)
    key = before.key if before is not None and before.key else call_key(run.id, step.tool, arguments, ordinal)
    deadline = now + timedelta(seconds=claim_s(step, spec)) if spec.has_effect else None
    return CallStarted(
        step=step.id, item=start.item, call=step.tool, key=key, arguments=arguments, claim=spec.has_effect, deadline=deadline
    )  # fmt: skip
