"""Hook: a receiver of push notifications that keeps connections and does no more than it has to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_END = b"TASK_STATE_COMPLETED"


class Hook(asyncio.Protocol):
    """One connection; `heard` is called with each body, which tells whether a task has ended."""

    def __init__(self, heard: Callable[[bool], None]) -> None:
        self._heard = heard
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(self._rest[:end])
            if len(self._rest) < whole:
                return
            body, self._rest = self._rest[end + 4 : whole], self._rest[whole:]
            self._heard(_END in body)
            self._transport.write(_ANSWER)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
