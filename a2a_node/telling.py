"""Telling: one run as one client is told of it: the task as it is, then an update for each event that means something to it.

    RunSubmitted ─► Task(SUBMITTED) … SegmentStarted ─► WORKING … CallStarted ─► "Step 2/5: crm.score_lead"
    RunParked ─► INPUT_REQUIRED …  RunEnded ─► artifact `result` ─► COMPLETED

With the extension also the plan, each step's result, and every event by its number. Pure, but for the bytes of large values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from a2a.types.a2a_pb2 import Artifact, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent
from google.protobuf.struct_pb2 import Struct

from a2a_node import told
from a2a_node.extension import URI, metadata
from a2a_node.parts import answer_parts
from a2a_node.steps import PLAN, counted, items_artifact, plan_artifact, step_artifact, step_title
from executor.compiled import Compiled, Ids, Scripts
from executor.errors import UnknownArtifact
from executor.events import (
    CallFailed,
    CallFinished,
    CallRetried,
    CallStarted,
    CeilingReached,
    ConfidenceFell,
    GoalRouted,
    PlanCertified,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
    RunEnded,
    RunParked,
    RunResumed,
    SegmentStarted,
    StepSkipped,
    Surprised,
)
from executor.inner import inner_of
from executor.opening import values_of
from executor.outcomes import PENDING, Done, Outcome, Pending
from executor.run import Run, fold, is_over
from executor.values import LoadValue, Values
from planner.errors import CompileError
from planner.toolspec import Json

Update = TaskStatusUpdateEvent | TaskArtifactUpdateEvent
RESULT = "result"


@dataclass(frozen=True)
class Ground:
    """What the telling of every run stands on."""

    scripts: Scripts
    load: LoadValue


@dataclass(frozen=True)
class Audience:
    """To whom it is told: whether the extension is active, and which media types are taken (none named: all)."""

    extended: bool = False
    modes: tuple[str, ...] = ()


@dataclass
class Telling:
    """A run that is folded and told. After `task()`, `take` gives what has changed since."""

    run: Run
    ground: Ground
    audience: Audience = Audience()
    at: datetime | None = None
    _state: TaskState = TaskState.TASK_STATE_UNSPECIFIED
    _compiled: Compiled | None = None
    _values: Values | None = None
    _of: PlanCertified | None = None
    _places: dict[str, int] = field(default_factory=dict)  # step → its number among those that do something
    _started: set[str] = field(default_factory=set)
    _chunked: set[str] = field(default_factory=set)  # maps of which items have been told, and not the whole
    _closed: set[str] = field(default_factory=set)  # steps that have been told whole

    @property
    def state(self) -> TaskState:
        """The task's state as the run is now."""
        return told.state_of(self.run, answered=self.run.status == "partial" and self._answer() is not None)

    @property
    def rests(self) -> bool:
        """Whether nothing more comes until somebody does something."""
        return self.state in told.OVER | told.INTERRUPTED

    @property
    def over(self) -> bool:
        """Whether the task has ended."""
        return is_over(self.run.status)

    def fold(self, recorded: list[Recorded]) -> None:
        """Take events that nobody is told of one by one."""
        self.skip(recorded)
        self._started.update(step for (step, _), call in self.run.calls.items() if call.started is not None)
        for step in self._places if self.audience.extended else ():
            if self._is_certain(step):
                self._closed.add(step)
            elif self._items(step):
                self._chunked.add(step)
        self._state = self.state

    def skip(self, recorded: list[Recorded]) -> None:
        """Take events, of which the whole alone is told afterwards."""
        fold(self.run, recorded)
        if recorded:
            self.at = recorded[-1].at
        self._compile()

    def take(self, record: Recorded) -> list[Update]:
        """The updates that an event brings, in order."""
        fold(self.run, [record])
        self.at = record.at
        updates = self._updates(record)
        self._state = self.state
        self._number(updates, record.seq)
        return updates

    # -- the whole

    def task(self, *, artifacts: bool = True) -> Task:
        """The task as it is."""
        run, context = self.run, told.context_of(self.run)
        task = Task(id=run.id, context_id=context, status=self._status(self.state), history=told.history(run))
        if artifacts:
            task.artifacts.extend(self._artifacts())
        about: dict[str, Any] = {}
        if run.status == "partial":
            about |= {"partial": True, "ceiling": run.ceilings[-1].ceiling if run.ceilings else ""}
        if self.audience.extended:
            revision = run.certified.revision if run.certified is not None else None
            about[URI] = {k: str(v) for k, v in (("seq", run.seq), ("revision", revision)) if v is not None}
        about |= self._asked()
        if about:
            task.metadata.update(about)
        return task

    def _status(self, state: TaskState, words: str | None = None) -> Any:
        said = told.words_of(self.run, state) if words is None else words
        message = told.agent_message(self.run, told.context_of(self.run), f"status-{self.run.seq}", said) if said else None
        return told.status(state, self.at, message)

    def _artifacts(self) -> list[Artifact]:
        found: list[Artifact] = []
        if self.audience.extended and self._compiled is not None and self._of is not None:
            program = self._compiled.program
            found.append(plan_artifact(self.run, self._of, program, self._compiled.order, self.run.seq))
            for step in counted(program):
                if self._is_certain(step.id):
                    made = step_artifact(self.run, step.id, self._outcome(step.id), self.run.seq)
                    found += [] if made is None else [made]
                elif items := self._items(step.id):
                    found.append(items_artifact(self.run, step.id, [(e, self._value(e)) for e in items], self.run.seq))
        result = self._result()
        return found if result is None else [*found, result]

    def _result(self) -> Artifact | None:
        """The one artifact of a client that knows nothing else: the answer; of a run at a ceiling, what it has so far."""
        run = self.run
        if run.ended is None or run.status not in ("done", "partial") or (run.status == "partial" and run.certified is None):
            return None
        value = run.ended.answer
        if run.status == "partial":
            answer = self._answer()
            value = value if answer is None else answer.value.value
        value = f"Done: {len(self._places)} steps." if value is None else value
        return Artifact(artifact_id=RESULT, name=RESULT, parts=answer_parts(value, self.audience.modes))

    def _answer(self) -> Done | None:
        """The answer that was given last, of a run that did not come to its end."""
        if self._compiled is None:
            return None
        found = [self._outcome(s.id) for s in self._compiled.program.steps if s.kind == "answer"]
        return next((o for o in reversed(found) if isinstance(o, Done)), None)

    # -- one by one

    def _updates(self, record: Recorded) -> list[Update]:
        match record.event:
            case SegmentStarted() if self._state == TaskState.TASK_STATE_SUBMITTED:
                words = "" if self.run.certified or self.run.submission.script else "Planning"
                return [self._working(words, event="run.started")]
            case GoalRouted(specialist=specialist, how=how, by=by, sure=sure):
                return self._noted("goal.routed", specialist=specialist, how=how, by=by, sure=sure)
            case PlanCertified() as event:
                return self._certified(event, record.seq)
            case CallStarted(step=step, item=item) if inner_of(item) is None:
                return self._begun(step)
            case CallFinished() | CallFailed() as event:
                return self._ended_call(event, record.seq)
            case StepSkipped(step=step):
                return [*self._wholes({step, *self._chunked}, record.seq), *self._noted("step.skipped", stepId=step)]
            case RunParked() | QuestionAsked() | QuestionAnswered() | RunResumed() as event:
                return self._turn(event)
            case CallRetried(step=step, attempt=attempt, reason=reason):
                return self._noted("step.retried", stepId=step, attempt=attempt + 1, reason=reason)
            case Surprised(step=step, kind=kind, message=message):
                return self._noted("surprise", stepId=step, kind=kind, message=message)
            case CeilingReached(ceiling=ceiling, limit=limit):
                return self._noted("ceiling.reached", ceiling=ceiling, limit=limit)
            case ConfidenceFell(step=step, measure=measure, value=value, floor=floor):
                return self._noted("confidence.fell", stepId=step, measure=measure, value=value, floor=floor)
            case RunEnded():
                return self._over(record.seq)
            case _:
                return []

    def _certified(self, event: PlanCertified, seq: int) -> list[Update]:
        self._compile()
        updates: list[Update] = []
        if self.audience.extended and self._compiled is not None:
            plan = plan_artifact(self.run, event, self._compiled.program, self._compiled.order, seq)
            updates.append(self._artifact(plan, append=False, last=True))
        name = "plan.certified" if event.revision == 1 else "plan.revised"
        words = "" if event.revision == 1 else f"The plan is revised: {self._why()}".strip()
        about = {"event": name, "revision": event.revision, "certificateHash": event.certificate.hash}
        if self.audience.extended or words:
            updates.append(self._working(words, **about))
        return updates

    def _why(self) -> str:
        surprised = self.run.revisions[-1].mended if self.run.revisions else ()
        return "; ".join(s.message for s in surprised)[:500]

    def _begun(self, step: str) -> list[Update]:
        self._closed.discard(step)  # it is made again, after the run had ended
        if step in self._started or step not in self._places or self._compiled is None:
            return []
        self._started.add(step)
        words = f"Step {self._places[step]}/{len(self._places)}: {step_title(self._compiled.program[step])}"
        return [self._working(words, event="step.started", stepId=step)]

    def _ended_call(self, event: CallFinished | CallFailed, seq: int) -> list[Update]:
        if not self.audience.extended or event.step not in self._places or inner_of(event.item) is not None:
            return []
        updates: list[Update] = []
        if event.item and self._is_map(event.step):
            chunk = items_artifact(self.run, event.step, [(event, self._value(event))], seq)
            updates.append(self._artifact(chunk, append=event.step in self._chunked, last=False))
            self._chunked.add(event.step)
        return updates + self._wholes({event.step, *self._chunked}, seq)

    def _wholes(self, steps: Iterable[str], seq: int) -> list[Update]:
        """Those of the steps that are over and have not been told so: their artifacts, closed."""
        updates: list[Update] = []
        for step in sorted(steps, key=lambda s: self._places.get(s, 0)) if self.audience.extended else ():
            if step in self._places and step not in self._closed and self._is_certain(step):
                made = step_artifact(self.run, step, self._outcome(step), seq)
                updates += [] if made is None else [self._artifact(made, append=False, last=True)]
                self._chunked.discard(step)
                self._closed.add(step)
        return updates

    def _turn(self, event: RunParked | QuestionAsked | QuestionAnswered | RunResumed) -> list[Update]:
        state = self.state
        if isinstance(event, QuestionAsked):  # a branch still runs; or else it parks next, and says so then
            return self._noted("question.asked", questionId=event.question.id)
        if isinstance(event, RunParked) and not self.run.open_questions:
            return self._noted("run.parked", until=None if event.until is None else event.until.isoformat())
        if isinstance(event, QuestionAnswered) and state == self._state:
            return []
        name = {"run_parked": "run.parked", "question_answered": "question.answered"}.get(event.type, "run.resumed")
        return [self._changed(self._status(state), event=name)]

    def _over(self, seq: int) -> list[Update]:
        updates = self._wholes(self._places, seq)
        result = self._result()
        if result is not None:
            updates.append(self._artifact(result, append=False, last=True))
        ended = self._changed(self._status(self.state), event="run.ended", ended=self.run.status)
        if self.run.status == "partial":
            ended.metadata.update({"partial": True})
        return [*updates, ended]

    def _noted(self, name: str, **about: Json) -> list[Update]:
        """What only the extension tells."""
        return [self._working("", event=name, **about)] if self.audience.extended else []

    def _working(self, words: str, **about: Json) -> TaskStatusUpdateEvent:
        return self._changed(self._status(TaskState.TASK_STATE_WORKING, words), **about)

    def _changed(self, status: Any, **about: Json) -> TaskStatusUpdateEvent:
        update = TaskStatusUpdateEvent(task_id=self.run.id, context_id=told.context_of(self.run), status=status)
        if self.audience.extended:
            update.metadata.CopyFrom(metadata(about))
        asked = self._asked()
        if asked:
            update.metadata.MergeFrom(_struct(asked))
        return update

    def _asked(self) -> dict[str, Any]:
        """The open questions, while there are any: also for a client that knows nothing of the extension."""
        questions = [] if is_over(self.run.status) else self.run.open_questions
        return {"questions": [told.question_told(q) for q in questions]} if questions else {}

    def _artifact(self, artifact: Artifact, *, append: bool, last: bool) -> TaskArtifactUpdateEvent:
        context = told.context_of(self.run)
        return TaskArtifactUpdateEvent(
            task_id=self.run.id, context_id=context, artifact=artifact, append=append, last_chunk=last
        )

    def _number(self, updates: list[Update], seq: int) -> None:
        """Give each update the event's number; the client has the whole event with the one that has no `more`."""
        if not self.audience.extended:
            return
        for number, update in enumerate(updates, 1):
            numbered = metadata({"seq": seq, "more": True if number < len(updates) else None})
            under = update.metadata
            if URI in under.fields:
                under.fields[URI].struct_value.MergeFrom(numbered.fields[URI].struct_value)
            else:
                under.MergeFrom(numbered)

    # -- the program

    def _compile(self) -> None:
        """The program of the plan as it is now; none where its tools are not here any more."""
        certified = self.run.certified
        if certified is None or certified is self._of:
            return
        self._of, self._compiled, self._values = certified, None, None
        try:
            parameters = frozenset(certified.params)
            self._compiled = self.ground.scripts.compiled(certified.script, parameters, Ids(certified.ids))
        except CompileError:
            return
        self._values = values_of(self.run, certified, self._compiled.program, self.ground.load)
        self._places = {s.id: number for number, s in enumerate(counted(self._compiled.program), 1)}

    def _is_map(self, step: str) -> bool:
        return self._compiled is not None and step in self._places and self._compiled.program[step].is_map

    def _items(self, step: str) -> list[CallFinished | CallFailed]:
        """The items of a map that have ended, in the order in which they did."""
        if not self._is_map(step):
            return []
        ended = [self.run.call(step, i) for i in dict.fromkeys(self.run.settled.get(step, ())) if i and inner_of(i) is None]
        return [e for call in ended if (e := call.finished or call.failed) is not None]

    def _is_certain(self, step: str) -> bool:
        """Whether it is known, and told, what has become of a step: what ends without a call is told when the run has ended."""
        if not (self.over or step in self.run.skipped or self.run.settled.get(step)):
            return False
        return not isinstance(self._outcome(step), Pending)

    def _outcome(self, step: str) -> Outcome:
        if self._values is None:
            return PENDING
        try:
            return self._values.outcome(step)
        except UnknownArtifact:
            return PENDING

    def _value(self, event: CallFinished | CallFailed) -> Json:
        if isinstance(event, CallFailed):
            return None
        try:
            return event.value if event.artifact is None else self.ground.load(event)
        except UnknownArtifact:
            return None


def _struct(values: Mapping[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


__all__ = ["PLAN", "RESULT", "Audience", "Ground", "Telling", "Update"]
