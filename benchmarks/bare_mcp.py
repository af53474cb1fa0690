"""Bare MCP: a server on the SDK alone, with one tool of ours, at stdio or a port: `python -m benchmarks.bare_mcp [PORT]`."""

from __future__ import annotations

import logging
import sys

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

TOOL = "text_similarity"
ARGUMENTS = {"a": "Cedar Family Dentistry", "b": "Cedar Dentistry for Families"}
server = MCPServer("bare", log_level="CRITICAL")


@server.tool(name=TOOL, annotations=ToolAnnotations(read_only_hint=True))
def similarity(a: str, b: str) -> float:
    """How alike two texts are, from 0 to 1."""
    from executor.builtin.text import similarity as ours  # noqa: PLC0415  # a cold start has no use for it

    return ours(a, b)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        logging.disable(logging.CRITICAL)
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
