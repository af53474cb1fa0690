"""Telling: one run as one client is told of it: the task as it is, then an update for each event that means something to it.

    RunSubmitted ─► Task(SUBMITTED) … SegmentStarted ─► WORKING … CallStarted ─► "Step 2/5: crm.score_lead"
    RunParked ─► INPUT_REQUIRED …  RunEnded ─► artifact `result` ─► COMPLETED

With the extension also the plan, each step's result, and every event by its number. Pure, but for the bytes of large values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from a2a.types.a2a_pb2 import Artifact, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent
from google.protobuf.struct_pb2 import Struct

from a2a_node import told
from a2a_node.extension import URI, metadata
from a2a_node.parts import answer_parts, exact
from a2a_node.steps import PLAN, counted, item_artifact, plan_artifact, step_artifact, step_title
from executor.compiled import Compiled, Ids, Scripts
from executor.errors import UnknownArtifact
from executor.events import (
    CallFailed,
    CallFinished,
    CallRetried,
    CallStarted,
    CeilingReached,
    ConfidenceFell,
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
from executor.outcomes import PENDING, Done, Outcome
from executor.run import Run, fold, is_over
from executor.values import LoadValue, Values
from planner.errors import CompileError
from planner.program import Step
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
    _open_maps: dict[str, bool] = field(default_factory=dict)  # map that has been told of → whether a chunk of it has been

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
        fold(self.run, recorded)
        if recorded:
            self.at = recorded[-1].at
        self._compile()
        for (step, item), call in self.run.calls.items():
            if call.started is not None:
                self._started.add(step)
            if item and self._is_open_map(step):
                self._open_maps[step] = True
        self._state = self.state

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
                made = step_artifact(self.run, step.id, self._outcome(step.id), self.run.seq)
                if made is not None:
                    found.append(made)
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
                return [self._working("" if self.run.certified or self.run.submission.script else "Planning")]
            case PlanCertified() as event:
                return self._certified(event, record.seq)
            case CallStarted(step=step, item=item) if inner_of(item) is None:
                return self._begun(step)
            case CallFinished() | CallFailed() as event:
                return self._ended_call(event, record.seq)
            case StepSkipped(step=step):
                return self._whole(step, record.seq) or self._noted("step.skipped", stepId=step)
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
        if step in self._started or step not in self._places or self._compiled is None:
            return []
        self._started.add(step)
        words = f"Step {self._places[step]}/{len(self._places)}: {step_title(self._compiled.program[step])}"
        return [self._working(words, event="step.started", stepId=step)]

    def _ended_call(self, event: CallFinished | CallFailed, seq: int) -> list[Update]:
        if not self.audience.extended or event.step not in self._places or inner_of(event.item) is not None:
            return []
        updates: list[Update] = []
        if event.item and self._is_open_map(event.step):
            value = None if isinstance(event, CallFailed) else self._value(event)
            chunk = item_artifact(self.run, event, value, seq)
            updates.append(self._artifact(chunk, append=self._open_maps.get(event.step, False), last=False))
            self._open_maps[event.step] = True
        return updates + self._whole(event.step, seq)

    def _whole(self, step: str, seq: int) -> list[Update]:
        """A step that is over: its artifact, closed."""
        if not self.audience.extended or step not in self._places:
            return []
        made = step_artifact(self.run, step, self._outcome(step), seq)
        if made is None:
            return []
        self._open_maps.pop(step, None)
        return [self._artifact(made, append=False, last=True)]

    def _turn(self, event: RunParked | QuestionAsked | QuestionAnswered | RunResumed) -> list[Update]:
        state = self.state
        if isinstance(event, QuestionAsked):  # a branch still runs; or else it parks next, and says so then
            return self._noted("question.asked", **self._asked_of(event.question.id))
        if isinstance(event, RunParked) and not self.run.open_questions:
            return self._noted("run.parked", until=None if event.until is None else event.until.isoformat())
        if isinstance(event, QuestionAnswered) and state == self._state:
            return []
        name = {"run_parked": "run.parked", "question_answered": "question.answered"}.get(event.type, "run.resumed")
        return [self._changed(self._status(state), event=name)]

    def _over(self, seq: int) -> list[Update]:
        updates: list[Update] = []
        for step in list(self._open_maps):
            updates += self._whole(step, seq)
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
        return {"questions": [exact(told.question_told(q)) for q in questions]} if questions else {}

    def _asked_of(self, question: str) -> dict[str, Json]:
        return {"questionId": question}

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

    def _is_open_map(self, step: str) -> bool:
        if self._compiled is None or step not in self._places:
            return False
        known: Step = self._compiled.program[step]
        return known.is_map

    def _outcome(self, step: str) -> Outcome:
        if self._values is None:
            return PENDING
        try:
            return self._values.outcome(step)
        except UnknownArtifact:
            return PENDING

    def _value(self, event: CallFinished) -> Json:
        try:
            return event.value if event.artifact is None else self.ground.load(event)
        except UnknownArtifact:
            return None


def _struct(values: Mapping[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


__all__ = ["PLAN", "RESULT", "Audience", "Ground", "Telling", "Update"]
