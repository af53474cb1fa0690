"""Forking: what a fork submits, and the events that it begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from executor.earlier import read_by
from executor.errors import NotForkable
from executor.events import Event, PlanProposed, Recorded, RunSubmitted
from executor.fingerprint import fingerprint_of
from executor.fork import first_events, steps_named
from executor.planning import Planning
from executor.run import Run, fold
from executor.submission import ForkOf, Principal, Submission
from executor.values import LoadValue
from planner.budget import Budget
from planner.compiler import compile_script
from planner.program import Program
from planner.traceparent import Traceparent, span_of, trace_of, traceparent_of


@dataclass(frozen=True)
class ForkWish:
    """From which step on a run is to go on differently: by an id, a name that it binds, or a line of the fork's script."""

    step: str
    script: str | None = None  # None: the other run's
    budget: Budget | None = None  # None: the other run's
    preapproved: bool = False


def forked(
    original: Run, principal: Principal, wish: ForkWish, planning: Planning, load: LoadValue, at: datetime
) -> tuple[Submission, list[Event], str]:
    """The fork's submission, its first events and which tools it needs; raises NotForkable, CompileError and PlanRefused."""
    before = original.certified
    if before is None:
        raise NotForkable(f"The run {original.id} has no plan yet.", hint=f"planrail follow {original.id} waits for it.")
    script = before.script if wish.script is None else wish.script
    ids = before.ids if wish.script is None else ()
    program, _ = compile_script(script, planning.tools, parameters=frozenset(before.params), ids=ids)
    step = _named(program, wish.step.strip())
    submission = Submission(
        goal=original.submission.goal, script=script, params=before.params, budget=wish.budget or original.budget,
        preapproved=wish.preapproved, principal=principal,
        forked_from=ForkOf(run=original.id, step=step), links_to=str(_last_stretch(original)),
    )  # fmt: skip
    read = [*original.earlier, *([read_by(original)] if original.submission.probes else ())]
    begun: list[Event] = [RunSubmitted(submission=submission, now=at), *read]
    fork = fold(Run(""), [Recorded(seq=n, at=at, event=event) for n, event in enumerate(begun, 1)])
    proposed = PlanProposed(script=script, source="script", params=before.params)
    if wish.script is None and original.origin is not None:
        proposed = original.origin.model_copy(update={"revision": 1, "ids": before.ids, "dropped": {}})
    certified = planning.certified(proposed, fork)
    events = first_events(original, fork, proposed, certified, step=step, tools=planning.tools, load=load, at=at)
    return submission, [*read, *events], fingerprint_of(certified.certificate.tools)


def _last_stretch(run: Run) -> Traceparent:
    """The span of the run's last owner."""
    caller = traceparent_of(run.submission.traceparent)
    return Traceparent(trace_of(run.id) if caller is None else caller.trace, span_of(run.id, run.epoch))


def _named(program: Program, name: str) -> str:
    """The name as the journal keeps it; raises NotForkable for one that names no step."""
    first = steps_named(program, name)[0]
    return name if name == first.id or name in first.to else f"line {first.at.line}"
