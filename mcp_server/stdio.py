"""Stdio: both eras of the protocol on one pipe.

The SDK locks the era at the first request; a host may probe `server/discover` and then send `initialize`. So each era has a
lane of its own, with a connection of its own, and each message goes to the lane it belongs to. Whatever a tool prints goes to
stderr: stdout speaks the protocol alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.runner import serve_dual_era_loop
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification, JSONRPCRequest
from mcp_types import PROTOCOL_VERSION_META_KEY

from mcp_server.server import McpDoor

_ROOM = 64  # messages of one lane that wait
_FLUSH_S = 0.5  # for replies that are under way when the client closes its end


@dataclass
class _Lanes:
    """One lane for each era, made when its first message comes."""

    door: McpDoor
    write: Any
    tasks: TaskGroup
    lanes: dict[bool, MemoryObjectSendStream[Any]] = field(default_factory=dict)
    owners: dict[Any, bool] = field(default_factory=dict)  # request → whether it is of the newer era
    busy: int = 0

    async def take(self, item: Any) -> None:
        """Send a message down its lane."""
        message = item.message if isinstance(item, SessionMessage) else None
        match message:
            case JSONRPCRequest(id=number):
                modern = self.owners[number] = _is_modern(message)
            case JSONRPCNotification(method="notifications/cancelled", params=params):
                modern = self.owners.get((params or {}).get("requestId"), False)
            case _:
                modern = bool(self.lanes) and False not in self.lanes
        await self._lane(modern).send(item)

    def _lane(self, modern: bool) -> MemoryObjectSendStream[Any]:
        if modern not in self.lanes:
            given, taken = anyio.create_memory_object_stream[Any](_ROOM)
            said, heard = anyio.create_memory_object_stream[Any](_ROOM)
            self.lanes[modern] = given
            self.tasks.start_soon(self._pump, heard)
            self.tasks.start_soon(self._serve, taken, said)
        return self.lanes[modern]

    async def _pump(self, heard: Any) -> None:
        async for message in heard:
            await self.write.send(message)

    async def _serve(self, taken: Any, said: Any) -> None:
        await serve_dual_era_loop(self.door.server, taken, said, lifespan_state={}, init_options=self.door.options())


def _is_modern(message: JSONRPCRequest) -> bool:
    meta = (message.params or {}).get("_meta") or {}
    return message.method != "initialize" and PROTOCOL_VERSION_META_KEY in meta


async def serve_stdio(door: McpDoor) -> None:
    """Serve the client at stdin and stdout until it closes its end."""
    async with stdio_server() as (read, write), telling(door):
        async with anyio.create_task_group() as tasks:
            lanes = _Lanes(door, write, tasks)
            async for item in read:
                await lanes.take(item)
            for lane in lanes.lanes.values():
                await lane.aclose()
            await anyio.sleep(_FLUSH_S)
            tasks.cancel_scope.cancel()
        await write.aclose()  # the pipe's own tasks end when both are closed
        await read.aclose()


@asynccontextmanager
async def telling(door: McpDoor) -> AsyncIterator[None]:
    """Within, those who subscribed are told of changes."""
    task = asyncio.create_task(door.subscribed.tell())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
