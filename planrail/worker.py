"""A worker: a process that carries runs on and does nothing else. Any number of them share one PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

from planrail.auth import authenticator_of, check_open
from planrail.chores import chores
from planrail.house import House, open_house
from planrail.listener import address_of, bound, listening
from planrail.probes import Probes
from planrail.settings import Settings


async def serve_worker(
    settings: Settings,
    *,
    ready: Callable[[str, str], None] = lambda worker, address: None,
    stop: asyncio.Event | None = None,
    probed_at: tuple[str, int] | None = None,
) -> None:
    """Carry runs on until SIGTERM, SIGINT or `stop`; then drain: segments end, or their runs are handed over at once.

    `ready` is called once it takes runs: with the worker's name, and where its probes are, if a host and a port for them are
    given; else "". A second signal ends the process as usual. Raises AuthRefused and AddressTaken.
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
        async with (
            open_house(settings) as house,
            _probed(house, probed_at) as (probes, address),
            house.engine() as probes.engine,
            chores(house),
        ):
            ready(house.worker, address)
            await ending.wait()
            probes.leaves = True
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


@asynccontextmanager
async def _probed(house: House, at: tuple[str, int] | None) -> AsyncIterator[tuple[Probes, str]]:
    """The probes of the process, answered there while it is entered, and their address."""
    auth = await authenticator_of(house.settings.auth, house.journal.keys)
    probes = Probes(house, auth)
    if at is None:
        yield probes, ""
        return
    import uvicorn  # noqa: PLC0415  # a server's, which a worker without probes does not need

    host, port = at
    check_open(host, auth)
    with bound(host, port) as listener:
        server = uvicorn.Server(uvicorn.Config(probes.app(), log_config=None, lifespan="off", access_log=False))
        server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]  # they are the worker's
        listens = asyncio.Event()
        serving = asyncio.create_task(listening(server, listener, listens.set), name="planrail-probes")
        await listens.wait()
        try:
            yield probes, address_of(host, listener)
        finally:
            server.should_exit = True
            await asyncio.wait([serving])
