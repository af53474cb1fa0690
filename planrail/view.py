"""View: a run as people see it. Pure: translated from the folded run, its program and what is known of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from executor.call_state import CallState
from executor.early_reads import AHEAD
from executor.errors import UnknownArtifact
from executor.events import CallFinished, CeilingReached, ConfidenceFell, GoalRouted, PlanCertified, Question, RunStatus
from executor.inner import inner_of
from executor.opening import values_of
from executor.run import Run, is_over
from executor.session import SessionUse
from executor.submission import ForkOf
from executor.values import Done, Failed, Skipped, Values
from planner.certificate import Certificate
from planner.compiler import compile_script
from planner.diagnostic import Diagnostic
from planner.errors import CompileError, ExpressionError
from planner.program import Program, Step
from planner.toolspec import Json, ToolSpec
from planner.usage import NO_USAGE, Usage
from planner.worst import Terms
from planrail.history import (
    CeilingUse,
    Looked,
    PlannerUse,
    RevisionView,
    Said,
    ceiling_uses,
    looked,
    planner_uses,
    revisions,
    said,
)
from planrail.inner_view import InnerView, inner_views
from planrail.react import ReactEstimate, react_estimate
from planrail.timeline import timeline

StepState = Literal["waiting", "running", "asking", "done", "failed", "skipped"]
MARKS: Mapping[StepState, str] = {
    "waiting": "·", "running": "…", "asking": "?", "done": "✓", "failed": "✗", "skipped": "–",
}  # fmt: skip


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StepView(_View):
    """A step: `done` of `of` items, where it is a map whose size is known. `seconds` from its first start to its last end."""

    id: str
    kind: str
    call: str  # the tool, or the word of the step
    line: int
    source: str = ""
    guards: tuple[str, ...] = ()
    state: StepState = "waiting"
    map: bool = False
    done: int = 0
    of: int | None = None
    failed: int = 0
    calls: int = 0  # tool calls, retries and what a `do` called included
    retries: int = 0
    retried: str = ""  # why, for the first of them
    held: str = ""  # what its calls wait for before they are made, if some stand in line
    adopted: int = 0  # items taken over from another run, or from the plan before it was revised; nothing was called
    early: int = 0  # items that were read while the plan was still being written
    instead: int = 0  # items whose value is the script's `otherwise` or default
    note: str = ""  # why, for the first of them
    unsure: int = 0  # items whose answer does not count: below its floor, invalid or refused
    sure: float | None = None  # the least that the model was sure of an item, where it was asked
    due: datetime | None = None  # what a `wait`, or a `poll` between two calls, waits for
    seconds: float = 0.0
    spans: tuple[tuple[float, float], ...] = ()  # when its calls were in flight, on the run's timeline
    usage: Usage = NO_USAGE
    inner: tuple[InnerView, ...] = ()  # of a `do`: its model's turns and their calls

    @property
    def mark(self) -> str:
        return MARKS[self.state]


class SurpriseView(_View):
    """Where it hurt, with the arguments that the call was bound to."""

    step: str
    item: str = ""
    line: int = 0
    kind: str
    message: str
    arguments: Json = None


class ModelCost(_View):
    """What one model took; `model` is "" for tools that cost something."""

    model: str
    usage: Usage


class Cost(_View):
    """What the run took, and what ReAct would have (only once the run is over)."""

    usage: Usage = NO_USAGE
    tool_calls: int = 0
    early: int = 0  # of them, reads that were made while the plan was still being written
    unused: int = 0  # of these, those that no call of the plan has taken
    by_model: tuple[ModelCost, ...] = ()
    react: ReactEstimate | None = None


class RunView(_View):
    """Everything that a person is shown of a run."""

    id: str
    goal: str
    forked_from: ForkOf | None = None
    status: RunStatus
    seq: int
    routed: GoalRouted | None = None  # who takes the goal, where that was decided
    plan_source: str = ""  # planner, script, plan, playbook, fallback, template
    playbook: str = ""
    template: str = ""  # the id of the kept plan that it is, and in how many runs that went well before
    template_runs: int = 0
    params: Mapping[str, Json] = Field(default_factory=dict)
    script: str = ""
    certificate: Certificate | None = None
    refusals: tuple[Diagnostic, ...] = ()  # of the last plan that was refused, while there is no other
    steps: tuple[StepView, ...] = ()
    questions: tuple[Question, ...] = ()  # the open ones
    reminders: Mapping[str, int] = Field(default_factory=dict)  # of the open ones: question → how often it was reminded of
    wake_at: datetime | None = None  # of a waiting run: when the clock wakes it
    surprises: tuple[SurpriseView, ...] = ()
    ceilings: tuple[CeilingReached, ...] = ()
    confidence: tuple[ConfidenceFell, ...] = ()  # answers that do not count
    planner: tuple[PlannerUse, ...] = ()  # what the planner was asked
    looked: Looked = Looked()  # what it looked up before it wrote the plan
    revisions: tuple[RevisionView, ...] = ()  # the plans that it has had, the last one last
    said: tuple[Said, ...] = ()  # what people answered, refused, or let pass
    ceiling_use: tuple[CeilingUse, ...] = ()  # the nearest first
    busy_s: float = 0.0  # the length of the timeline: the time in which calls were in flight
    answer: Json = None
    reason: str = ""
    hint: str = ""
    broken: bool = False  # Planrail itself failed, and not the run
    cost: Cost = Cost()
    session: str | None = None
    session_use: SessionUse | None = None  # as it is now, with the runs of the session that are not this one
    seconds: float = 0.0
    started_at: datetime | None = None
    ended_at: datetime | None = None


Load = Callable[[CallFinished], Json]


class Viewer:
    """Views of one run as it grows; keeps what it has worked out. After a RunResumed event a new Viewer is needed."""

    def __init__(self, run: Run, tools: Mapping[str, ToolSpec], terms: Terms, load: Load) -> None:
        self._run = run
        self._tools = tools
        self._terms = terms
        self._load = load
        self._program: Program | None = None
        self._values: Values | None = None
        self._of: PlanCertified | None = None  # which plan they are of

    def view(self) -> RunView:
        """The run as it is now."""
        run, over = self._run, is_over(self._run.status)
        self._compile()
        refused = run.refusals[-1] if run.refusals and run.certified is None else None
        origin = run.proposed or run.origin or (refused[0] if refused else None)
        ended = run.ended
        steps, busy = self._timed()
        return RunView(
            id=run.id, goal=run.submission.goal, forked_from=run.submission.forked_from, status=run.status, seq=run.seq,
            routed=run.routed, plan_source=origin.source if origin else "", playbook=origin.playbook if origin else "",
            template=origin.template if origin else "", template_runs=origin.runs if origin else 0,
            params=origin.params if origin else {},
            script=run.certified.script if run.certified else origin.script if origin else "",
            certificate=run.certified.certificate if run.certified else None,
            refusals=refused[1].diagnostics if refused else (),
            steps=steps, questions=tuple(run.open_questions) if not over else (),
            reminders={q.id: run.reminders[q.id] for q in run.open_questions if q.id in run.reminders and not over},
            wake_at=run.wake_at,
            surprises=tuple(self._surprises()), ceilings=tuple(run.ceilings),
            confidence=tuple(run.fell), planner=planner_uses(run), looked=looked(run), revisions=revisions(run),
            said=said(run), ceiling_use=ceiling_uses(run), busy_s=busy,
            answer=ended.answer if ended else None, reason=ended.reason if ended else "", hint=ended.hint if ended else "",
            broken=ended is not None and ended.broken,
            session=run.submission.session,
            cost=self._cost(with_react=over), seconds=round(run.seconds, 3), started_at=run.started_at, ended_at=run.ended_at,
        )  # fmt: skip

    def _compile(self) -> None:
        certified = self._run.certified
        if certified is None or certified is self._of or self._run.now is None:
            return
        self._of = certified  # a revision is compiled anew
        try:
            parameters = frozenset(certified.params)
            self._program, _ = compile_script(certified.script, self._tools, parameters=parameters, ids=certified.ids)
        except CompileError:  # its tools are not here any more: the calls still tell
            return
        self._values = values_of(self._run, certified, self._program, self._load)

    # -- steps

    def _timed(self) -> tuple[tuple[StepView, ...], float]:
        """The steps with their places on the timeline, and its length."""
        spans, length = timeline(_in_flight(self._run))
        steps = (s.model_copy(update={"spans": spans.get(s.id, ())}) for s in self._steps())
        return tuple(steps), round(length, 6)

    def _steps(self) -> tuple[StepView, ...]:
        calls: dict[str, list[CallState]] = {}
        for (step, _), call in self._run.calls.items():
            calls.setdefault(step, []).append(call)
        if self._program is None:
            return tuple(_uncompiled(step, found) for step, found in calls.items())
        return tuple(self._step(s, calls.get(s.id, [])) for s in self._program.steps)

    def _step(self, step: Step, calls: list[CallState]) -> StepView:
        guards = tuple(("if " if g.when else "unless ") + g.test.text for g in step.guards)
        base = StepView(
            id=step.id, kind=step.kind, call=step.tool or step.kind, line=max(step.at.line, 1), source=step.source,
            guards=guards, state=self._state(step, calls), map=step.is_map, of=self._size(step), due=self._due(step),
            calls=self._run.calls_of.get(step.id, 0), inner=inner_views(self._run.calls, step.id) if step.kind == "do" else (),
        )  # fmt: skip
        fell = [f for f in self._run.fell if f.step == step.id]
        sure = [c.finished.sure for c in calls if c.finished is not None and c.finished.sure is not None]
        sure += [f.value for f in fell if f.measure == "sure"]
        base = base.model_copy(update={"unsure": len({f.item for f in fell}), "sure": min(sure, default=None)})
        return _counted(base, calls)

    def _due(self, step: Step) -> datetime | None:
        """The time that is set and has not brought its call or its end."""
        ends = self._run.call(step.id)
        if is_over(self._run.status) or ends.finished is not None or ends.failed is not None:
            return None
        timers = [t for address, t in self._run.timers.items() if t.step == step.id and address not in self._run.calls]
        return max((t.due for t in timers if t.item or step.kind == "wait"), default=None)

    def _state(self, step: Step, calls: list[CallState]) -> StepState:
        if any(s.step == step.id for s in self._run.surprises):
            return "failed"
        if any(step.id in q.steps for q in self._run.open_questions):
            return "asking"
        match self._outcome(step):
            case Done():
                return "done"
            case Skipped():
                return "skipped"
            case Failed():
                return "failed"
            case _:
                begun = bool(calls) or (step.id, "") in self._run.timers
                return "running" if begun and not is_over(self._run.status) else "waiting"

    def _outcome(self, step: Step) -> object:
        assert self._values is not None
        try:
            return self._values.outcome(step.id)
        except UnknownArtifact:
            return None

    def _size(self, step: Step) -> int | None:
        """How many calls a map makes, as far as that is known: its slots without those that a filter took out."""
        if not step.is_map or self._values is None:
            return None
        try:
            size = self._values.size(step.id)
            if size is None:
                return None
            for index in range(size):
                self._values.slot(step.id, index)
            return self._values.present(step.id)
        except (ExpressionError, UnknownArtifact):
            return None

    # -- the rest

    def _surprises(self) -> list[SurpriseView]:
        found: list[SurpriseView] = []
        for s in self._run.surprises:
            started = self._run.call(s.step, s.item).started
            line = next((p.at.line for p in self._program.steps if p.id == s.step), 0) if self._program else 0
            arguments = None if started is None else started.arguments
            found.append(SurpriseView(step=s.step, item=s.item, line=line, kind=s.kind, message=s.message, arguments=arguments))
        return found

    def _cost(self, *, with_react: bool) -> Cost:
        by_model: dict[str, Usage] = {}
        counted = NO_USAGE
        for model, usage in self._usages():
            by_model[model] = by_model.get(model, NO_USAGE) + usage
            counted += usage
        listed = tuple(ModelCost(model=m, usage=u) for m, u in by_model.items() if u.model_calls or u.usd)
        asked = with_react and self._run.calls and self._run.submission.mode != "react"
        react = react_estimate(self._run, self._tools, self._terms.planner) if asked else None
        return Cost(usage=self._run.usage, tool_calls=self._run.tool_calls, by_model=listed, react=react, **self._early())

    def _early(self) -> dict[str, int]:
        made = [item for step, item in self._run.calls if step == AHEAD]
        return {"early": len(made), "unused": len(set(made) - self._run.early.taken.keys())}

    def _usages(self) -> list[tuple[str, Usage]]:
        """What was used up, by the model that took it; calls that a resume has forgotten are in the run's usage alone."""
        found = [(call.model, call.usage) for call in self._run.planner_calls]
        for call in self._run.calls.values():
            model = "" if call.started is None else call.started.model
            ends = (*call.retries, *(e for e in (call.finished, call.failed) if e is not None))
            found += [(model if e.usage.model_calls else "", e.usage) for e in ends]
        return found


def _in_flight(run: Run) -> Iterator[tuple[str, datetime, datetime]]:
    """When each call of the plan was in flight; one that takes what was read ahead, when that was read."""
    now = max((c.ended_at or c.started_at for c in run.calls.values() if c.started_at is not None), default=None)
    for (step, _), call in run.calls.items():
        made = run.call(AHEAD, call.started.ahead) if call.started is not None and call.started.ahead else call
        if not step.startswith("$") and made.began_at is not None:
            yield step, made.began_at, made.ended_at or now or made.began_at


def _uncompiled(step: str, calls: list[CallState]) -> StepView:
    """A step of a script that does not compile here: what its calls alone tell."""
    call = next((c.started.call for c in calls if c.started is not None), "")
    failed, opened = any(c.failed for c in calls), any(c.open for c in calls)
    state: StepState = "failed" if failed else "running" if opened else "done"
    return _counted(StepView(id=step, kind="tool", call=call, line=0, state=state, map=len(calls) > 1), calls)


def _counted(step: StepView, calls: list[CallState]) -> StepView:
    ends = [e for c in calls for e in (c.finished, c.failed) if e is not None]
    instead = [c.finished for c in calls if c.finished is not None and c.finished.how in ("otherwise", "default")]
    starts = [c.began_at for c in calls if c.began_at is not None]
    stops = [c.ended_at for c in calls if c.ended_at is not None]
    retried = [r for c in calls for r in c.retries]
    return step.model_copy(
        update={
            "done": sum(1 for c in calls if c.finished is not None and inner_of(c.finished.item) is None),
            "failed": sum(1 for c in calls if c.failed is not None),
            "retries": len(retried),
            "retried": retried[0].reason if retried else "",
            "held": next((c.held for c in calls if c.open and c.held), ""),
            "early": sum(1 for c in calls if c.started is not None and c.started.ahead and not c.open),
            "adopted": sum(1 for c in calls if c.finished is not None and c.finished.how in ("fork", "settled")),
            "instead": len(instead),
            "note": instead[0].reason if instead else "",
            "seconds": round(max((max(stops) - min(starts)).total_seconds(), 0.0), 3) if starts and stops else 0.0,
            "usage": sum((e.usage for e in (*ends, *retried)), NO_USAGE),
        }
    )
