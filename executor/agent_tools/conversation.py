"""Conversation: one goal at another agent, from the message that carries it to its end, or to the agent's question.

    send ─► its task is known: remembered durably ─► listen ─┬─► ended ─► result
      ▲  └─ broken off before that: send the same message     ├─► it asks ─► a question of our run … ─► the answer goes there
      │     again, or look for a task of our context          └─► the stream is over or broken: look at the task, listen again
    an owner that comes later begins at the task that is remembered, and sends nothing again

A message has the same id at every attempt, and its context is called like it. Of an agent that takes a message once, nothing
more is needed; of another one, the task is found by its context where it lists its tasks; else what became of it is not known.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

from a2a.client import Client, ClientCallContext
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
    TaskStatus,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from executor.agent_tools.audience import Audience, Nobody
from executor.agent_tools.order import Asks, Caller, Order, Outcome, Refused
from executor.agent_tools.said import Said, result_of, words
from executor.agent_tools.trouble import BROKEN, Trouble, read, spoken, trouble_of
from planner.toolspec import Json, digest

_SENDS = 4  # attempts at the first message
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.3, 5.0
_HISTORY = 50  # messages, among which our own answer is looked for
_MODES = ["application/json", "text/plain"]
_WANTS = "It wants a credential."
_ENDS = frozenset(
    (TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_CANCELED, TaskState.TASK_STATE_REJECTED)
)
_ASKS = frozenset((TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED))


@dataclass
class Conversation:
    """One goal at one agent; `carry` goes on with it until it ends or asks."""

    client: Client
    order: Order
    caller: Caller
    streams: bool  # whether the agent can stream
    idempotent: bool  # whether it takes a message with the same id once
    most: int  # bytes of what it says
    audience: Audience = field(default_factory=Nobody)
    task: str = field(init=False)
    context: str = field(init=False)
    over: bool = False  # its task has ended
    _said: Said = field(init=False)

    def __post_init__(self) -> None:
        self.task = self.order.task
        self.context = self.order.context or ("" if self.task else self.order.message)
        self._said = Said(self.most)

    async def carry(self) -> Outcome:
        """Go on until it ends or asks."""
        if self.task:
            return await self._again()
        return await self._begin()

    async def cancel(self) -> None:
        """Cancel its task, as far as there is one."""
        if self.task and not self.over:
            await stopped(self.client, self.task)

    # -- beginning

    async def _begin(self) -> Outcome:
        trouble = Trouble("it has answered nothing", "timeout", open=True)
        for attempt in range(_SENDS):
            if attempt:
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt)
            try:
                first = self._message(self.order.message, self.order.text, self.order.data)
                outcome = await self._heard(self.client.send_message(first, context=self._told_of()))
                if outcome is not None:
                    return outcome
            except BROKEN as error:
                trouble = trouble_of(error)
                if self.task and trouble.kind == "refused":
                    return Refused(trouble.message, trouble.kind)
            if self.task:
                return await self._watch()
            if trouble.open and not self.idempotent:
                return await self._sought(trouble)
            if not (trouble.open or trouble.unbegun):
                break
            self.caller.retrying(trouble.message)
        said = "The message did not get there" if trouble.open or trouble.unbegun else "It does not take the message"
        return Refused(f"{said}: {trouble.message.rstrip('.')}.", trouble.kind)

    async def _sought(self, trouble: Trouble) -> Outcome:
        """What became of a message of which nothing more was heard, by an agent that might take it twice."""
        found = await self.find()
        if found is None:
            return Refused(f"Whether it has begun is not known: {trouble.message}, and it lists no tasks.", "timeout")
        if not found:
            return Refused(f"Whether it has begun is not known: {trouble.message}, and it lists no task of ours.", "timeout")
        return await self._watch()

    async def find(self) -> bool | None:
        """Whether the agent has a task of our context, which is then remembered; None where it cannot tell."""
        try:
            listed = await read(self.client.list_tasks(ListTasksRequest(context_id=self.context, page_size=1)))
        except BROKEN:
            return None
        for task in listed.tasks:
            if task.context_id == self.context:
                await self._met(task.id, task.context_id)
                return True
        return False

    def _message(self, message: str, text: str, data: Json) -> SendMessageRequest:
        parts = [Part(text=text)] if text else []
        parts += [] if data is None else [Part(data=ParseDict(data, Value()), media_type="application/json")]
        return SendMessageRequest(
            message=Message(
                message_id=message, context_id=self.context, task_id=self.task, role=Role.ROLE_USER, parts=parts,
                reference_task_ids=() if self.task else self.order.references,
            ),
            configuration=SendMessageConfiguration(accepted_output_modes=_MODES, return_immediately=True),
        )  # fmt: skip

    def _told_of(self) -> ClientCallContext | None:
        """What goes with each request, so that the audience is told what it can be."""
        wanted = dict(self.audience.parameters)
        return ClientCallContext(service_parameters=wanted) if wanted else None

    # -- going on

    async def _again(self) -> Outcome:
        """Go on with a task that is remembered."""
        reply = self.order.reply
        if reply is not None and reply.refused:
            await self.cancel()
            return Refused(reply.refused, "refused")
        return await self._watch()

    async def _watch(self) -> Outcome:
        """Follow the task until it ends or asks, through streams that end and connections that break."""
        pause = _FIRST_PAUSE_S
        while True:
            task = await self._looked()
            if isinstance(task, Refused):
                return task
            standing = self._standing(task)
            if self._is_ours(task) and (standing is not None or not self.streams):  # else a stream tells of it next
                self.audience.heard(StreamResponse(task=task))
            outcome = standing or await self._listen(task)
            if outcome is not None:
                return outcome
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    async def _listen(self, task: Task) -> Outcome | None:
        """Give the answer that it waits for, or subscribe; None where the stream is over before it ends or asks."""
        reply = self.order.reply
        asked = reply is not None and self._is_asked(task.status, ref_of(task.status, task.metadata))
        answers = reply is not None and asked and all(m.message_id != reply.message for m in task.history)
        try:
            if reply is not None and answers:
                text = answer_text(reply.answer) if reply.data is None else ""
                request = self._message(reply.message, text, reply.data)
                return await self._heard(self.client.send_message(request, context=self._told_of()))
            if self.streams:
                stream = self.client.subscribe(SubscribeToTaskRequest(id=self.task), context=self._told_of())
                return await self._heard(stream)
        except BROKEN as error:
            trouble = trouble_of(error)
            if reply is not None and answers and reply.auth and not (trouble.open or trouble.unbegun):
                return Asks(f"{words(task.status.message, _WANTS)}\n(It was told so, and wants it still.)", reply.ref, "auth")
            if trouble.kind == "refused" or (answers and not (trouble.open or trouble.unbegun)):
                said = f"It does not take the answer: {trouble.message.rstrip('.')}."
                return Refused(said if answers else trouble.message, trouble.kind)
        return None

    async def _looked(self) -> Task | Refused:
        """The task as it is now; waits while the agent cannot be reached."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                length = 0 if self.order.reply is None else _HISTORY
                request = GetTaskRequest(id=self.task, history_length=length)
                return await read(self.client.get_task(request, context=self._told_of()))
            except BROKEN as error:
                trouble = trouble_of(error)
                if trouble.missing:
                    return Refused(f"It does not know the task {self.task} any more: it may have been done.", "unknown")
                if not (trouble.open or trouble.unbegun):
                    return Refused(f"The task {self.task} cannot be looked at: {trouble.message}.", trouble.kind)
                self.caller.retrying(trouble.message)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    # -- what it says

    async def _heard(self, stream: AsyncIterator[StreamResponse]) -> Outcome | None:
        """Listen until it ends or asks; None where the stream is over before."""
        async with aclosing(cast("AsyncGenerator[StreamResponse, None]", stream)) as events, aclosing(spoken(events)) as heard:
            async for event in heard:
                outcome = await self._taken(event)
                if outcome is not None:
                    return outcome
                if self._said.over:
                    await self.cancel()
                    return Refused(f"It has said more than {self.most:,} bytes.")
        return None

    async def _taken(self, event: StreamResponse) -> Outcome | None:
        match event.WhichOneof("payload"):
            case "message":
                self.audience.heard(event)
                return result_of([[list(event.message.parts)]], self.order.returns)
            case "task":
                task, context = event.task.id, event.task.context_id
            case "status_update":
                task, context = event.status_update.task_id, event.status_update.context_id
            case "artifact_update":
                task, context = event.artifact_update.task_id, event.artifact_update.context_id
            case _:
                return None
        if not await self._met(task, context):
            return _foreign(task)
        self.audience.heard(event)
        return self._of_ours(event)

    def _of_ours(self, event: StreamResponse) -> Outcome | None:
        match event.WhichOneof("payload"):
            case "task":
                return self._standing(event.task)
            case "status_update":
                return self._status(event.status_update.status, event.status_update.metadata)
            case _:
                self._said.add(event.artifact_update.artifact, append=event.artifact_update.append)
                return None

    async def _met(self, task: str, context: str) -> bool:
        """Whether this is our task; the first that is heard of is, and is remembered."""
        if not task or (self.task and task != self.task):
            return False
        if self.task:
            return self._is_context(context)
        self.task, self.context = task, context or self.context
        await self.caller.begun(task, self.context)
        return True

    def _is_ours(self, task: Task) -> bool:
        return task.id == self.task and self._is_context(task.context_id)

    def _is_context(self, context: str) -> bool:
        return not context or not self.context or context == self.context

    def _standing(self, task: Task) -> Outcome | None:
        """What a task says, seen as a whole."""
        if not self._is_ours(task):
            return _foreign(task.id)
        self._said.begin_with(task)
        return self._status(task.status, task.metadata)

    def _status(self, status: TaskStatus, metadata: Struct) -> Outcome | None:
        self.over = status.state in _ENDS
        match status.state:
            case TaskState.TASK_STATE_COMPLETED:
                return self._said.result(self.order.returns, status.message)
            case TaskState.TASK_STATE_REJECTED:
                return Refused(words(status.message, "It will not do that."), "refused")
            case state if state in _ENDS:
                ended = "It was cancelled there." if state == TaskState.TASK_STATE_CANCELED else "It has failed."
                return Refused(words(status.message, ended))
            case state if state in _ASKS and not self._is_asked(status, ref := ref_of(status, metadata)):
                auth = state == TaskState.TASK_STATE_AUTH_REQUIRED
                text = words(status.message, _WANTS if auth else "It wants to know more, and does not say what.")
                return Asks(text, ref, "auth" if auth else "input")
            case _:
                return None

    def _is_asked(self, status: TaskStatus, ref: str) -> bool:
        """Whether a status asks what was asked and answered before."""
        reply = self.order.reply
        return reply is not None and status.state in _ASKS and ref == reply.ref


async def stopped(client: Client, task: str) -> bool:
    """Tell the agent to cancel the task; False where it could not be reached, and may be told again."""
    try:
        await read(client.cancel_task(CancelTaskRequest(id=task)))
    except BROKEN as error:
        trouble = trouble_of(error)  # else it has ended, or will not
        return not (trouble.open or trouble.unbegun)
    return True


def _foreign(task: str) -> Refused:
    return Refused(f"It speaks of another task than ours: {task[:64] or 'none'}.", "invalid")


def ref_of(status: TaskStatus, metadata: Struct) -> str:
    """What tells one question of a task from another: the names of what is open, else the message that asks."""
    open_now = [str(question["id"]) for question in asked_by_name(metadata)]
    named = open_now or [status.message.message_id]
    if not all(named):
        return digest([[part.text for part in status.message.parts], status.timestamp.ToJsonString()])[:32]
    return digest(named)[:32]


def asked_by_name(metadata: Struct) -> list[dict[str, Json]]:
    """What an agent with Planrail's extension asks, as data; an answer may name its question."""
    listed = MessageToDict(metadata.fields["questions"]) if "questions" in metadata.fields else None
    found: list[Json] = listed if isinstance(listed, list) else []
    return [question for question in found if isinstance(question, dict) and question.get("id")]


def answer_text(answer: Json) -> str:
    """A person's answer as the agent reads it."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
