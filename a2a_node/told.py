"""Told: what an A2A client is told of a run's state: its task state, the words of its status, its history. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from a2a.types.a2a_pb2 import Message, Role, TaskState, TaskStatus
from google.protobuf.json_format import ParseDict, ParseError

from a2a_node.parts import plain, text_part
from executor.events import Question
from executor.run import Run
from planner.toolspec import Json
from planrail.answers import how_to_answer
from planrail.runs import APPROVALS

_SHOWN_ROWS = 50  # of what an approval is about; the metadata has them all
_WORDS = 4_000  # characters of a status message
OVER = frozenset(
    (
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
    )
)
INTERRUPTED = frozenset((TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED))


def state_of(run: Run, *, answered: bool = False) -> TaskState:
    """The task's state. `answered` tells whether a run that met a ceiling has given an answer before."""
    match run.status:
        case "queued":
            return TaskState.TASK_STATE_WORKING if run.epoch else TaskState.TASK_STATE_SUBMITTED
        case "waiting":
            return _waiting(run.open_questions)
        case "done":
            return TaskState.TASK_STATE_COMPLETED
        case "cancelled":
            return TaskState.TASK_STATE_CANCELED
        case "partial" if answered:
            return TaskState.TASK_STATE_COMPLETED
        case "partial" | "failed":
            return TaskState.TASK_STATE_REJECTED if was_rejected(run) else TaskState.TASK_STATE_FAILED
        case _:
            return TaskState.TASK_STATE_WORKING


def _waiting(questions: list[Question]) -> TaskState:
    """Interrupted if and only if it is parked on a question; one that waits for the clock alone is at work."""
    if not questions:
        return TaskState.TASK_STATE_WORKING
    only_credentials = all(q.kind == "credential" for q in questions)
    return TaskState.TASK_STATE_AUTH_REQUIRED if only_credentials else TaskState.TASK_STATE_INPUT_REQUIRED


def was_rejected(run: Run) -> bool:
    """Whether it ended before its start: its plan was refused, or cost more than it may. No planner is no refusal."""
    if run.certified is not None or run.ended is None or run.ended.broken:
        return False
    written = [call for call in run.planner_calls if call.purpose != "route"]
    return not (written and written[-1].error)


def words_of(run: Run, state: TaskState) -> str:
    """The words of its status; none where the artifacts say it all."""
    if state in INTERRUPTED:
        return "\n\n".join(question_words(q) for q in run.open_questions)[:_WORDS]
    if run.ended is None or state == TaskState.TASK_STATE_COMPLETED:
        return ""
    return "\n".join(part for part in (run.ended.reason, run.ended.hint) if part)[:_WORDS]


def question_words(question: Question) -> str:
    """A question as a person reads it: an approval names exactly what is approved."""
    lines = [question.text]
    rows = question.shown if isinstance(question.shown, list) else []
    lines += [f"  {json.dumps(row, ensure_ascii=False, default=str)}" for row in rows[:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"  … and {len(rows) - _SHOWN_ROWS} more")
    if question.kind in APPROVALS:
        lines.append("A person decides it, or a principal with the scope approve that did not submit the goal.")
    elif question.answer_schema not in (None, {"type": "string"}):
        lines.append(how_to_answer(question))
    return "\n".join(lines)


def question_told(question: Question) -> dict[str, Json]:
    """A question as data: what an answer has to name, and to fit."""
    told: dict[str, Json] = {"id": question.id, "kind": question.kind, "text": question.text, "stepId": question.of}
    more = {"item": question.item or None, "answerSchema": question.answer_schema, "shown": question.shown}
    return {name: plain(value) for name, value in (told | more).items() if value is not None}


def status(state: TaskState, at: datetime | None, message: Message | None = None) -> TaskStatus:
    """A status; times are in UTC."""
    made = TaskStatus(state=state, message=message)
    if at is not None:
        made.timestamp.FromDatetime(at)
    return made


def agent_message(run: Run, context: str, name: str, text: str) -> Message:
    """Words of ours; the same words have the same id, however often they are told."""
    return Message(
        message_id=f"{run.id}-{name}", task_id=run.id, context_id=context, role=Role.ROLE_AGENT, parts=[text_part(text)]
    )


def context_of(run: Run) -> str:
    """The context of a run; one that came by another door and has no session is a context of its own."""
    return run.submission.session or run.id


def history(run: Run) -> Iterable[Message]:
    """What was said: the goal, then questions and answers in their order."""
    context = context_of(run)
    yield _user_message(run, context, run.submission.received, "goal", run.submission.goal or "(a plan)")
    for question in run.questions.values():
        yield agent_message(run, context, question.id, question_words(question))
        answer = run.answers.get(question.id)
        if answer is not None:
            text = "(refused)" if answer.refused else answer.answer if isinstance(answer.answer, str) else _json(answer.answer)
            yield _user_message(run, context, answer.received, f"{question.id}-answer", text)


def _user_message(run: Run, context: str, received: Json, name: str, text: str) -> Message:
    """The message as it came; words for it, where it came by another door."""
    if isinstance(received, dict):
        try:
            made = ParseDict(received, Message(), ignore_unknown_fields=True)
        except ParseError:  # of another door, or another version
            pass
        else:
            made.task_id, made.context_id = run.id, context
            return made
    return Message(
        message_id=f"{run.id}-{name}", task_id=run.id, context_id=context, role=Role.ROLE_USER, parts=[text_part(text)]
    )


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
