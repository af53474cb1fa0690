"""Serving: a server of one door in the test's own process, for as long as a block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from planrail.doors import Entry
from planrail.serving import serve
from planrail.settings import Settings

_BOUND_S = 60.0


@asynccontextmanager
async def served(settings: Settings, door: Entry, *, worker: bool = True) -> AsyncIterator[Mapping[str, str]]:
    """Where everything is, by name, on a port that was free; raises what the server ended with before it listened."""
    heard: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, [door], host="127.0.0.1", port=0, worker=worker, ready=heard.set_result))
    try:
        await asyncio.wait([serving, heard], return_when=asyncio.FIRST_COMPLETED, timeout=_BOUND_S)
        if serving.done():
            serving.result()
        yield heard.result()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
