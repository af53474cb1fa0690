"""Task, told: a run as a task of the extension `io.modelcontextprotocol/tasks` (SEP-2663). Pure."""

from __future__ import annotations

from typing import Any, Literal

from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executor.events import RunStatus
from executor.run import is_over
from mcp_server.door import Ctx
from mcp_server.forms import form_of, form_request
from mcp_server.run_told import progress, run_result
from planner.toolspec import Json
from planrail.view import RunView

TASKS = "io.modelcontextprotocol/tasks"
TASK_AFTER_S = 1.0  # a run that takes longer is a task, for a client that has them
_POLL_MS = 500

TaskStatus = Literal["working", "input_required", "completed", "failed", "cancelled"]
_STATUS: dict[RunStatus, TaskStatus] = {
    "queued": "working", "running": "working", "waiting": "working", "done": "completed", "partial": "completed",
    "failed": "completed", "cancelled": "cancelled",
}  # fmt: skip


def declares_tasks(ctx: Ctx) -> bool:
    """Whether the client has declared the extension with this request."""
    capabilities = ctx.session.client_capabilities
    extensions = capabilities.extensions if capabilities is not None else None
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and bool(extensions) and TASKS in (extensions or {})


def need_tasks(ctx: Ctx) -> None:
    """Raise MCPError where the client has not declared the extension."""
    if not declares_tasks(ctx):
        wanted: Json = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"The client has not declared {TASKS}", wanted)


def task_result(view: RunView) -> Any:
    """What a call gives that has become a task: no result of the base protocol, hence a plain object."""
    return {"resultType": "task", **_base(view), "status": "working"}


def task_of(view: RunView) -> dict[str, Json]:
    """The task as `tasks/get` tells it. A run that failed has a result that says so: the call did what it should.

    The task itself has failed where it was Planrail that did, and not the run.
    """
    told = {"resultType": "complete", **_base(view)}
    if view.broken and view.status == "failed":
        return {**told, "status": "failed", "error": {"code": INTERNAL_ERROR, "message": view.reason}}
    asked = {
        q.id: form_request(q, view.id).model_dump(by_alias=True, mode="json", exclude_none=True)
        for q in view.questions
        if form_of(q)
    }
    if told["status"] == "working" and asked:
        return {**told, "status": "input_required", "inputRequests": asked}
    if told["status"] == "completed":
        result = run_result(view)
        if view.status == "failed":
            result = result.model_copy(update={"is_error": True})
        return {**told, "result": result.model_dump(by_alias=True, mode="json", exclude_none=True)}
    return told


def _base(view: RunView) -> dict[str, Json]:
    begun = view.started_at.isoformat() if view.started_at else ""
    changed = view.ended_at or view.started_at
    done, of = progress(view)
    message = f"{done} of {of} steps" if of and not is_over(view.status) else view.status
    return {
        "taskId": view.id, "status": _STATUS[view.status], "statusMessage": message, "createdAt": begun,
        "lastUpdatedAt": changed.isoformat() if changed else begun, "ttlMs": None, "pollIntervalMs": _POLL_MS,
    }  # fmt: skip
