"""Received: an A2A message as a submission, or as the answer to a question. Pure.

Text parts are the goal in words. A data part may carry the plan instead: {script} or {plan} or {playbook, params}, with a
{budget} if wanted; or, beside the goal, the {skill} that takes it: a card's pack or playbook. Other data belongs to the goal,
and stands below its words as JSON.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a.types.a2a_pb2 import Message
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict
from pydantic import ValidationError

from a2a_node.extension import AFTER, URI
from a2a_node.parts import DEEPEST, JSON, exact, json_of
from executor.submission import Principal, Submission
from planner.toolspec import Json

PLANS = frozenset(("script", "plan", "playbook", "skill"))
FIELDS = PLANS | {"goal", "params", "budget", "mode", "probes", "fresh"}
_MAX_ID = 200  # characters of a client's ids; a session's name is as long at most
_CONTEXTS = uuid.UUID("0d5f9a6e-3c0d-5e0e-9f5b-6a3f1d1f7b52")  # names the contexts that messages begin


def key_of(message: Message) -> str:
    """The key of the run that a message begins: a message that is sent again begins no other one."""
    return f"a2a:{message.message_id}"


def check(message: Message) -> None:
    """Raise InvalidParamsError for ids that nobody could have meant, and for data that could not be told of again."""
    ids = [("messageId", message.message_id), ("contextId", message.context_id), ("taskId", message.task_id)]
    ids += [("referenceTaskIds", task) for task in message.reference_task_ids]
    for name, value in ids:
        if len(value) > _MAX_ID or not value.isprintable():
            raise InvalidParamsError(f"{name} has to be printable, and {_MAX_ID} characters long at most.")
    if not message.message_id.strip():
        raise InvalidParamsError("messageId is empty.")
    try:
        exact([MessageToDict(m) for m in (message.metadata, *(part.data for part in message.parts))])
    except RecursionError:
        raise InvalidParamsError(f"Data may be nested {DEEPEST - 1} levels deep at most.") from None


def received(message: Message) -> Json:
    """The message as it came, by which it is told later whether another one is the same."""
    whole: Json = MessageToDict(message)
    return whole


def submission_of(message: Message, principal: Principal) -> Submission:
    """What a message asks for; raises InvalidParamsError and ContentTypeNotSupportedError."""
    check(message)
    words, data = _read(message)
    plan = next((d for d in data if isinstance(d, dict) and PLANS & d.keys()), None)
    further = [d for d in data if d is not plan]
    goal = "\n\n".join([*words, *(json.dumps(d, ensure_ascii=False) for d in further)])
    fields: dict[str, Any] = {} if plan is None else {k: v for k, v in plan.items() if v is not None}
    if unknown := sorted(fields.keys() - FIELDS):
        raise InvalidParamsError(f"The data part has {', '.join(unknown)}, which is none of {', '.join(sorted(FIELDS))}.")
    goal = goal or str(fields.pop("goal", ""))
    fields.pop("goal", None)
    earlier = tuple(message.reference_task_ids)
    context = context_of(message, principal) if message.context_id or not earlier else None  # else that of those tasks
    given = {
        "goal": goal, "principal": principal, "session": context, "refers_to": earlier, "received": received(message)
    }  # fmt: skip
    try:
        return Submission(**given, **fields)
    except (ValidationError, TypeError) as error:
        raise InvalidParamsError(_problem(error)) from None


def context_of(message: Message, principal: Principal) -> str:
    """The context that a message names, or begins: the same one where it is sent again."""
    return message.context_id or str(uuid.uuid5(_CONTEXTS, f"{principal.id}\n{message.message_id}"))


def after_of(metadata: Mapping[str, Any]) -> int | None:
    """The number of the event that the client has seen last, by its message's metadata."""
    told = metadata.get(URI)
    found = told.get(AFTER) if isinstance(told, Mapping) else None
    return None if found is None else number_of(str(found))


def number_of(text: str) -> int:
    """An event's number; raises InvalidParamsError."""
    number = text.removesuffix(".0")
    if not number.isdecimal() or len(number) > 9:
        raise InvalidParamsError(f"`{AFTER}` is the number of an event.")
    return int(number)


@dataclass(frozen=True)
class Said:
    """An answer as a message has it: in words, or as data."""

    question: str | None = None  # that it names
    words: str = ""
    data: Json = None
    is_data: bool = False
    refused: bool = False


def said(message: Message) -> Said:
    """The answer that a message carries.

    A data part {question, answer} names its question, {question, refused: true} will not answer it; any other data is the
    answer itself. Beside words, the message's metadata may name the question under the extension's URI.
    """
    check(message)
    words, data = _read(message)
    told = MessageToDict(message.metadata).get(URI) if message.HasField("metadata") else None
    named = told.get("question") if isinstance(told, dict) else None
    question = named if isinstance(named, str) else None
    if not data:
        return Said(question, "\n".join(words))
    first = data[0]
    if not isinstance(first, dict) or not first or not first.keys() <= {"answer", "question", "refused"}:
        return Said(question, data=first, is_data=True)
    question = first["question"] if isinstance(first.get("question"), str) else question
    if first.get("refused") is True:
        return Said(question, refused=True)
    if "answer" in first:
        return Said(question, data=first["answer"], is_data=True)
    return Said(question, "\n".join(words))


def _read(message: Message) -> tuple[list[str], list[Json]]:
    words: list[str] = []
    data: list[Json] = []
    for part in message.parts:
        match part.WhichOneof("content"):
            case "text":
                words.append(part.text)
            case "data":
                data.append(json_of(part))
            case "raw" if part.media_type.partition("/")[0] == "text" or part.media_type == JSON:
                words.append(_decoded(part.raw))
            case None:
                raise InvalidParamsError("A part of the message is empty.")
            case content:
                kind = part.media_type or content
                raise ContentTypeNotSupportedError(f"Parts may be text/plain or application/json; this one is {kind}.")
    return [w for w in words if w.strip()], data


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidParamsError("A file of text is not UTF-8.") from None


def _problem(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "The data part cannot be read."
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(p) for p in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}"[:500] if where else message[:500]
