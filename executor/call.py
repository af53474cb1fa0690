"""Call a tool: arguments in by its schema, a ToolResult out, whatever the function does meanwhile.

A call never raises for what the function did: a crash, a hang, a flood or a wrong type is a `ToolFailed`. Cancelling a call
cancels an async function (and leaves one behind that will not end), kills a process with all that it started, and abandons
a thread (which cannot be killed; it is a daemon, so it holds no exit up).
"""

from __future__ import annotations

import asyncio
import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from executor.outcome import first_problem, is_light, jsoned
from executor.process import call_in_process
from executor.threads import hung_threads, in_thread
from executor.tool import InvalidArguments, Tool, ToolContext, ToolFailed, ToolResult
from planner.errors import PlanrailError
from planner.toolspec import Json

log = logging.getLogger(__name__)
T = TypeVar("T")
Late = Callable[[ToolResult], None]

MAX_HUNG_THREADS = 64  # given-up threads that still run; above it calls of sync functions fail as transient
GRACE_S = 1.0  # how long a cancelled async function may tidy up before it is left behind
_left_behind: set[asyncio.Task[Any]] = set()


async def call_tool(
    tool: Tool,
    arguments: Mapping[str, Json],
    context: ToolContext,
    *,
    timeout_s: float | None = None,
    late: Late | None = None,
) -> ToolResult:
    """Call the tool once. `timeout_s` may shorten or lengthen what the tool declares.

    A call that was given up, cancelled or timed out, and ends after all tells its result to `late`.
    """
    limit = tool.spec.timeout_s if timeout_s is None else timeout_s
    try:
        bound = tool.bind(arguments)
    except ValidationError as error:
        return ToolFailed(f"{tool.spec.name}: {_problem(tool, error)}", "invalid")
    except InvalidArguments as error:
        return ToolFailed(f"{tool.spec.name}: {error}", "invalid")
    except RecursionError:
        return ToolFailed(f"{tool.spec.name}: its arguments are nested too deeply.", "invalid")
    deadline = asyncio.timeout(limit)
    try:
        async with deadline:
            return await _run(tool, bound, arguments, context, late)
    except TimeoutError as error:
        if not deadline.expired():
            return _crashed(tool, error)
        return ToolFailed(f"{tool.spec.name} did not answer within {limit:g} s.", "timeout")
    except Exception as error:  # noqa: BLE001  # the boundary to foreign code: whatever it raises is a failed call
        return _crashed(tool, error)


async def _run(
    tool: Tool, bound: Mapping[str, Any], raw: Mapping[str, Json], context: ToolContext, late: Late | None
) -> ToolResult:
    if tool.killable:
        return await call_in_process(tool, raw, context)
    injected = {tool.context_parameter: context} if tool.context_parameter else {}

    def call() -> Any:
        return tool.function(**bound, **injected)

    if tool.is_async:
        value = await _cancellably(call, late=None if late is None else lambda v: late(jsoned(tool, v)))
        return jsoned(tool, value) if is_light(value) else await in_thread(lambda: jsoned(tool, value))
    if (hanging := hung_threads()) >= MAX_HUNG_THREADS:
        return ToolFailed(f"{tool.spec.name} was not called: {hanging} earlier calls of tools hang.", "transient")
    return await in_thread(lambda: jsoned(tool, call()), late=late)


async def _cancellably(call: Callable[[], Awaitable[T]], *, late: Callable[[T], None] | None = None) -> T:
    """Await a foreign coroutine that may refuse to be cancelled, cancel itself, or call exit."""

    async def guarded() -> T:
        try:
            return await call()
        except SystemExit as error:  # it would end the loop
            raise RuntimeError("the tool called exit") from error

    task = asyncio.create_task(guarded())
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task.add_done_callback(lambda _: None if over.done() else over.set_result(None))
    try:
        await over
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_S)
        if not task.done():
            log.warning("a tool does not let itself be cancelled and is left behind")
            _left_behind.add(task)
            task.add_done_callback(_left_behind.discard)
        task.add_done_callback(lambda ended: _seen(ended, late))
        raise
    if task.cancelled():
        raise RuntimeError("the tool cancelled itself")
    return task.result()


def _seen(task: asyncio.Task[T], late: Callable[[T], None] | None) -> None:
    """Look at how the task ended, so that asyncio does not complain that nobody did; it may have a result all the same."""
    if task.cancelled():
        return
    if error := task.exception():
        log.info("a cancelled tool ended with %s", type(error).__name__)
    elif late is not None:
        late(task.result())


async def probe_tool(tool: Tool, key: str) -> bool | None:
    """Whether the call with this key took effect; None when the tool cannot tell, fails to or takes too long."""
    probe = tool.probe
    if probe is None:
        return None
    try:
        async with asyncio.timeout(tool.spec.timeout_s):
            if inspect.iscoroutinefunction(probe):
                found = await _cancellably(lambda: probe(key))
            else:
                found = await in_thread(lambda: probe(key))
    except Exception as error:  # the boundary to foreign code: whoever cannot say does not know
        log.error("the probe of %s failed", tool.spec.name, exc_info=error)
        return None
    return found if isinstance(found, bool) else None


def _crashed(tool: Tool, error: Exception) -> ToolFailed:
    log.error("tool %s crashed", tool.spec.name, exc_info=error)
    if isinstance(error, PlanrailError):  # the artifact store's, which says what is wrong
        return ToolFailed(f"{tool.spec.name}: {error}", "crashed")
    return ToolFailed(f"{tool.spec.name} crashed ({type(error).__name__}); the log has the details.", "crashed")


def _problem(tool: Tool, error: ValidationError) -> str:
    """What is wrong with the arguments, and for an unknown one which there are."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] != "extra_forbidden" or len(first["loc"]) != 1:
        return first_problem(error)
    given, known = str(first["loc"][0]), list(tool.spec.input_schema.get("properties", {}))
    near = difflib.get_close_matches(given, known, n=1)
    suggestion = f"Did you mean `{near[0]}`? " if near else ""
    return f"it has no argument `{given[:80]}`. {suggestion}Its arguments: {', '.join(known) or 'none'}."
