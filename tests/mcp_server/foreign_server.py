"""Somebody else's MCP server, on the SDK, at stdin and stdout, or over HTTP where PORT is given.

MODE says how it misbehaves; STATE is the file in which it notes what it does.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
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


def _renamed() -> None:
    tools = server._tool_manager._tools
    tools["sum"] = tools.pop("add").model_copy(update={"name": "sum"})


if MODE == "renamed" and STATE.exists():
    _renamed()
if MODE == "restless":

    @server.tool(annotations=READ)
    async def rename(ctx: Context) -> int:  # type: ignore[type-arg]
        """Call `add` another name from now on, and say that the tools have changed."""
        _renamed()
        await ctx.notify_tools_changed()
        return 1

    @server.tool(annotations=READ)
    async def noise(times: int, ctx: Context) -> int:  # type: ignore[type-arg]
        """Tell of progress that often."""
        for n in range(times):
            await ctx.report_progress(n, times, "x" * 1000)
        return times


if __name__ == "__main__":
    if MODE == "silent":
        time.sleep(3600)
    if MODE == "chatty":
        os.write(1, b"welcome to the server\n")
    print("this goes astray", file=sys.stderr)
    if "PORT" in os.environ:
        server.run("streamable-http", host="127.0.0.1", port=int(os.environ["PORT"]))
    else:
        server.run()
