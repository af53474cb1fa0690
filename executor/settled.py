"""Settled: what a call of a revised plan finds done already by an equal call of the run, so that it is not made again. Pure.

    an equal call of a step that is gone   has given its value ─► taken over, once; a read only if nothing acted since
                                           may have acted      ─► its claim is taken over, and reconciled as after a crash
    an equal effect of a step that stays   ─► its value is taken over, however often

`again=True` makes the call all the same. Calls of one and the same revision are counted apart, as in any script.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from executor.call_state import MAYBE, Address, CallState
from executor.events import CallFinished, CallStarted, Event
from executor.frame import Frame, Start
from executor.revision import result_kind
from executor.run import Run
from executor.started import shown_arguments
from planner.program import MODEL_KINDS, TOOL_KINDS, Step

_NOT_ITS_OWN = frozenset(("otherwise", "default"))  # how a call finished whose value is the script's
_REASON = "an equal call was made before the plan was revised"


def taken_over(start: Start, frame: Frame, run: Run, held: Collection[Address]) -> tuple[Address, list[Event]] | None:
    """The equal call and the events by which this one takes it over; None for a call that is to be made.

    There are no events while a step that stays makes the equal call. `held` are calls that others take over at the same time.
    """
    step = start.step
    if step.id not in frame.fresh or step.options.again or run.call(*start.address).started is not None:
        return None
    if step.kind not in MODEL_KINDS and (step.kind not in TOOL_KINDS or step.kind == "poll"):
        return None
    name = step.tool or step.kind
    for origin in run.made.get(run.same_call(name, shown_arguments(start.bound.shown())), ()):
        if origin[0] in frame.fresh or origin in held or origin in run.taken:
            continue
        call = run.call(*origin)
        events = list(_taken(start, origin, call, frame, run))
        if events or (call.uncertain and origin[0] not in run.dropped):
            return origin, events
    return None


def _taken(start: Start, origin: Address, call: CallState, frame: Frame, run: Run) -> Iterator[Event]:
    gone, acts = run.dropped.get(origin[0]), _acts(start.step, frame)
    assert call.started is not None
    if _may_have_acted(call) and (gone is not None or not call.open):
        yield call.started.model_copy(update={"step": start.step.id, "item": start.item, "of": origin})
    elif call.finished is not None and call.finished.how not in _NOT_ITS_OWN:
        serves = acts if gone is None else gone == result_kind(start.step) and (acts or _still_so(call, run))
        if serves:
            yield _begun(start, call.started, None if gone is None else origin)
            yield _ended(start, call.finished)


def _acts(step: Step, frame: Frame) -> bool:
    return bool(step.tool) and frame.tools[step.tool].has_effect


def _may_have_acted(call: CallState) -> bool:
    """Whether it was claimed, and nobody knows whether it took effect."""
    if call.started is None or not call.started.claim:
        return False
    if call.finished is not None:
        return call.finished.how == "otherwise" and call.finished.reason.partition(":")[0] in MAYBE
    return call.open or (call.failed is not None and call.failed.kind in MAYBE)


def _still_so(call: CallState, run: Run) -> bool:
    """Whether what a read has given was given after the last effect in its namespace."""
    assert call.started is not None
    last = run.acted.get(call.started.call.partition(".")[0])
    return last is None or (call.started_at is not None and last < call.started_at)


def _begun(start: Start, before: CallStarted, of: Address | None) -> CallStarted:
    return CallStarted(
        step=start.step.id, item=start.item, call=before.call, model=before.model, arguments=before.arguments, of=of
    )  # fmt: skip


def _ended(start: Start, before: CallFinished) -> CallFinished:
    return CallFinished(
        step=start.step.id, item=start.item, value=before.value, artifact=before.artifact, labels=before.labels, how="settled",
        reason=_REASON, artifacts=before.artifacts,
    )  # fmt: skip
