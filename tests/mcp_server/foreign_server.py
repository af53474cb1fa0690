"""Somebody else's MCP server, on the SDK, at stdin and stdout; a file that its environment names says how it misbehaves."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

STATE = Path(os.environ["STATE"])
MODE = os.environ.get("MODE", "")
READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)


def _noted(line: str) -> None:
    with STATE.open("a") as file:
        file.write(f"{line}\n")


server = MCPServer("foreign", log_level="CRITICAL")


@server.tool(annotations=READ)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(annotations=READ, structured_output=False)
def told(text: str) -> str:
    """Say the text back."""
    return text


@server.tool(annotations=READ, structured_output=False)
def flood(kib: int) -> str:
    """So many KiB of text."""
    return "x" * (kib * 1024)


@server.tool(annotations=READ)
async def hang() -> str:
    """Never answer."""
    _noted("hanging")
    await anyio.sleep_forever()
    return ""


@server.tool()
def write(line: str) -> str:
    """Write a line."""
    _noted(line)
    return "written"


@server.tool(annotations=READ)
def fail() -> str:
    """Fail."""
    raise ValueError("a secret reason")


if MODE == "renamed" and STATE.exists():
    server._tool_manager._tools["sum"] = server._tool_manager._tools.pop("add").model_copy(update={"name": "sum"})

if __name__ == "__main__":
    if MODE == "silent":
        time.sleep(3600)
    if MODE == "chatty":
        os.write(1, b"welcome to the server\n")
    print("this goes astray", file=sys.stderr)
    server.run()
