"""Listener: a socket that a server listens at, and the server while it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from planrail.doors import AddressTaken

if TYPE_CHECKING:  # a server's, which no other command needs
    import uvicorn


def bound(host: str, port: int) -> socket.socket:
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


async def listening(server: uvicorn.Server, listener: socket.socket, ready: Callable[[], None]) -> None:
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


def address_of(host: str, listener: socket.socket) -> str:
    """Where it is, as a URL."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
