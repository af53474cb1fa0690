"""A worker: a process that carries runs on and does nothing else. Any number of them share one PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from planrail.chores import chores
from planrail.house import open_house
from planrail.settings import Settings


async def serve_worker(
    settings: Settings, *, ready: Callable[[str], None] = lambda worker: None, stop: asyncio.Event | None = None
) -> None:
    """Carry runs on until SIGTERM, SIGINT or `stop`; then drain: segments end, or their runs are handed over at once.

    `ready` is called with the worker's name once it takes runs. A second signal ends the process as usual.
    """
    ending = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def end() -> None:
        for each in signals:
            loop.remove_signal_handler(each)
        ending.set()

    for each in signals:
        loop.add_signal_handler(each, end)
    try:
        async with open_house(settings) as house, house.engine(), chores(house):
            ready(house.worker)
            await ending.wait()
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
