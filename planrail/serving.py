"""Serving: one process with the HTTP doors, an engine, and a place to ask whether it is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from planrail.auth import Authenticator, check_open
from planrail.doors import Entry
from planrail.house import House, open_house
from planrail.settings import Settings

if TYPE_CHECKING:  # a server's, which no other command needs
    import uvicorn

_DRAIN_S = 5  # for requests in flight when the server is stopped; runs go on elsewhere, or later


async def serve(
    settings: Settings, entries: Sequence[Entry], *, host: str, port: int, worker: bool = True, ready: Callable[[str], None]
) -> None:  # fmt: skip
    """Serve until the process is told to stop; raises AuthRefused. `ready` is told the address once it listens."""
    import uvicorn  # noqa: PLC0415  # a server's, which no other command needs

    check_open(host, settings.auth)
    async with open_house(settings) as house, AsyncExitStack() as stack:
        if worker:
            await stack.enter_async_context(house.engine())
        app = await stack.enter_async_context(application(house, entries, Authenticator(settings.auth), host=host))
        config = uvicorn.Config(
            app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=_DRAIN_S, lifespan="off", access_log=False
        )  # fmt: skip
        await _listening(uvicorn.Server(config), lambda at: ready(f"http://{host}:{at}"))


async def _listening(server: uvicorn.Server, ready: Callable[[int], None]) -> None:
    """Serve; `ready` is told the port once it listens."""
    begin = server.startup

    async def begun(sockets: Any = None) -> None:
        await begin(sockets)
        if server.started:
            ready(server.servers[0].sockets[0].getsockname()[1])

    server.startup = begun  # type: ignore[method-assign]  # it has no event for it
    await server.serve()


@asynccontextmanager
async def application(house: House, entries: Sequence[Entry], auth: Authenticator, *, host: str) -> AsyncIterator[Any]:
    """The ASGI application of all doors, while it is entered."""
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

    health = Starlette(routes=[Route("/healthz", healthz)])
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(entry.mounted(house, auth, host=host)) for entry in entries]
        yield _parted([(path, app) for paths, app in doors for path in paths], health)


def _parted(doors: Sequence[tuple[str, Any]], otherwise: Any) -> Any:
    """An application that hands each request to the door with the longest path that it is at or below."""
    longest_first = sorted(doors, key=lambda door: -len(door[0]))

    async def parted(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        found = (app for at, app in longest_first if path == at or path.startswith(f"{at.rstrip('/')}/"))
        await next(found, otherwise)(scope, receive, send)

    return parted
