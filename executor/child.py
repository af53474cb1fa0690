"""The process of a killable tool: reads one call from stdin, writes one result to stdout, prints nothing else there."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from executor.call import jsoned
from executor.tool import ToolContext, ToolFailed, bind_tool


def main(module: str, name: str) -> None:
    """Call the tool `name` of `module` with the arguments that stand on stdin."""
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the tool prints goes to stderr
    question = json.loads(sys.stdin.buffer.read())
    result = _called(getattr(importlib.import_module(module), name), question)
    with answer_to:
        answer_to.write(json.dumps(result).encode())


def _called(function: Any, question: dict[str, Any]) -> dict[str, Any]:
    tool = bind_tool("child", function)
    arguments = dict(tool.arguments.model_validate(question["arguments"]).__dict__)
    if tool.context_parameter:
        workspace = Path(question["workspace"]) if question["workspace"] else None
        arguments[tool.context_parameter] = ToolContext(key=question["key"], run=question["run"], workspace=workspace)
    result = jsoned(tool, function(**arguments))
    if isinstance(result, ToolFailed):
        return {"ok": False, "message": result.message, "kind": result.kind}
    return {"ok": True, "value": result.value}


if __name__ == "__main__":
    main(*sys.argv[1:])
