"""Old REST: the routes of A2A 0.3 below /v1, with what the SDK's adapter leaves out of that specification."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any
from urllib.parse import urlencode

from a2a.compat.v0_3 import types
from a2a.compat.v0_3.rest_adapter import REST03Adapter
from a2a.compat.v0_3.rest_handler import REST03Handler
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.server.routes.common import create_event_source_response
from a2a.utils import json_utils
from a2a.utils.error_handlers import rest_stream_error_handler
from a2a.utils.errors import InvalidParamsError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from a2a_node.request import Requests

_CONFIG = "/v1/tasks/{id}/pushNotificationConfigs/{push_id}"
_ROLES = ("ROLE_USER", "ROLE_AGENT")


def old_rest_routes(handler: RequestHandler, requests: Requests, *, drain_s: float) -> list[Route]:
    """The routes, which have to stand before those of tenants: `v1` would be one."""
    adapter = OldRest(handler, requests, shutdown_grace_period=drain_s)
    return [Route(path, endpoint, methods=[method]) for (path, method), endpoint in adapter.routes().items()]


class OldRest(REST03Adapter):
    """A stream that cannot begin is an error, not a stream of nothing; configurations can be deleted."""

    def __init__(self, handler: RequestHandler, requests: Requests, *, shutdown_grace_period: float) -> None:
        super().__init__(handler, requests, shutdown_grace_period)
        self.handler: OldRestHandler = OldRestHandler(handler)

    def routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        made: dict[tuple[str, str], Callable[[Request], Any]] = super().routes()
        return {**made, (_CONFIG, "DELETE"): partial(self._handle_request, self.handler.delete_push_notification)}

    @rest_stream_error_handler
    async def _handle_streaming_request(self, method: Callable[..., Any], request: Request) -> Response:
        stream = method(request, self._context_builder.build(request))
        first = await anext(stream, None)
        return create_event_source_response(_told(first, stream), shutdown_grace_period=self._shutdown_grace_period)


async def _told(first: Any, rest: Any) -> AsyncIterator[str]:
    async with aclosing(rest):
        if first is not None:
            yield json_utils.dumps(first)
        async for each in rest:
            yield json_utils.dumps(each)


class OldRestHandler(REST03Handler):
    """A message says whose it is; a number is one, under either of its names (those of protocol buffers and of JSON)."""

    async def on_message_send(self, request: Request, context: ServerCallContext) -> dict[str, Any]:
        await _check_role(request)
        told: dict[str, Any] = await super().on_message_send(request, context)
        return told

    async def on_message_send_stream(self, request: Request, context: ServerCallContext) -> AsyncIterator[dict[str, Any]]:
        await _check_role(request)
        stream: Any = super().on_message_send_stream(request, context)
        async with aclosing(stream):
            async for each in stream:
                yield each

    async def on_get_task(self, request: Request, context: ServerCallContext) -> dict[str, Any]:
        asked = request.query_params
        length = asked.get("historyLength") or asked.get("history_length") or ""
        if length and not length.removeprefix("-").isdecimal():
            raise InvalidParamsError("historyLength is no number.")
        query = urlencode({"historyLength": length} if length else {})
        told: dict[str, Any] = await super().on_get_task(Request({**request.scope, "query_string": query.encode()}), context)
        return told

    async def delete_push_notification(self, request: Request, context: ServerCallContext) -> dict[str, Any]:
        at = request.path_params
        params = types.DeleteTaskPushNotificationConfigParams(id=at["id"], push_notification_config_id=at["push_id"])
        asked = types.DeleteTaskPushNotificationConfigRequest(id="", params=params)
        await self.handler03.on_delete_task_push_notification_config(asked, context)
        return {}


async def _check_role(request: Request) -> None:
    """Raise InvalidParamsError for a message that is nobody's: the SDK takes it for the agent's own."""
    sent = await request.json()
    message = sent.get("message") if isinstance(sent, dict) else None
    if isinstance(message, dict) and message.get("role") not in _ROLES:
        raise InvalidParamsError(f"message.role is one of {', '.join(_ROLES)}.")
