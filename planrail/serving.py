"""Serving: one process with the HTTP doors, an engine, and a place to ask whether it is well."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from planrail.auth import Authenticator, authenticator_of, check_open
from planrail.chores import chores
from planrail.doors import AddressTaken, Entry
from planrail.house import House, open_house
from planrail.settings import Settings

if TYPE_CHECKING:  # a server's, which no other command needs
    import uvicorn

HEALTH = "/healthz"
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
        check_open(host, auth)
        listener = stack.enter_context(_bound(host, port))
        if worker:
            await stack.enter_async_context(house.engine())
            await stack.enter_async_context(chores(house))
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        app, told = await stack.enter_async_context(application(house, entries, auth, host=host, address=address))
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=_DRAIN_S, lifespan="off", access_log=False,
            proxy_headers=False,  # the peer is who has connected: `auth.proxy` is believed by that
        )  # fmt: skip
        where = {name: f"{address}{at}" if at.startswith("/") else at for name, at in told.items()}
        await _listening(uvicorn.Server(config), listener, lambda: ready({"address": address, **where}))


def _bound(host: str, port: int) -> socket.socket:
    """A socket at that address, before anything is told of it; port 0 takes any that is free. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        problem = f"Nothing can listen at {host}:{port}: {error.strerror or error}."
        raise AddressTaken(problem, hint="Is another one there? `--port 0` takes any port that is free.") from None
    return listener


async def _listening(server: uvicorn.Server, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve; `ready` is called once it listens."""
    begin = server.startup

    async def begun(sockets: Any = None) -> None:
        await begin(sockets)
        if server.started:
            ready()

    server.startup = begun  # type: ignore[method-assign]  # it has no event for it
    try:
        await server.serve(sockets=[listener])
    finally:
        for each in getattr(server, "servers", ()):  # of one that was cancelled: else its loop still watches a closed socket
            each.close()


@asynccontextmanager
async def application(
    house: House, entries: Sequence[Entry], auth: Authenticator, *, host: str, address: str
) -> AsyncIterator[tuple[Any, Mapping[str, str]]]:
    """The ASGI application of all doors, while it is entered, and where each of them is."""
    from starlette.applications import Starlette  # noqa: PLC0415  # a server's, which no other command needs
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def healthz(request: Request) -> JSONResponse:
        try:
            await house.journal.find(limit=1)
        except Exception:  # noqa: BLE001  # whatever keeps the database away: the answer is that it is
            return JSONResponse({"ok": False, "problem": "the database cannot be reached"}, status_code=503)
        upstream = {name: "up" if c.is_up else c.problem for name, c in house.hub.connections.items()}
        return JSONResponse({"ok": True, "worker": house.worker, **({"upstream": upstream} if upstream else {})})

    health = Starlette(routes=[Route(HEALTH, healthz)])
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(entry.mounted(house, auth, host=host, address=address)) for entry in entries]
        told = {name: at for door in doors for name, at in door.told.items()} | {"health": HEALTH}
        yield _parted([(path, door.app) for door in doors for path in door.paths] + [(HEALTH, health)], health), told


def _parted(doors: Sequence[tuple[str, Any]], otherwise: Any) -> Any:
    """An application that hands each request to the door with the longest path that it is at or below."""
    longest_first = sorted(doors, key=lambda door: -len(door[0]))

    async def parted(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        found = (app for at, app in longest_first if path == at or path.startswith(f"{at.rstrip('/')}/"))
        await next(found, otherwise)(scope, receive, send)

    return parted
