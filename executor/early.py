"""Early: reads that were made while the plan was still being written, and when a call takes the result of one. Pure.

They stand in the journal at an address of their own, so that they belong to no step of a plan that may still be refused. A call
of the plan that runs takes the result of an equal one (tool and bound arguments) instead of being made, each result once.
What was known of the world before the plan began must not stand for what is known later: a call that comes after an effect, a
person or a timer is always made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from executor.call_state import CEILING
from executor.early_reads import AHEAD
from executor.events import CallFailed, CallFinished, CallStarted
from executor.frame import Start, instead
from executor.gate import UNAVAILABLE
from executor.run import Run
from executor.started import call_key, shown_arguments
from planner.flow import result_labels
from planner.program import Step
from planner.secret import secret_name
from planner.toolspec import ToolSpec

_KINDS = frozenset(("tool", "attempt"))  # steps whose call is one call of a tool
_WORTH_ANOTHER = frozenset(("transient", "timeout", UNAVAILABLE, CEILING))  # kinds of failures that may be gone by now


def may_be_early(step: Step, tools: Mapping[str, ToolSpec]) -> bool:
    """Whether the step's calls do nothing, cost nothing, and are seen by nobody outside."""
    if step.kind not in _KINDS or any(secret_name(a) is not None for a in step.arguments.values()):
        return False
    spec = tools[step.tool]
    return not spec.has_effect and not spec.open_world and spec.usd == 0


def early_start(run: Run, start: Start) -> CallStarted:
    """The event by which a read begins that is made before there is a plan."""
    arguments, tool = shown_arguments(start.bound.shown()), start.step.tool
    key = call_key(run.id, tool, arguments, run.ordinals.get(run.same_call(tool, arguments), 0))
    return CallStarted(step=AHEAD, item=start.item, call=tool, key=key, arguments=arguments)


def early_of(run: Run, start: Start, used: Collection[str] = ()) -> str:
    """The early read whose result this call may take; "" if there is none that others have not taken or `used`."""
    if not run.early.known:
        return ""
    for item in run.early.known.get(run.same_call(start.step.tool, shown_arguments(start.bound.shown())), ()):
        ended = end_of(run, item)
        gone = ended is not None and worth_another(ended)
        if item not in used and not gone and run.early.taken.get(item, start.address) == start.address:
            return item
    return ""


def end_of(run: Run, item: str) -> CallFinished | CallFailed | None:
    """How an early read ended; None while it is in flight, or if nobody knows."""
    call = run.call(AHEAD, item)
    return call.finished or call.failed


def worth_another(ended: CallFinished | CallFailed) -> bool:
    """Whether the call failed in a way that may be gone by now: then it is made again."""
    return isinstance(ended, CallFailed) and ended.kind in _WORTH_ANOTHER


def taking(start: Start, item: str) -> CallStarted:
    """The event by which a call begins that takes the result of an early read."""
    arguments = shown_arguments(start.bound.shown())
    return CallStarted(step=start.step.id, item=start.item, call=start.step.tool, arguments=arguments, ahead=item)


def taken(start: Start, ended: CallFinished | CallFailed, spec: ToolSpec) -> CallFinished | CallFailed:
    """What a call gives that takes this result: as if it had been made, but that it took nothing."""
    step, item, label = start.step.id, start.item, start.bound.label
    labels = result_labels(spec, label)
    if isinstance(ended, CallFinished):
        return CallFinished(
            step=step, item=item, value=ended.value, artifact=ended.artifact, labels=labels.to_json(), how="ahead",
            artifacts=ended.artifacts,
        )  # fmt: skip
    missing = start.step.kind == "attempt" and ended.kind == "not_found"
    if start.otherwise is None or (start.step.kind == "attempt" and not missing):
        return CallFailed(step=step, item=item, kind=ended.kind, message=ended.message)
    reason = ended.message if missing else f"{ended.kind}: {ended.message}"
    given = instead(step, item, start.otherwise, reason, labels.whole())
    return given.model_copy(update={"how": "default"}) if missing and isinstance(given, CallFinished) else given
