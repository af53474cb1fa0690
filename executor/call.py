"""Call a tool: arguments in by its schema, a ToolResult out, whatever the function does meanwhile.

A call never raises for what the function did: a crash, a hang, a flood or a wrong type is a `ToolFailed`. Cancelling a call
cancels an async function, kills a process, and abandons a thread (which cannot be killed; it is a daemon, so it holds no
exit up).
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from executor.tool import Tool, ToolContext, ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json

log = logging.getLogger(__name__)

MAX_RESULT_BYTES = 16 * 1024 * 1024  # a larger result is a failure: bulk travels as artifacts
_STREAM_LIMIT = 2 * MAX_RESULT_BYTES


async def call_tool(
    tool: Tool, arguments: Mapping[str, Json], context: ToolContext, *, timeout_s: float | None = None
) -> ToolResult:
    """Call the tool once. `timeout_s` may shorten or lengthen what the tool declares."""
    limit = tool.spec.timeout_s if timeout_s is None else timeout_s
    try:
        bound = tool.arguments.model_validate(dict(arguments), strict=False)
    except ValidationError as error:
        return ToolFailed(f"{tool.spec.name}: {_first(error)}", "invalid")
    try:
        async with asyncio.timeout(limit) as deadline:
            return await _run(tool, bound.__dict__, arguments, context)
    except TimeoutError:
        if not deadline.expired():
            return _crashed(tool, TimeoutError())
        return ToolFailed(f"{tool.spec.name} did not answer within {limit:g} s.", "timeout")
    except Exception as error:  # noqa: BLE001  # the boundary to foreign code: whatever it raises is a failed call
        return _crashed(tool, error)


async def _run(tool: Tool, bound: Mapping[str, Any], raw: Mapping[str, Json], context: ToolContext) -> ToolResult:
    if tool.killable:
        return await _in_process(tool, raw, context)
    injected = {tool.context_parameter: context} if tool.context_parameter else {}

    def call() -> Any:
        return tool.function(**bound, **injected)

    if tool.is_async:
        return jsoned(tool, await call())
    return await _in_thread(lambda: jsoned(tool, call()))


def jsoned(tool: Tool, value: Any) -> ToolResult:
    """What a function returned, as the JSON value that its output schema promises."""
    if isinstance(value, ToolFailed):
        return value
    try:
        text = tool.result.dump_json(tool.result.validate_python(value))
    except (ValidationError, PydanticSerializationError, RecursionError) as error:
        reason = _first(error) if isinstance(error, ValidationError) else "it is not JSON"
        return ToolFailed(f"{tool.spec.name} returned what it does not declare: {reason}", "invalid")
    if len(text) > MAX_RESULT_BYTES:
        return ToolFailed(
            f"{tool.spec.name} returned {len(text):,} bytes; the limit is {MAX_RESULT_BYTES:,}.", "invalid"
        )
    try:
        return ToolDone(json.loads(text, parse_constant=_refuse_constant))
    except ValueError as error:
        return ToolFailed(f"{tool.spec.name} returned what is not JSON: {error}", "invalid")


async def _in_thread(call: Callable[[], ToolResult]) -> ToolResult:
    """Run a sync function in a daemon thread: a pool's threads would hold up the exit when a tool hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ToolResult] = loop.create_future()
    state = contextvars.copy_context()

    def settle(result: ToolResult | BaseException) -> None:
        if done.done():
            return
        if isinstance(result, BaseException):
            done.set_exception(result)
        else:
            done.set_result(result)

    def work() -> None:
        outcome: ToolResult | BaseException
        try:
            outcome = state.run(call)
        except BaseException as error:  # noqa: BLE001  # carried over to the loop, where the boundary is
            outcome = error if isinstance(error, Exception) else RuntimeError(f"the tool raised {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(settle, outcome)
        except RuntimeError:
            log.debug("a tool ended after its loop had closed")

    threading.Thread(target=work, name="planrail-tool", daemon=True).start()
    return await done


async def _in_process(tool: Tool, raw: Mapping[str, Json], context: ToolContext) -> ToolResult:
    """Run a function of a module in a process of its own, and kill it when the call is given up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "executor.child", tool.function.__module__, tool.function.__qualname__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_STREAM_LIMIT,
    )  # fmt: skip
    workspace = str(context.workspace) if context.workspace else None
    question = {"arguments": dict(raw), "key": context.key, "run": context.run, "workspace": workspace}
    try:
        out, _ = await process.communicate(json.dumps(question).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return ToolFailed(f"{tool.spec.name} ended its process with code {process.returncode}.", "crashed")
    answer = json.loads(out)
    return ToolDone(answer["value"]) if answer["ok"] else ToolFailed(answer["message"], answer["kind"])


async def probe_tool(tool: Tool, key: str) -> bool | None:
    """Whether the call with this key took effect; None when the tool cannot tell."""
    if tool.probe is None:
        return None
    found = tool.probe(key) if inspect.iscoroutinefunction(tool.probe) else asyncio.to_thread(tool.probe, key)
    return bool(await found)


def _crashed(tool: Tool, error: Exception) -> ToolFailed:
    log.error("tool %s crashed", tool.spec.name, exc_info=error)
    return ToolFailed(f"{tool.spec.name} crashed ({type(error).__name__}); the log has the details.", "crashed")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
