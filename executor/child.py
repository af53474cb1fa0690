"""The process of a killable tool: reads one call from stdin, writes one result to stdout, prints nothing else there."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from functools import reduce
from pathlib import Path
from typing import Any

from executor.artifacts import Artifact
from executor.errors import UnknownArtifact
from executor.outcome import jsoned
from executor.tool import ToolContext, ToolFailed, bind_tool


def main(module: str, name: str) -> None:
    """Call the tool `name` of `module` with the arguments that stand on stdin."""
    asked, answer_to = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the tool prints goes to stderr
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    question = json.loads(_line(asked.fileno()))
    threading.Thread(target=_end_with_parent, args=(asked.fileno(),), daemon=True).start()
    sys.path[:] = question["path"]
    result = _called(reduce(getattr, name.split("."), importlib.import_module(module)), question)
    with answer_to:
        answer_to.write(json.dumps(result).encode() + b"\n")


def _line(source: int) -> bytes:
    pieces: list[bytes] = []
    while not (pieces and pieces[-1].endswith(b"\n")):
        if not (piece := os.read(source, 1 << 20)):
            raise EOFError("the parent ended before it had asked")
        pieces.append(piece)
    return b"".join(pieces)


def _end_with_parent(source: int) -> None:
    """Kill this session when the parent is gone: nobody would hear the answer, and its effect has another owner then."""
    while os.read(source, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


class _OutOfReach:
    """The artifact store as a process of its own sees it: not there."""

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        raise UnknownArtifact("A killable tool cannot store artifacts.", hint="Return the value, or declare it not killable.")

    def get(self, content_hash: str) -> bytes:
        raise UnknownArtifact("A killable tool cannot read artifacts.", hint="Take the value, or declare it not killable.")


def _called(function: Any, question: dict[str, Any]) -> dict[str, Any]:
    tool = bind_tool("child", function)
    arguments = tool.bind(question["arguments"])
    if tool.context_parameter:
        workspace = Path(question["workspace"]) if question["workspace"] else None
        context = ToolContext(key=question["key"], run=question["run"], artifacts=_OutOfReach(), workspace=workspace)
        arguments[tool.context_parameter] = context
    result = jsoned(tool, function(**arguments))
    if isinstance(result, ToolFailed):
        return {"ok": False, "message": result.message, "kind": result.kind, "retry_after_s": result.retry_after_s}
    return {"ok": True, "value": result.value}


if __name__ == "__main__":
    main(*sys.argv[1:])
