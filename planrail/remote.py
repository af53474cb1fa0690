"""Remote: a task at another agent as people see it: what it has said so far, as the view of a run. Pure.

An agent with Planrail's extension tells its plan, its steps and its questions; of any other one there are words and a result.
All of it is a stranger's: what is not of the form that it should have is left out, and nothing of it is carried out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from a2a.types import Artifact, Part, StreamResponse, Task, TaskState, TaskStatus
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pydantic import ValidationError

from executor.agent_tools.agent import EXTENSION
from executor.agent_tools.conversation import asked_by_name
from executor.agent_tools.said import words
from executor.events import Question, RunStatus
from planner.certificate import Certificate
from planner.toolspec import Json
from planrail.history import RevisionView
from planrail.view import RunView, StepState, StepView, SurpriseView

_STATUS: Mapping[int, RunStatus] = {
    TaskState.TASK_STATE_SUBMITTED: "queued", TaskState.TASK_STATE_WORKING: "running",
    TaskState.TASK_STATE_INPUT_REQUIRED: "waiting", TaskState.TASK_STATE_AUTH_REQUIRED: "waiting",
    TaskState.TASK_STATE_COMPLETED: "done", TaskState.TASK_STATE_FAILED: "failed",
    TaskState.TASK_STATE_CANCELED: "cancelled", TaskState.TASK_STATE_REJECTED: "failed",
}  # fmt: skip
_STATES: Mapping[str, StepState] = {"running": "running", "done": "done", "failed": "failed", "skipped": "skipped"}
_MOST = 5_000  # steps, surprises or questions that are shown


@dataclass
class _Step:
    """A step as far as it was told."""

    base: StepView
    state: StepState = "waiting"
    items: int = 0
    failed: int = 0
    retries: int = 0
    retried: str = ""
    began: datetime | None = None
    ended: datetime | None = None


@dataclass
class Remote:
    """The task of one goal. `take` what the agent says; `view` is all that is known by then."""

    agent: str
    goal: str = ""
    task: str = ""
    context: str = ""
    state: int = TaskState.TASK_STATE_UNSPECIFIED
    seq: int | None = None  # the number of the last event that was told whole
    answer: Json = None
    questions: tuple[Question, ...] = ()
    _reason: str = ""
    _partial: bool = False
    _script: str = ""
    _certificate: Certificate | None = None
    _coming: Certificate | None = None  # of a plan of which more is told at once: why it was revised
    _revisions: list[RevisionView] = field(default_factory=list)
    _steps: dict[str, _Step] = field(default_factory=dict)
    _surprises: list[SurpriseView] = field(default_factory=list)
    _told: str = ""  # the id of the last message whose words were told

    @property
    def over(self) -> bool:
        """Whether the task has ended."""
        return _STATUS.get(self.state) in ("done", "failed", "cancelled")

    def take(self, event: StreamResponse, at: datetime) -> str:
        """Take what was said at that time; the words of it that are nowhere else in the view, "" for none."""
        match event.WhichOneof("payload"):
            case "message":
                self.state, self.context = TaskState.TASK_STATE_COMPLETED, event.message.context_id
                return ""
            case "task":
                return self._whole(event.task, at)
            case "status_update":
                update = event.status_update
                return self._changed(update.status, update.metadata, at)
            case "artifact_update":
                added = event.artifact_update
                self._artifact(added.artifact, at, append=added.append)
                self._numbered(_under(added.metadata))
        return ""

    def view(self) -> RunView:
        """The task as a run that is seen from afar."""
        status: RunStatus = _STATUS.get(self.state, "running")
        return RunView(
            id=self.task, goal=self.goal, status="partial" if self._partial and self.over else status, seq=self.seq or 0,
            plan_source=self.agent, script=self._script, certificate=self._certificate,
            steps=tuple(_view(step) for step in self._steps.values()), questions=() if self.over else self.questions,
            surprises=tuple(self._surprises), revisions=tuple(self._revisions), answer=self.answer, reason=self._reason,
        )  # fmt: skip

    # -- what is said

    def _whole(self, task: Task, at: datetime) -> str:
        self.task, self.context = task.id, task.context_id
        for artifact in task.artifacts:
            self._artifact(artifact, at, append=False)
        return self._changed(task.status, task.metadata, at)

    def _changed(self, status: TaskStatus, metadata: Struct, at: datetime) -> str:
        under = _under(metadata)
        self._numbered(under)
        self.state = status.state
        self._partial = self._partial or (metadata.fields["partial"].bool_value if "partial" in metadata.fields else False)
        self.questions = _questions(status, metadata) if _STATUS.get(self.state) == "waiting" else ()
        self._reason = words(status.message, "") if self.over else ""
        if under:
            return self._happened(under, words(status.message, ""), at)
        if self.over or self.questions or status.message.message_id == self._told:
            return ""
        self._told = status.message.message_id
        return words(status.message, "")

    def _numbered(self, under: Mapping[str, Any]) -> None:
        """Take the number of an event that is told whole."""
        if under.get("more"):
            return
        self._certificate = self._coming
        self.seq = self.seq if (number := _number(under.get("seq"))) is None else number

    def _happened(self, under: Mapping[str, Any], said: str, at: datetime) -> str:
        """What an event of the extension tells."""
        step = self._steps.get(str(under.get("stepId")))
        match under.get("event"):
            case "step.started" if step is not None:
                step.state, step.began, step.ended = "running", step.began or at, None
            case "step.skipped" if step is not None:
                step.state = "skipped"
            case "step.retried" if step is not None:
                step.retries, step.retried = step.retries + 1, str(under.get("reason", ""))
            case "surprise" if len(self._surprises) < _MOST:
                told = [str(under.get(name, "")) for name in ("stepId", "kind", "message")]
                self._surprises.append(SurpriseView(step=told[0], kind=told[1], message=told[2]))
                if step is not None:
                    step.state = "failed"
            case "plan.revised":
                self._surprises.clear()
                number = _number(under.get("revision")) or len(self._revisions) + 1
                mended = said.removeprefix("The plan is revised:").strip()
                self._revised(RevisionView(revision=number, source=self.agent, mended=(mended,) if mended else ()))
            case "run.parked" if "until" in under and not self.questions:
                return f"It waits for the clock, until {under['until']}."
            case "ceiling.reached":
                return f"It has reached a ceiling: {under.get('ceiling')}, {under.get('limit')}."
            case _:
                pass
        return ""

    def _revised(self, revision: RevisionView) -> None:
        if len(self._revisions) < _MOST and all(known.revision != revision.revision for known in self._revisions):
            self._revisions.append(revision)

    # -- the plan and its steps

    def _artifact(self, artifact: Artifact, at: datetime, *, append: bool) -> None:
        under = _under(artifact.metadata)
        match under.get("kind"):
            case "plan":
                self._plan(artifact)
            case "stepResult" if (step := self._steps.get(str(under.get("stepId")))) is not None:
                items = [told for part in artifact.parts if "item" in (told := _under(part.metadata))]
                failed = sum(told.get("failed") is True for told in items)
                step.items, step.failed = (step.items + len(items), step.failed + failed) if append else _counted(step, items)
                step.state = _STATES.get(str(under.get("state")), step.state)
                step.base = step.base.model_copy(update={"map": step.base.map or bool(items)})
                if step.state == "failed" and not items:
                    self._failed(str(under.get("stepId")), artifact.parts)
                if step.state in ("done", "failed", "skipped"):
                    step.ended = step.ended or at

    def _failed(self, step: str, parts: Iterable[Part]) -> None:
        message = next((part.text for part in parts if part.text), "")
        if len(self._surprises) < _MOST and all(s.step != step for s in self._surprises):
            self._surprises.append(SurpriseView(step=step, kind="failed", message=message))

    def _plan(self, artifact: Artifact) -> None:
        told = next((_whole_dict(part) for part in artifact.parts if part.HasField("data")), {})
        texts = {part.filename: part.text for part in artifact.parts if part.HasField("text")}
        self._script = texts.get("plan.script", "")
        try:
            self._coming = Certificate.model_validate_json(texts.get("certificate.json", ""))
        except ValidationError:
            self._coming = None
        listed = told.get("steps")
        named = [step for step in listed if isinstance(step, dict)] if isinstance(listed, list) else []
        before, self._steps = self._steps, {}
        for step in named[:_MOST]:
            base = _base(step)
            known = before.get(base.id)
            self._steps[base.id] = known if known is not None and known.base.source == base.source else _Step(base)
        if not self._revisions:
            self._revised(RevisionView(revision=_number(told.get("revision")) or 1, source=self.agent))


def _counted(step: _Step, items: list[dict[str, Any]]) -> tuple[int, int]:
    """The items of a step whose artifact is told whole: those of it, or as many as had come before it was closed."""
    return (len(items), sum(told.get("failed") is True for told in items)) if items else (step.items, step.failed)


def _base(step: Mapping[str, Json]) -> StepView:
    kind = str(step.get("kind", "tool"))
    call = str(step.get("title") or kind)
    return StepView(id=str(step.get("id", "")), kind=kind, call=call, line=0, source=str(step.get("source", "")))


def _view(step: _Step) -> StepView:
    took = (step.ended - step.began).total_seconds() if step.began is not None and step.ended is not None else 0.0
    whole = step.items if step.state == "done" else None
    return step.base.model_copy(
        update={
            "state": step.state, "done": step.items - step.failed, "of": whole, "failed": step.failed,
            "retries": step.retries, "retried": step.retried, "seconds": round(max(took, 0.0), 3),
        }
    )  # fmt: skip


def _questions(status: TaskStatus, metadata: Struct) -> tuple[Question, ...]:
    """What is asked: by name where the agent names it, else in its words."""
    auth = status.state == TaskState.TASK_STATE_AUTH_REQUIRED
    found = [question for told in asked_by_name(metadata)[:_MOST] if (question := _question(told)) is not None]
    if found:
        return tuple(found)
    if auth:
        text = words(status.message, "It wants a credential.")
        text += "\nAnswer yes once it is given there; the credential itself is no answer."
        return (Question(id="", kind="credential", of="", text=text, answer_schema={"type": "boolean"}),)
    text = words(status.message, "It wants to know more, and does not say what.")
    return (Question(id="", kind="ask_user", of="", text=text, answer_schema={"type": "string"}),)


def _question(told: Mapping[str, Json]) -> Question | None:
    """A question as it was told; one that lists what it is about in another form than ours tells it as it came."""
    given = {"id": told.get("id"), "kind": told.get("kind"), "of": told.get("stepId", ""), "item": told.get("item", "")}
    shown, text = told.get("shown"), str(told.get("text", ""))
    if not _is_shown(shown, str(told.get("kind"))):
        shown, text = None, f"{text}\n{json.dumps(shown, ensure_ascii=False)}"
    try:
        return Question.model_validate({**given, "text": text, "answer_schema": told.get("answerSchema"), "shown": shown})
    except ValidationError:
        return None


def _is_shown(shown: Json, kind: str) -> bool:
    """Whether it lists effects or flows as ours do."""
    if shown is None:
        return True
    rows = shown if isinstance(shown, list) else [shown]
    return all(isinstance(row, dict) and (_is_flow(row) if kind == "flow" else _is_effect(row)) for row in rows)


def _is_effect(row: Mapping[str, Json]) -> bool:
    flows = row.get("flows") or []
    return (
        isinstance(row.get("arguments") or {}, dict)
        and isinstance(flows, list)
        and all(isinstance(flow, dict) and "argument" in flow and _has_origins(flow) for flow in flows)
    )


def _is_flow(row: Mapping[str, Json]) -> bool:
    return row.keys() >= {"number", "item", "argument", "tool", "value", "step"} and _has_origins(row)


def _has_origins(flow: Mapping[str, Json]) -> bool:
    return flow.get("kind") in ("data", "choice", "control") and isinstance(flow.get("origins"), list)


def _under(metadata: Struct) -> dict[str, Any]:
    """What the extension says there."""
    told = MessageToDict(metadata.fields[EXTENSION]) if EXTENSION in metadata.fields else None
    return told if isinstance(told, dict) else {}


def _whole_dict(part: Part) -> dict[str, Any]:
    told = MessageToDict(part.data)
    return told if isinstance(told, dict) else {}


def _number(told: Json) -> int | None:
    text = str(told).removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
