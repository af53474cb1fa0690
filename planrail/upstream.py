"""Upstream: the configured MCP servers of other people, connected while a house is open, or for a moment to be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from executor.mcp_tools.hub import McpHub
from executor.toolset import LiveToolset, Toolset
from planrail.settings import Settings

WAIT_S = 10.0  # for servers to list their tools before a command goes on without them; they come when they come


@asynccontextmanager
async def upstream(settings: Settings, toolset: Toolset) -> AsyncIterator[tuple[Toolset, McpHub]]:
    """The toolset with the servers' tools in it, as they come and go; the toolset itself where there is no server."""
    live = LiveToolset(toolset, settings.policy) if settings.mcp_servers else None
    async with McpHub(settings.mcp_servers, live or LiveToolset(toolset)) as hub:
        await hub.ready(WAIT_S)
        yield live or toolset, hub


def with_upstream(settings: Settings, toolset: Toolset) -> Toolset:
    """The toolset with what the servers list now, to be looked at: their tools cannot be called."""
    if not settings.mcp_servers:
        return toolset

    async def looked() -> Toolset:
        async with upstream(settings, toolset) as (live, _):
            return live.snapshot()

    return asyncio.run(looked())
