"""The parent's side of a killable tool: a process for one call, bounded and ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from executor.outcome import MAX_RESULT_BYTES, bounded_failure
from executor.tool import Tool, ToolContext, ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json

_MAX_ANSWER = MAX_RESULT_BYTES + 65_536  # the value and what stands around it


async def call_in_process(tool: Tool, arguments: Mapping[str, Json], context: ToolContext) -> ToolResult:
    """Run a function of a module in a process of its own, and kill the process when the call is given up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "executor.child", tool.function.__module__, tool.function.__qualname__,
        stdin=PIPE, stdout=PIPE, start_new_session=True,
    )  # fmt: skip
    question = {
        "arguments": dict(arguments),
        "key": context.key,
        "run": context.run,
        "workspace": str(context.workspace) if context.workspace else None,
        "path": sys.path,
    }
    try:
        answer = await _exchange(process, json.dumps(question).encode() + b"\n")
    finally:
        _kill(process)
        await process.wait()
    if answer is None:
        return ToolFailed(f"{tool.spec.name} ended its process without a result (code {process.returncode}).", "crashed")
    return _result(answer)


async def _exchange(process: Process, question: bytes) -> bytes | None:
    """The line that the process answers with, or None. Its stdin stays open: at its end the child knows we are gone."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died early: there is no answer then
        process.stdin.write(question)
        await process.stdin.drain()
    pieces: list[bytes] = []
    size = 0
    while piece := await process.stdout.read(65_536):
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_ANSWER:
            return None
    answer = b"".join(pieces)
    return answer if answer.endswith(b"\n") else None


def _kill(process: Process) -> None:
    """Kill the process and all of its session; one that has ended may have left some behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _result(answer: bytes) -> ToolResult:
    told = json.loads(answer)
    if told["ok"]:
        return ToolDone(told["value"])
    return bounded_failure(ToolFailed(told["message"], told["kind"], told["retry_after_s"]))
