"""Serving: the commands that open the house's doors to others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext

from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.doors import conformance, entry, names
from planrail.house import House
from planrail.serving import serve as serve_http

_TOLD = {
    "console": "console", "a2a": "A2A", "card": "card", "grpc": "gRPC", "mcp": "MCP", "health": "health", "ready": "ready",
    "metrics": "metrics",
}  # fmt: skip


def mcp(*, worker: bool) -> int:
    """Serve one MCP client at stdin and stdout, which are the protocol's: nothing else is printed there."""
    door = entry("mcp")

    async def work(house: House, _: Trip) -> int:
        async with house.engine() if worker else nullcontext():
            await door.serve_stdio(house)
        return DONE

    return in_house(settings_here(), work)


def serve(output: Output, *, host: str, port: int, grpc_port: int | None, strict: bool, worker: bool, fixtures: bool) -> int:
    """Serve every door that is installed; with `fixtures`, what the official suites ask of them too."""
    settings = settings_here()
    wanted: dict[str, object] = {} if grpc_port is None else {"grpc_port": grpc_port}
    wanted |= {"strict": True} if strict else {}
    settings = settings.model_copy(update={"a2a": settings.a2a.model_copy(update=wanted)})
    doors = [conformance(name) if fixtures else entry(name) for name in names()]

    def ready(where: Mapping[str, str]) -> None:
        if output.json:
            output.document(dict(where))
            return
        for name, told in _TOLD.items():
            if name in where:
                at = where[name] if output.stream.isatty() else where[name].partition("#token=")[0]  # no way in stands in a log
                output.console.print(f"{told:<7} {at}", soft_wrap=True, highlight=False)
        output.console.print("Ctrl-C stops it; runs go on later")

    asyncio.run(serve_http(settings, doors, host=host, port=port, worker=worker, ready=ready))
    return DONE
