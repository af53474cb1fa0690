"""The events of streams that an older client takes up again (SEP-1699), in memory."""

from __future__ import annotations

from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.types import JSONRPCMessage


class Events(EventStore):
    def __init__(self) -> None:
        self._stored: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._stored.append((stream_id, message))
        return str(len(self._stored))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        after = int(last_event_id)
        stream = self._stored[after - 1][0]
        for number, (of, message) in enumerate(self._stored[after:], start=after + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream
