"""Tasks: the methods of the extension `io.modelcontextprotocol/tasks` (SEP-2663) over runs. The task's id is the run's.

A client that declares the extension gets a task where a run takes longer than a moment. Status, input requests, cancel and
result are views of the run: nothing of a task is kept anywhere else, so any process answers for it, also after a restart.
"""

from __future__ import annotations

from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    ElicitResult,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field, ValidationError

from mcp_server.door import Ctx, Door
from mcp_server.forms import decided
from mcp_server.task_told import TASKS, need_tasks, task_of
from mcp_server.waiting import view_of
from planner.errors import PlanrailError
from planner.toolspec import Json


class TaskParams(RequestParams):
    """The task that is meant."""

    task_id: str


class TaskUpdate(TaskParams):
    """What the client's person has said, by the question's id."""

    input_responses: dict[str, Any] = Field(default_factory=dict)


class RunTasks:
    """Tasks as views of runs."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def bind(self, server: Server[Any]) -> None:
        """Serve the extension's methods."""
        server.add_request_handler("tasks/get", TaskParams, self._get)
        server.add_request_handler("tasks/update", TaskUpdate, self._update)
        server.add_request_handler("tasks/cancel", TaskParams, self._cancel)
        server.extensions = {**(server.extensions or {}), TASKS: {}}

    async def _get(self, ctx: Ctx, params: TaskParams) -> dict[str, Json]:
        _admitted(ctx, params)
        try:
            return task_of(await view_of(self._door.house, params.task_id, self._door.principal(ctx)))
        except PlanrailError:
            raise _unknown(params) from None

    async def _update(self, ctx: Ctx, params: TaskUpdate) -> dict[str, Json]:
        _admitted(ctx, params)
        runs = self._door.house.runs
        try:
            state = await runs.get(params.task_id, self._door.principal(ctx))
            for question in state.open_questions:
                if question.id in params.input_responses:
                    said = ElicitResult.model_validate(params.input_responses[question.id])
                    await decided(runs, state.id, self._door.person(ctx), question, said)
        except ValidationError as error:
            raise MCPError(
                INVALID_PARAMS, f"An answer is none: {error.error_count()} problems", {"taskId": params.task_id}
            ) from None
        except PlanrailError as error:
            raise MCPError(INVALID_PARAMS, error.message, {"taskId": params.task_id}) from None
        return {"resultType": "complete"}

    async def _cancel(self, ctx: Ctx, params: TaskParams) -> dict[str, Json]:
        _admitted(ctx, params)
        try:
            await self._door.house.runs.cancel(params.task_id, self._door.principal(ctx))
        except PlanrailError:
            raise _unknown(params) from None
        return {"resultType": "complete"}


def _admitted(ctx: Ctx, params: TaskParams) -> None:
    """Raise MCPError where the client has no tasks, or its header names another one."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        raise MCPError(METHOD_NOT_FOUND, f"Method not found: {ctx.method}")
    need_tasks(ctx)
    headers = getattr(ctx.request, "headers", None)
    named = None if headers is None else headers.get(MCP_NAME_HEADER)
    if named is not None and decode_header_value(named) != params.task_id:
        raise MCPError(HEADER_MISMATCH, "The Mcp-Name header is not the task's id.")


def _unknown(params: TaskParams) -> MCPError:
    return MCPError(INVALID_PARAMS, "Task not found", {"taskId": params.task_id})
