"""Old RPC: JSON-RPC of A2A 0.3 where the SDK's adapter says something else than that specification."""

from __future__ import annotations

import json
from typing import Any

from a2a.compat.v0_3.jsonrpc_adapter import JSONRPC03Adapter
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher
from a2a.utils.errors import InvalidParamsError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from a2a_node.request import Requests

_DELETE = "tasks/pushNotificationConfig/delete"
_MOST = 3  # of what is wrong with a request, told


class Dispatcher(JsonRpcDispatcher):
    """The SDK's, of both versions."""

    def __init__(self, handler: RequestHandler, requests: Requests, *, old: bool, drain_s: float) -> None:
        super().__init__(handler, requests, enable_v0_3_compat=old, shutdown_grace_period=drain_s)
        if old:
            self._v03_adapter = OldCalls(handler, requests, shutdown_grace_period=drain_s)


class OldCalls(JSONRPC03Adapter):
    """Parameters that do not fit are InvalidParams, not an invalid request; where there is no result, it is null."""

    async def handle_request(self, request_id: str | int | None, method: str, body: dict[str, Any], request: Request) -> Any:
        problem = problem_of(self.METHOD_TO_MODEL[method], body)
        if problem:
            return self._generate_error_response(request_id, InvalidParamsError(problem))
        response = await super().handle_request(request_id, method, body, request)
        if method != _DELETE:
            return response
        told = json.loads(bytes(response.body))
        return JSONResponse(told if "error" in told else {**told, "result": None})


def problem_of(model: Any, body: dict[str, Any]) -> str:
    """What is wrong with the parameters; empty if nothing is, or if it is the request itself."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        wrong = [e for e in error.errors(include_url=False) if e["loc"][:1] == ("params",)]
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in wrong[:_MOST])
    return ""
