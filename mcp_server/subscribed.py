"""Subscribed: who wants to hear of which run, and the task that tells them: newer clients listen, older ones are notified."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from dataclasses import dataclass, field

from mcp.server.connection import Connection
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executor.submission import Principal
from mcp_server.door import Ctx, Door

_SEEN = 500  # runs whose last number is remembered
_PAUSE_S = 0.05  # least between two looks at the runs, which a busy database would else be asked for all the time


@dataclass
class Subscribed:
    """The subscriptions of older clients, by connection, and what was last told of each run."""

    door: Door
    bus: InMemorySubscriptionBus
    _wanted: weakref.WeakKeyDictionary[Connection, dict[str, Principal]] = field(default_factory=weakref.WeakKeyDictionary)
    _told: dict[str, int] = field(default_factory=dict)
    _listers: weakref.WeakSet[Connection] = field(default_factory=weakref.WeakSet)  # older clients that know the tools
    tools_stale: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, ctx: Ctx, uri: str, who: Principal) -> None:
        """Notify this client when the run at the address changes."""
        self._wanted.setdefault(_connection(ctx), {})[uri] = who

    def remove(self, ctx: Ctx, uri: str) -> None:
        """Notify it no more."""
        self._wanted.get(_connection(ctx), {}).pop(uri, None)

    def listed(self, ctx: Ctx) -> None:
        """A client has listed the tools, and wants to hear when they are others."""
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:  # newer ones listen
            self._listers.add(_connection(ctx))

    async def tell(self) -> None:
        """Tell of changes until cancelled."""
        await asyncio.gather(self._tell_of_runs(), self._tell_of_tools())

    async def _tell_of_tools(self) -> None:
        while True:
            await self.tools_stale.wait()
            self.tools_stale.clear()
            await self.tools_changed()

    async def _tell_of_runs(self) -> None:
        journal = self.door.house.journal
        self._told |= {record.id: record.seq for record in await journal.find(limit=20)}  # what was before is no news
        async for _ in journal.changes():
            for record in await journal.find(limit=20):
                if self._told.get(record.id) != record.seq:
                    self._told[record.id] = record.seq
                    await self._changed(f"run://{record.id}")
            while len(self._told) > _SEEN:
                self._told.pop(next(iter(self._told)))
            await asyncio.sleep(_PAUSE_S)

    async def tools_changed(self) -> None:
        """The tools are others than they were."""
        await self.bus.publish(ToolsListChanged())
        for connection in list(self._listers):
            with contextlib.suppress(Exception):  # a client that is gone
                async with asyncio.timeout(1.0):
                    await connection.send_tool_list_changed()

    async def _changed(self, uri: str) -> None:
        await self.bus.publish(ResourceUpdated(uri=uri))
        for connection, wanted in list(self._wanted.items()):
            if uri in wanted:
                with contextlib.suppress(Exception):  # a client that is gone
                    async with asyncio.timeout(1.0):
                        await connection.send_resource_updated(uri)


def _connection(ctx: Ctx) -> Connection:
    """The client's connection, which lasts; the SDK's session is one request's alone."""
    return ctx.session._connection
