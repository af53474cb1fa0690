"""A receiver of push notifications: a real HTTP server that hears them in order, and answers as a test has it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

BOUND_S = 60.0
LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class Heard:
    """One request, whole."""

    path: str
    headers: dict[str, str]  # names in small letters
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def id(self) -> str:
        return self.headers["x-a2a-notification-id"]

    @property
    def kind(self) -> str:
        """What of a StreamResponse it is, or a task's state for a task and a status."""
        ((name, told),) = self.body.items()
        return str(told["status"]["state"]).removeprefix("TASK_STATE_") if "status" in told else name


Reply = Callable[[Heard], Awaitable[int]]


async def taken(heard: Heard) -> int:
    """The usual reply."""
    return 200


@dataclass
class Receiver:
    """Where notifications arrive; `heard` are those that came, whatever was replied."""

    port: int = 0
    reply: Reply = taken
    headers: str = ""  # of every reply, each with its line's end
    heard: list[Heard] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str = "/hook", host: str = LOCAL) -> str:
        return f"http://{host}:{self.port}{path}"

    async def until(self, holds: Callable[[list[Heard]], bool]) -> list[Heard]:
        """Everything heard, once that holds of it."""
        async with asyncio.timeout(BOUND_S), self._came:
            await self._came.wait_for(lambda: holds(self.heard))
            return list(self.heard)

    async def until_over(self, path: str = "/hook") -> list[Heard]:
        """Everything that was heard at that path, once it is told of the task's end."""
        ends = ("COMPLETED", "FAILED", "CANCELED", "REJECTED")
        heard = await self.until(lambda all_: any(h.path == path and h.kind in ends for h in all_))
        return [h for h in heard if h.path == path]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            heard = Heard(head[0].split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", 0))))
            async with self._came:
                self.heard.append(heard)
                self._came.notify_all()
            status = await self.reply(heard)
            writer.write(f"HTTP/1.1 {status} x\r\n{self.headers}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(reply: Reply = taken, *, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on this machine, until the block ends."""
    made = Receiver(reply=reply)
    server = await asyncio.start_server(made.answer, LOCAL, port, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        for listener in server.sockets:  # those who are being accepted are let in first: asyncio leaves them open otherwise
            asyncio.get_running_loop().remove_reader(listener.fileno())
        await asyncio.sleep(0)
        server.close()
