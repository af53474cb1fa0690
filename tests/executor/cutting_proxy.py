"""A proxy before PostgreSQL that cuts a connection at a COMMIT: before the server gets it, or before the client is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

_COMMIT = b"COMMIT\x00"
Cut = Literal["before", "after"]


class CuttingProxy:
    """Set `cut` to have the next COMMIT cut, once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut: Cut | None = None
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(_pump(up_reader, writer))
        try:
            while data := await reader.read(65536):
                cut, self.cut = (self.cut, None) if _COMMIT in data else (None, self.cut)
                if cut is not None:
                    self.cuts += 1
                    writer.transport.abort()
                if cut != "before":
                    up_writer.write(data)
                    await up_writer.drain()
                if cut == "after":
                    await up_reader_settled(back)
                if cut is not None:
                    break
        except ConnectionError:
            pass
        finally:
            up_writer.close()
            writer.close()
            back.cancel()
            await asyncio.wait([back])


async def up_reader_settled(back: asyncio.Task[None]) -> None:
    """The server's answer has come: the pump fails to hand it to the client that is cut off."""
    await asyncio.wait([back], timeout=5.0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        if writer.transport.is_closing():
            return
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[tuple[CuttingProxy, int]]:
    """The proxy and the port it listens at."""
    proxy = CuttingProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield proxy, server.sockets[0].getsockname()[1]
