"""Serving: one process with the HTTP doors, an engine, and a place to ask whether it is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from planrail.arrival import arriving, header_of
from planrail.auth import Authenticator, authenticator_of, check_open
from planrail.chores import chores
from planrail.doors import Entry, Probed
from planrail.house import House, open_house
from planrail.listener import address_of, bound, listening
from planrail.probes import PATHS, TOLD, Probes
from planrail.settings import Settings

_DRAIN_S = 5  # for requests in flight when the server is stopped; runs go on elsewhere, or later


async def serve(
    settings: Settings,
    entries: Sequence[Entry],
    *,
    host: str,
    port: int,
    worker: bool = True,
    ready: Callable[[Mapping[str, str]], None],
) -> None:
    """Serve until the process is told to stop; raises AuthRefused and AddressTaken.

    `ready` is told once it listens: where each door is, by name.
    """
    import uvicorn  # noqa: PLC0415  # a server's, which no other command needs

    async with open_house(settings) as house, AsyncExitStack() as stack:
        auth = await authenticator_of(settings.auth, house.journal.keys)
        check_open(host, auth, url=settings.a2a.url)
        listener = stack.enter_context(bound(host, port))
        engine: object | None = None
        if worker:
            engine = await stack.enter_async_context(house.engine())
            await stack.enter_async_context(chores(house))
        address = address_of(host, listener)
        app, told = await stack.enter_async_context(
            application(house, entries, auth, Probes(house, auth, engine), host=host, address=address)
        )
        config = uvicorn.Config(
            app, log_config=None, timeout_graceful_shutdown=_DRAIN_S, lifespan="off", access_log=False,
            proxy_headers=False,  # the peer is who has connected: `auth.proxy` is believed by that
        )  # fmt: skip
        where = {name: f"{address}{at}" if at.startswith("/") else at for name, at in told.items()}
        await listening(uvicorn.Server(config), listener, lambda: ready({"address": address, **where}))


@asynccontextmanager
async def application(
    house: House, entries: Sequence[Entry], auth: Authenticator, probes: Probes, *, host: str, address: str
) -> AsyncIterator[tuple[Any, Mapping[str, str]]]:
    """The ASGI application of all doors, while it is entered, and where each of them is."""
    for each in entries:
        if isinstance(each, Probed):
            each.probes = probes
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(entry.mounted(house, auth, host=host, address=address)) for entry in entries]
        told = {name: at for door in doors for name, at in door.told.items()} | TOLD
        asked = probes.app()
        yield _parted([(path, door.app) for door in doors for path in door.paths] + [(at, asked) for at in PATHS], asked), told


def _parted(doors: Sequence[tuple[str, Any]], otherwise: Any) -> Any:
    """An application that hands each request to the door with the longest path that it is at or below."""
    longest_first = sorted(doors, key=lambda door: -len(door[0]))

    async def parted(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        found = (app for at, app in longest_first if path == at or path.startswith(f"{at.rstrip('/')}/"))
        with arriving(header_of(scope.get("headers", ()))):
            await next(found, otherwise)(scope, receive, send)

    return parted
