"""McpHub: all configured servers of a process; each comes, goes and comes back without the others noticing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

from executor.mcp_tools.connection import McpConnection
from executor.mcp_tools.server import McpServer
from executor.mcp_tools.tools import tools_of
from executor.toolset import LiveToolset

_LAST_S = 10.0  # for servers to end; the SDK kills a process after four


class McpHub:
    """`async with McpHub(servers, toolset) as hub` connects to all of them, and keeps the toolset's namespaces up to date."""

    def __init__(self, servers: Mapping[str, McpServer], toolset: LiveToolset) -> None:
        self._toolset = toolset
        self.changed: list[Callable[[], None]] = []  # are called when tools have come, changed or gone
        self.connections = {n: McpConnection(n, server, partial(self._listed, n)) for n, server in servers.items()}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for name, connection in self.connections.items():
            self._tasks.append(asyncio.create_task(connection.supervise(), name=f"mcp {name}"))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for connection in self.connections.values():
            connection.stop()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_LAST_S)
            for task in left:
                task.cancel()

    async def ready(self, within_s: float) -> None:
        """Wait until every server has answered, or failed to, once; at most so long."""
        waits = [asyncio.create_task(c.tried.wait()) for c in self.connections.values()]
        if waits:
            _, left = await asyncio.wait(waits, timeout=within_s)
            for wait in left:
                wait.cancel()

    def _listed(self, namespace: str) -> None:
        self._toolset.put(namespace, tools_of(self.connections[namespace]))
        for tell in self.changed:
            tell()
