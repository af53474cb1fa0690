"""Tools: what a server lists, as tools of its namespace.

A foreign tool says of itself what it likes. Of a server that is not trusted nothing is believed: each of its tools has an
irreversible effect, leaves the house, and gives what nobody vouches for; the policy's file can say otherwise, tool by tool.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from executor.foreign import foreign_tool
from executor.mcp_tools.connection import McpConnection
from executor.mcp_tools.result import unwrapped_schema
from executor.tool import MAX_DESCRIPTION, Tool, ToolContext, ToolFailed, ToolResult
from planner.guess import sensitive_arguments
from planner.toolspec import Effect, Json, ToolSpec

if TYPE_CHECKING:  # the SDK takes a second to load: only where there is a server
    from mcp.types import Tool as McpTool

_NO_NAME = re.compile(r"\W+", re.ASCII)
_SECONDS = 1.0  # what a call usually takes, for the critical path


def tools_of(connection: McpConnection) -> list[Tool]:
    """The tools that the server lists, in the order of their names; one whose schema is none is left out."""
    found: list[Tool] = []
    for name, listed in named(connection.listing.tools).items():
        spec = spec_of(f"{connection.namespace}.{name}", listed, connection.server.trusted, connection.server.most_s)
        call = partial(_called, connection, listed)
        found.append(foreign_tool(spec, call))
    return found


async def _called(
    connection: McpConnection, listed: McpTool, arguments: Mapping[str, Json], context: ToolContext
) -> ToolResult:
    if not connection.still_lists(listed):
        return ToolFailed(f"{connection.namespace}.{listed.name} has changed since the plan was certified.", "refused")
    schema = listed.output_schema
    return await connection.call(listed.name, arguments, key=context.key, schema=schema, artifacts=context.artifacts)


def named(tools: Iterable[McpTool]) -> dict[str, McpTool]:
    """The tools by names of the plan language; of two that would be called alike the later one is numbered."""
    found: dict[str, McpTool] = {}
    for tool in sorted(tools, key=lambda t: t.name):
        plain = _NO_NAME.sub("_", tool.name).strip("_") or "tool"
        plain = f"t_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain}_{number}"
        found[name] = tool
    return found


def spec_of(name: str, tool: McpTool, trusted: bool, most_s: float) -> ToolSpec:
    """What is known of a foreign tool; its hints count where its server is trusted."""
    hints = tool.annotations if trusted else None
    read = hints is not None and hints.read_only_hint is True
    harmless = hints is not None and hints.destructive_hint is False
    effect: Effect = "read" if read else "write" if harmless else "irreversible"
    guessed = sensitive_arguments(tool.input_schema)
    return ToolSpec(
        name=name,
        description=" ".join((tool.description or tool.title or tool.name).split())[:MAX_DESCRIPTION],
        input_schema=tool.input_schema,
        output_schema=unwrapped_schema(tool.output_schema),
        effect=effect,
        idempotent=hints is not None and hints.idempotent_hint is True,
        open_world=not (hints is not None and hints.open_world_hint is False),
        sensitive=guessed,
        guessed=guessed,
        timeout_s=most_s,
        seconds=_SECONDS,
    )
