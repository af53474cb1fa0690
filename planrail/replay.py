"""Replay: a run worked out again from its journal alone, by today's code, tools, models and prices. Pure; nothing is called.

    event by event:  next_moves over what came before ─► what may start, with which arguments; what is decided, and how
                     the event itself                 ─► what did start, what was decided: where they differ is a finding

What may start stays allowed: the journal has the order of writing, which may be a little behind the order of deciding. A step
that hangs on something that differs is not compared, and is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from executor.call_state import Address
from executor.early_reads import AHEAD
from executor.errors import UnknownArtifact
from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    Event,
    PlanCertified,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
    RunEnded,
    RunResumed,
    SegmentStarted,
    StepSkipped,
    Surprised,
)
from executor.frame import Frame, Start
from executor.moves import earliest, next_moves
from executor.opening import answer_of, bound_so_far, frame_of, values_of
from executor.outcomes import Failed, Skipped
from executor.planning import Planning
from executor.recorded_tools import tools_with_stand_ins
from executor.run import Run, fold
from executor.started import call_key, shown_arguments
from executor.values import LoadValue, Values
from executor.writer import PROBE
from planner.errors import CompileError, ExpressionError
from planner.expression import to_json
from planner.prices import Prices
from planner.program import MODEL_KINDS, PERSON_KINDS, Step
from planner.toolspec import Json, digest
from planrail.replay_costs import price_changes
from planrail.replay_plan import replay_plan
from planrail.replay_report import Finding, FindingKind, PriceChange, Replayed

_ALL = 1 << 60  # calls at once: nothing is called
_DECIDED = PERSON_KINDS | {"expect", "answer"}


@dataclass(frozen=True)
class ReplayGround:
    """What today is: tools and models (in `planning`), prices, and how large values are read."""

    planning: Planning
    prices: Prices | None
    load: LoadValue


def replay(run: str, recorded: Sequence[Recorded], ground: ReplayGround) -> Replayed:
    """What today's code would do otherwise; never raises for what a journal holds, however far it goes."""
    failed = {r.event.step for r in recorded if isinstance(r.event, Surprised | CallFailed)}
    walk = _Walk(Run(run), ground, failed)
    for record in recorded:
        walk.event(record)
    return Replayed(
        run=run, status=walk.run.status, events=len(recorded), compared=walk.compared, findings=tuple(walk.findings),
        prices=(*walk.prices, *price_changes(recorded, ground.prices)), uncompared=tuple(walk.uncompared),
    )  # fmt: skip


class _Walk:
    """One walk through a journal, up to the event that is looked at."""

    def __init__(self, run: Run, ground: ReplayGround, failed: set[str]) -> None:
        self.run = run
        self._failed = failed  # steps of which the journal says, at whatever place, that they failed
        self.compared = 0
        self.findings: list[Finding] = []
        self.prices: list[PriceChange] = []
        self.uncompared: dict[str, None] = {}
        self._ground = ground
        self._frame: Frame | None = None
        self._values: Values | None = None
        self._offered: dict[Address, Start] = {}
        self._busy: set[Address] = set()  # offered, and not over yet
        self._decided: dict[Address, Event] = {}
        self._adopted: dict[Address, CallStarted] = {}
        self._questions: dict[str, Question] = {}
        self._surprises: list[tuple[Step, Failed]] = []
        self._looked = -1
        self._at = datetime.min.replace(tzinfo=UTC)  # when the event that is looked at happened
        self._stale = False
        self._told: set[str] = set()  # steps that fail today and had not

    def event(self, record: Recorded) -> None:
        """Compare an event with what today's code makes of all before it; then it counts."""
        event, self._at = record.event, record.at
        if isinstance(event, PlanCertified):
            again = replay_plan(self.run, event, self._ground.planning)
            self.findings += again.findings
            self.prices += again.prices
        elif self._frame is not None:
            try:
                self._compare(event)
            except UnknownArtifact as gone:
                self._find("value", gone.message)
                self._frame = None
        fold(self.run, [record])
        if isinstance(event, CallFinished | CallFailed):
            self._busy.discard((event.step, event.item))
        if isinstance(event, PlanCertified):
            self._open(event)
        elif self._stale or isinstance(event, RunResumed | SegmentStarted):
            self._renew()

    def _open(self, certified: PlanCertified) -> None:
        try:
            tools = tools_with_stand_ins(certified, self._ground.planning.tools)
            self._frame = frame_of(self.run, certified, tools, policy=self._ground.planning.policy)
        except CompileError:
            return  # replay_plan has said so
        self._renew()

    def _renew(self) -> None:
        """Forget what was decided for good: a new segment does, and what differs must not hide what comes after it."""
        self._stale, self._looked = False, -1
        if self._frame is not None and self.run.certified is not None:
            self._frame = replace(self._frame, fan_out=self.run.budget.fan_out)
            self._values = values_of(self.run, self.run.certified, self._frame.program, self._ground.load)
            self._surprises = []

    def _look(self) -> None:
        """Ask what may happen now; what was offered before and is not over is not asked for again."""
        assert self._frame is not None
        assert self._values is not None
        if self._looked == self.run.folded:
            return
        self._looked = self.run.folded
        moves = next_moves(self._frame, self.run, self._values, frozenset(self._busy), _ALL, self._at)
        self._offered |= {s.address: s for s in moves.starts}
        self._busy |= {s.address for s in moves.starts}
        for event in moves.events:
            match event:
                case CallStarted():
                    self._adopted[event.step, event.item] = event
                case CallFinished() | CallFailed():
                    self._decided[event.step, event.item] = event
                case StepSkipped():
                    self._decided[event.step, ""] = event
        self._questions |= {q.id: q for q in (*moves.questions, *moves.approvals)}
        self._surprises = moves.surprises

    # -- one event

    def _compare(self, event: Event) -> None:
        if isinstance(event, CallStarted | CallFinished | CallFailed) and event.step in (AHEAD, PROBE):
            return  # made for a plan that was not there yet
        match event:
            case CallStarted():
                self._started(event)
            case CallFinished() | CallFailed():
                self._ended(event)
            case StepSkipped():
                self._decision(event, event.step, "")
            case QuestionAsked(question=question):
                self._asked(question)
            case QuestionAnswered():
                self._look()  # a refusal ends what may start
            case Surprised():
                self._surprised(event)
            case RunEnded():
                self._over(event)
            case _:
                pass

    def _started(self, event: CallStarted) -> None:
        address = (event.step, event.item)
        step = self._step(event.step)
        if step is None:
            return
        before = self.run.call(*address).started
        if address not in self._offered and address not in self._adopted:
            self._look()
        self.compared += 1
        if before is None and event.key and event.of is None and step.may_call:
            ordinal = self.run.ordinals.get(self.run.same_call(event.call, event.arguments), 0)
            self._same("key", "idempotency key", step, event.item, event.key, call_key(
                self.run.id, event.call, event.arguments, ordinal
            ))  # fmt: skip
        start = self._offered.get(address)
        called = step if start is None else start.step  # a call of a loop is a step of its own
        word = self._adopted[address].call if start is None and address in self._adopted else called.tool or called.kind
        self._same("plan", "what is called", step, event.item, event.call, word)
        if start is not None:
            self._arguments(step, event, shown_arguments(start.bound.shown()))
        elif address in self._adopted:
            self._arguments(step, event, self._adopted[address].arguments)
        elif before is None:
            self._unexpected(step, event.item, "started", event.arguments)
        if step.kind in MODEL_KINDS or event.call == "do":
            self._same("model", "model", step, event.item, event.model, self._ground.planning.terms.of(step).model)

    def _arguments(self, step: Step, event: CallStarted, today: Json) -> None:
        before = event.arguments
        if before is None or digest(before) == digest(today):  # an older build's journal may hold none
            return
        names = sorted({*before, *today}) if "$digest" not in before and "$digest" not in today else []
        for name in names:
            one, other = before.get(name), today.get(name)
            if (name in before) != (name in today) or digest(one) != digest(other):
                self._find("arguments", f"argument {name}", step, event.item, one, other)
        if not names:
            self._find("arguments", "its arguments", step, event.item, before, today)

    def _ended(self, event: CallFinished | CallFailed) -> None:
        step, item = self._step(event.step), event.item
        if step is None:
            return
        started = self.run.call(event.step, item).started
        if isinstance(event, CallFinished) and event.how in ("fork", "ahead", "settled"):
            return  # what was adopted is data, as what was called gave it
        if started is None or step.kind in _DECIDED:
            self._decision(event, event.step, item)
        elif isinstance(event, CallFinished) and event.how in ("otherwise", "default"):
            self._otherwise(step, event)

    def _otherwise(self, step: Step, event: CallFinished) -> None:
        start = self._offered.get((event.step, event.item))
        if start is None or start.otherwise is None or event.artifact is not None:
            return
        try:
            today = to_json(start.otherwise().value)
        except ExpressionError as error:
            today = str(error)
        self._same("binding", event.how, step, event.item, event.value, today)

    def _decision(self, event: CallFinished | CallFailed | StepSkipped, name: str, item: str) -> None:
        """What is decided without a call: expectations, guards, answers, and calls whose arguments have no value."""
        step = self._step(name)
        if step is None:
            return
        if (name, item) not in self._decided:
            self._look()
        self.compared += 1
        today = self._decided.get((name, item))
        if today is None:
            self._unexpected(step, item, _told(event), None)
        elif type(today) is not type(event):
            kind: FindingKind = "guard" if isinstance(today, StepSkipped) or isinstance(event, StepSkipped) else "decision"
            self._find(kind, _what(step), step, item, _told(event), _told(today))
        elif isinstance(event, CallFinished) and isinstance(today, CallFinished) and event.artifact is None:
            kind = "answer" if step.kind == "answer" else "decision"
            self._same(kind, _what(step), step, item, event.value, today.value)
            if event.labels is not None:
                self._same("labels", f"labels of {step.id}", step, item, event.labels, today.labels)

    def _asked(self, question: Question) -> None:
        step = self._step(question.of)
        if step is None or question.kind not in PERSON_KINDS:
            return
        self._look()
        today = self._questions.get(question.id)
        self.compared += 1
        if today is None:
            self._unexpected(step, question.item, "asked", question.text)
        else:
            self._same("question", "question", step, question.item, question.text, today.text)

    def _surprised(self, event: Surprised) -> None:
        self._look()
        self.compared += 1
        then = [event.step, event.item, event.kind, event.message if event.kind == "expect" else ""]
        today: Json = None
        if self._surprises:
            step, failed = earliest(self._surprises)
            today = [step.id, failed.item, failed.kind, failed.message if failed.kind == "expect" else ""]
        if then != today:
            self._find("surprise", "where it fails", self._step(event.step), event.item, event.message, today)

    def _over(self, event: RunEnded) -> None:
        self._look()
        assert self._values is not None
        self.compared += 1
        if event.status == "done":
            self._new_surprises()
        if event.status == "done" and not self.uncompared:
            answer = answer_of(self._values)
            self._same("answer", "answer", None, "", event.answer, to_json(answer.value))
            if event.answer_labels is not None:
                self._same("labels", "labels of the answer", None, "", event.answer_labels, answer.labels.to_json())
        if event.status == "partial" and isinstance(event.answer, dict) and not self.uncompared:
            then, today = event.answer.get("bound", {}), to_json(bound_so_far(self._values))["bound"]
            for name in [n for n in {**then, **today} if digest(then.get(n)) != digest(today.get(n))]:
                self._find("binding", name, None, "", then.get(name), today.get(name))

    # -- findings

    def _step(self, name: str) -> Step | None:
        """The step; None, and a finding, if today's program has none of that name."""
        assert self._frame is not None
        found = next((s for s in self._frame.program.steps if s.id == name), None)
        if found is None and name not in self.uncompared:
            self.uncompared[name] = None
            self._find("plan", f"there is no step {name}", recorded=name)
        return found

    def _same(self, kind: FindingKind, what: str, step: Step | None, item: str, then: Json, today: Json) -> None:
        if digest(then) != digest(today):
            self._find(kind, what, step, item, then, today)

    def _find(
        self, kind: FindingKind, what: str, step: Step | None = None, item: str = "", recorded: Json = None, today: Json = None
    ) -> None:
        line = 0 if step is None else max(step.at.line, 1)
        name = "" if step is None else step.id
        self.findings.append(
            Finding(kind=kind, what=what, step=name, item=item, line=line, recorded=recorded, today=today)
        )  # fmt: skip

    def _new_surprises(self) -> set[str]:
        """The steps that fail today and had not; each is told once."""
        new = [(s, f) for s, f in self._surprises if s.id not in self._failed]
        for step, failed in new:
            if step.id not in self._told:
                self._told.add(step.id)
                what = _what(step) if step.kind == "expect" else "today it fails"
                self._find("surprise", what, step, failed.item, "held" if step.kind == "expect" else None, failed.message)
        return {step.id for step, _ in new}

    def _unexpected(self, step: Step, item: str, then: Json, recorded: Json) -> None:
        """Something happened that would not, at this place, today: say why, unless it hangs on what has been said."""
        assert self._values is not None
        self._stale = True
        new = self._new_surprises()
        if step.id in new:
            return  # the rest is compared by what is recorded
        if new or self._hangs(step):
            self.uncompared[step.id] = None
            return
        outcome = self._values.guard(step)
        decided = self._decided.get((step.id, item))
        if isinstance(outcome, Skipped):
            self._find("guard", "its guard", step, item, then, "skipped")
        elif then == "skipped" and outcome is None:
            self._find("guard", "its guard", step, item, then, "runs")
        elif (step.id, item) in self._values.wanted:
            self._find("question", "today a person is asked first, for what strangers wrote", step, item, then, None)
        elif isinstance(decided, CallFailed | CallFinished):
            self._find("arguments", "its arguments", step, item, recorded, _told(decided))
        else:
            self._find("order", "it would not happen at this place", step, item, then, None)
        self.uncompared[step.id] = None

    def _hangs(self, step: Step) -> bool:
        """Whether the step reads, or waits for, one that could not be compared."""
        assert self._frame is not None
        reads = {d for name in step.reads() for d in self._frame.program.definitions(name)}
        before = reads | set(self._frame.waits[step.id])
        return any(name in self.uncompared for name in before) or any(
            self._hangs(self._frame.program[d]) for d in reads if self._frame.program[d].kind == "let"
        )


def _what(step: Step) -> str:
    return "its guard" if step.kind not in _DECIDED else step.kind


def _told(event: Event) -> Json:
    match event:
        case StepSkipped():
            return "skipped"
        case CallFailed(message=message):
            return f"failed: {message}"
        case CallFinished(value=value):
            return value
        case _:
            return event.type
