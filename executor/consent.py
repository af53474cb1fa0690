"""Consent: whether a policy lets a call pass, refuses it, or wants a person to say so first. Pure.

    call is ready ─► wants ─┬─ none, or the call was begun before ─► it starts
                            ├─ the rule is deny ────────────────────► it fails, "refused"
                            ├─ an approval showed this very call ───► it starts
                            ├─ a person has said so of each ────────► it starts, or fails, "refused"
                            └─ else ────────────────────────────────► asked, with all else, when nothing else can go on

A call is not asked for twice: neither its retries, nor after a crash, nor what a resumed run or a fork takes over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from executor.events import CallFailed, CallFinished
from executor.frame import Frame, Start, instead
from executor.run import Run, Said, approved_call
from executor.started import shown_arguments
from executor.want import Want
from planner.closed import open_label
from planner.contract import contract
from planner.expression import to_json
from planner.flow import person_labels
from planner.labels import Label, Origin, Tagged
from planner.misfit import BadSchema, misfit
from planner.program import TOOL_KINDS, Step
from planner.shape import ANYTHING, Shape
from planner.toolspec import Json, ToolSpec


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call that is ready: it is made, unless one of these says otherwise."""

    refused: str = ""  # why it is not made
    by: str = ""  # the person who refused; "" for the policy
    wanted: tuple[Want, ...] = ()  # what a person has to say first


PASSES = Verdict()


def verdict(start: Start, frame: Frame, run: Run) -> Verdict:
    """What becomes of a call that is ready."""
    step = start.step
    if frame.policy is None or step.kind not in TOOL_KINDS or _begun(start, run):
        return PASSES
    found = wants(start, frame)
    if not found:
        return PASSES
    if frame.policy.rule(step.tool) == "deny":
        return Verdict(refused=f"The policy refuses it: {'; '.join(told(w) for w in found)}.")
    if run.approved and approved_call(run, step.id, start.item, step.tool, start.bound.shown()) in run.approved:
        return PASSES
    return _answered(found, run)


def _answered(found: tuple[Want, ...], run: Run) -> Verdict:
    """What people have said so far of what is wanted."""
    wanted: list[Want] = []
    for want in found:
        said = said_of(want, run)
        if said is None:
            wanted.append(want)
        elif not said.allowed:
            who = f"{said.by} did not allow it" if said.by else "Nobody allowed it in time"
            return Verdict(refused=f"{who}: {told(want)}.", by=said.by)
    return Verdict(wanted=tuple(wanted))


def said_of(want: Want, run: Run) -> Said | None:
    """What a person has said of exactly this; None where nobody has."""
    return next((run.consents[b] for b in want.bindings if b in run.consents), None)


def _begun(start: Start, run: Run) -> bool:
    """Whether this very call was started before."""
    started = run.call(*start.address).started
    return started is not None and started.arguments == shown_arguments(start.bound.shown())


# -- what is wanted


def wants(start: Start, frame: Frame) -> tuple[Want, ...]:
    """What of the call a policy wants asked, or refuses: one for the call itself, else one for each sink."""
    step, policy = start.step, frame.policy
    spec = frame.tools.get(step.tool)
    if policy is None or spec is None or policy.rule(step.tool) == "allow":
        return ()
    deciding = _deciding(start, frame, spec, strict=policy.strict)
    if deciding:
        return (Want(step, start.item, "", start.bound.shown(), deciding, "control"),)
    return tuple(_of_sinks(start, frame, spec))


def _deciding(start: Start, frame: Frame, spec: ToolSpec, *, strict: bool) -> tuple[str, ...]:
    """Who decides that this effect happens, where that is asked: a model that has read strangers; in strict mode, any."""
    if not spec.has_effect:
        return ()
    decided = start.decided_by.data | (start.decided_by.choice if strict else frozenset())
    found = set(_untrusted(decided))
    return tuple(sorted(found.union(frame.controls.get(start.step.id, ()))))


def _of_sinks(start: Start, frame: Frame, spec: ToolSpec) -> Iterator[Want]:
    bound = start.bound
    for argument in spec.sinks(bound.tagged):
        want = want_of(start.step, argument, bound.tagged[argument], frame, item=start.item)
        if want is not None:
            yield want


def want_of(step: Step, argument: str, given: Tagged, frame: Frame, *, item: str = "") -> Want | None:
    """What of the value at a sink is asked; None where it is trusted, of a closed type, or null, which says nothing."""
    value = to_json(given.value)
    if value is None:
        return None
    whole = given.labels.whole()
    if not (whole.untrusted or whole.chosen_by_untrusted):
        return None
    properties: Mapping[str, Shape] = contract(frame.tools[step.tool]).input.get("properties", {})
    label = open_label(given.labels, _kept(properties.get(argument, ANYTHING), value))
    if label.untrusted:
        return Want(step, item, argument, value, _untrusted(label.data))
    if label.chosen_by_untrusted and frame.policy is not None and frame.policy.strict:
        return Want(step, item, argument, value, _untrusted(label.choice), "choice")
    return None


def _kept(shape: Shape, value: Json) -> Shape:
    """The declared type where the value is of it: a server may declare a number and take a text."""
    try:
        return ANYTHING if misfit(value, shape) else shape
    except BadSchema:
        return ANYTHING


def _untrusted(origins: Iterable[Origin]) -> tuple[str, ...]:
    return tuple(sorted(o.source for o in origins if not o.trusted))


# -- what comes of it


def refusal(start: Start, judged: Verdict) -> CallFinished | CallFailed:
    """How a call ends that is not made: with its `otherwise`, if it has one."""
    decided: Label = person_labels().whole() if judged.by else start.bound.label
    if start.otherwise is not None and start.step.kind != "attempt":
        reason = f"refused: {judged.refused}"
        return instead(start.step.id, start.item, start.otherwise, reason, decided)
    return CallFailed(step=start.step.id, item=start.item, kind="refused", message=judged.refused)


def told(want: Want) -> str:
    """What is wanted, in words."""
    origins = ", ".join(want.origins)
    if not want.argument:
        return f"that {want.step.tool} is called is decided by {origins}"
    how = "is chosen by" if want.kind == "choice" else "is from"
    return f"`{want.argument}` of {want.step.tool} {how} {origins}"
