"""Handler: the operations of A2A 1.0, each a translation of `Runs`. A task is a view of a run: no other process is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types.a2a_pb2 import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    UnsupportedOperationError,
)
from a2a.utils.task import apply_history_length, validate_history_length
from google.protobuf.json_format import MessageToDict

from a2a_node.answering import Answering
from a2a_node.caller import principal_of
from a2a_node.extension import AFTER_HEADER, is_active
from a2a_node.heartbeat import kept_alive
from a2a_node.lists import TaskLists
from a2a_node.opened import Opened
from a2a_node.parts import JSON, TEXT
from a2a_node.push.configs import PushConfigs
from a2a_node.received import after_of, key_of, number_of, submission_of
from a2a_node.refusals import refusing, refusing_stream
from a2a_node.request import is_old
from a2a_node.telling import Audience, Telling
from executor.run import is_over
from executor.submission import Principal
from planrail.house import House

_FIRST = 1  # the number of a run's first event

Extended = Callable[[Principal, str], Awaitable[AgentCard]]
"""The card of a caller, who has asked under that host; there is none where nobody is known."""


class RunHandler(RequestHandler):
    """The SDK's interface over `Runs`."""

    def __init__(self, house: House, *, push: PushConfigs | None = None, extended: Extended | None = None) -> None:
        self._runs = house.runs
        self._opened = Opened(house)
        self._lists = TaskLists(self._opened)
        self._answering = Answering(house)
        self._push = push
        self._extended = extended

    @refusing
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task:
        audience = _audience(params, context)
        run = await self._sent(params, context)
        telling = await self._opened.whole(run, audience)
        if not params.configuration.return_immediately and not telling.rests:
            await kept_alive(self._opened.rested(telling), context)
        return apply_history_length(telling.task(), params.configuration)

    @refusing_stream
    async def on_message_send_stream(self, params: SendMessageRequest, context: ServerCallContext) -> AsyncGenerator[Any]:
        audience = _audience(params, context)
        run = await self._sent(params, context)
        after = after_of(MessageToDict(params.metadata)) if params.HasField("metadata") else None
        async with aclosing(self._opened.stream(run, audience, until=after)) as stream:
            async for each in stream:
                yield apply_history_length(each, params.configuration) if isinstance(each, Task) else each

    @refusing
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task:
        validate_history_length(params)
        principal = principal_of(context)
        telling = await self._seen(params.id, principal, Audience(is_active(context)))
        return apply_history_length(telling.task(), params)

    @refusing
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        return await self._lists.page(params, principal_of(context), Audience(is_active(context)))

    @refusing
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task:
        principal, audience = principal_of(context), Audience(is_active(context))
        telling = await self._seen(params.id, principal, audience)
        if telling.over:
            raise TaskNotCancelableError
        await self._runs.cancel(telling.run.id, principal)
        return (await self._opened.whole(telling.run.id, audience)).task()

    @refusing_stream
    async def on_subscribe_to_task(self, params: SubscribeToTaskRequest, context: ServerCallContext) -> AsyncGenerator[Any]:
        after = _header(context, AFTER_HEADER)
        record = await self._answering.known(params.id, principal_of(context))
        if after is None and is_over(record.status):
            raise UnsupportedOperationError("The task is over; GetTask tells how it ended.")
        until = None if after is None else number_of(after)
        async with aclosing(
            self._opened.stream(record.id, Audience(is_active(context)), until=until, to_the_end=True)
        ) as stream:
            async for each in stream:
                yield each

    async def _seen(self, task: str, principal: Principal, audience: Audience) -> Telling:
        """A task of the principal's; an id has to be whole. Raises UnknownRun."""
        return await self._opened.whole((await self._answering.known(task, principal)).id, audience)

    async def _sent(self, params: SendMessageRequest, context: ServerCallContext) -> str:
        """The run that the message begins, has begun before, or goes on with."""
        validate_history_length(params.configuration)
        principal, message, wanted = principal_of(context), params.message, params.configuration
        if not message.parts:
            raise InvalidParamsError("The message has no parts.")
        config = TaskPushNotificationConfig()
        config.CopyFrom(wanted.task_push_notification_config)
        inline = wanted.HasField("task_push_notification_config")
        target = await self._pushing().checked(config, _audience(params, context), old=is_old(context)) if inline else None
        since = _FIRST
        if message.task_id:
            since = (await self._runs.record(message.task_id, principal)).seq
            run = await self._answering.answer(message, principal)
        else:
            submission = submission_of(message, principal)
            for earlier in submission.refers_to:  # by whole ids alone
                await self._answering.known(earlier, principal)
            run = (await self._runs.submit(submission, key=key_of(message))).id
        if target is not None:
            config.task_id = run
            await self._pushing().keep(config, target, since=since)
        return run

    # -- push notifications

    @refusing
    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        push = self._pushing()
        await self._answering.known(params.task_id, principal_of(context))
        return await push.create(params, Audience(is_active(context)), old=is_old(context))

    @refusing
    async def on_get_task_push_notification_config(
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        push = self._pushing()
        await self._answering.known(params.task_id, principal_of(context))
        return await push.get(params.task_id, params.id)

    @refusing
    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        push = self._pushing()
        await self._answering.known(params.task_id, principal_of(context))
        return await push.list(params)

    @refusing
    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        push = self._pushing()
        await self._answering.known(params.task_id, principal_of(context))
        await push.delete(params.task_id, params.id)

    def _pushing(self) -> PushConfigs:
        if self._push is None:
            raise PushNotificationNotSupportedError
        return self._push

    # -- the card

    @refusing
    async def on_get_extended_agent_card(self, params: GetExtendedAgentCardRequest, context: ServerCallContext) -> AgentCard:
        if self._extended is None:
            raise UnsupportedOperationError("There is no authentication, so there is no card of an authenticated caller.")
        return await self._extended(principal_of(context), _header(context, "host") or "")


def _audience(params: SendMessageRequest, context: ServerCallContext) -> Audience:
    """Whom the answer is for; raises ContentTypeNotSupportedError where none of the accepted modes can be given."""
    modes = tuple(params.configuration.accepted_output_modes)
    if modes and not any(m in (TEXT, JSON, "*/*", "text/*", "text") for m in modes):
        raise ContentTypeNotSupportedError(f"Answers are {TEXT} or {JSON}.")
    known = tuple(TEXT if m in ("text/*", "text") else m for m in modes)
    return Audience(is_active(context), () if "*/*" in known else known)


def _header(context: ServerCallContext, name: str) -> str | None:
    headers = context.state.get("headers", {})
    found = headers.get(name)
    return None if found is None else str(found)
