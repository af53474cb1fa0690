"""Refusals: our errors as those of the protocol. What is not meant for others is logged, and told as an internal error."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import GetTaskPushNotificationConfigRequest, Message, TaskPushNotificationConfig
from a2a.utils.errors import (
    A2AError,
    InternalError,
    InvalidParamsError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from a2a.utils.proto_utils import validate_proto_required_fields

from a2a_node.exhausted import TURN, Turn
from a2a_node.request import is_old
from executor.errors import JournalNewer, KeyTaken, NotAnswerable, QuotaExceeded, SessionSpent, UnknownRun
from planner.errors import PlanrailError

log = logging.getLogger(__name__)


def refusal(error: Exception, context: ServerCallContext) -> A2AError:
    """The protocol's error for one of ours; for a quota it has none, and the door tells of it."""
    match error:
        case QuotaExceeded():
            turn: Turn | None = context.state.get(TURN)
            if turn is not None:
                turn.refused, turn.request = error, context.state.get("request_id")
            return UnsupportedOperationError(_told(error))
        case A2AError():
            return error
        case UnknownRun():
            return TaskNotFoundError()
        case KeyTaken():
            return InvalidParamsError("The messageId was used before, for another message.")
        case NotAnswerable():
            return InvalidParamsError(_told(error))
        case SessionSpent():
            return UnsupportedOperationError(_told(error))
        case PlanrailError(fault="user"):
            return InvalidParamsError(_told(error))
        case JournalNewer():
            log.warning("an A2A request needs a newer Planrail than this one: %s", error.message)
            return InternalError("A newer version of this agent goes on with the task. Ask again: another process may answer.")
        case _:
            log.error("an A2A request failed", exc_info=error)
            return InternalError()


def _told(error: PlanrailError) -> str:
    return f"{error.message} {error.hint}".strip()


def refusing(operation: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """An operation whose parameters are whole, and whose errors are the protocol's."""

    @wraps(operation)
    async def guarded(self: Any, params: Any, context: Any) -> Any:
        try:
            _whole(params, context)
            return await operation(self, params, context)
        except Exception as error:  # noqa: BLE001  # translated, and logged if it is our fault
            raise refusal(error, context) from None

    return guarded


def refusing_stream(operation: Callable[..., AsyncGenerator[Any]]) -> Callable[..., Any]:
    """The same of one that gives a stream."""

    @wraps(operation)
    async def guarded(self: Any, params: Any, context: Any) -> AsyncGenerator[Any]:
        try:
            _whole(params, context)
            async with aclosing(operation(self, params, context)) as stream:
                async for each in stream:
                    yield each
        except Exception as error:  # noqa: BLE001  # as above
            raise refusal(error, context) from None

    return guarded


def _whole(params: Message, context: ServerCallContext) -> None:
    """Raise where a field that has to be there is not.

    A2A 0.3 may ask for a task's only configuration without its id, and may write an authentication down that has no scheme.
    """
    if isinstance(params, GetTaskPushNotificationConfigRequest) and params.task_id and is_old(context):
        return
    if isinstance(params, TaskPushNotificationConfig) and not params.authentication.ByteSize() and is_old(context):
        params.ClearField("authentication")
    validate_proto_required_fields(params)
