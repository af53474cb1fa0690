"""Subscribed: who wants to hear of which run, and the task that tells them: newer clients listen, older ones are notified."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from dataclasses import dataclass, field

from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ToolsListChanged

from executor.submission import Principal
from mcp_server.door import Door

_SEEN = 500  # runs whose last number is remembered


@dataclass
class Subscribed:
    """The subscriptions of older clients, by session, and what was last told of each run."""

    door: Door
    bus: InMemorySubscriptionBus
    _wanted: weakref.WeakKeyDictionary[ServerSession, dict[str, Principal]] = field(default_factory=weakref.WeakKeyDictionary)
    _told: dict[str, int] = field(default_factory=dict)

    def add(self, session: ServerSession, uri: str, who: Principal) -> None:
        """Notify this session when the run at the address changes."""
        self._wanted.setdefault(session, {})[uri] = who

    def remove(self, session: ServerSession, uri: str) -> None:
        """Notify it no more."""
        self._wanted.get(session, {}).pop(uri, None)

    async def tell(self) -> None:
        """Tell of changes until cancelled."""
        journal = self.door.house.journal
        async for _ in journal.changes():
            for record in await journal.find(limit=20):
                if self._told.get(record.id) == record.seq:
                    continue
                known = record.id in self._told or bool(self._told)
                self._told[record.id] = record.seq
                if known:
                    await self._changed(f"run://{record.id}")
            while len(self._told) > _SEEN:
                self._told.pop(next(iter(self._told)))

    async def tools_changed(self) -> None:
        """The tools are others than they were."""
        await self.bus.publish(ToolsListChanged())
        for session in list(self._wanted):
            with contextlib.suppress(Exception):  # a session that is gone
                await session.send_tool_list_changed()

    async def _changed(self, uri: str) -> None:
        await self.bus.publish(ResourceUpdated(uri=uri))
        for session, wanted in list(self._wanted.items()):
            if uri in wanted:
                with contextlib.suppress(Exception):  # a session that is gone
                    async with asyncio.timeout(1.0):
                        await session.send_resource_updated(uri)
