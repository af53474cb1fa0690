"""Serving: the commands that open the house's doors to others."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext

from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.doors import conformance, entry, names
from planrail.house import House
from planrail.keys import APPROVE, hash_of, new_key
from planrail.serving import serve as serve_http


def mcp(*, worker: bool) -> int:
    """Serve one MCP client at stdin and stdout, which are the protocol's: nothing else is printed there."""
    door = entry("mcp")

    async def work(house: House, _: Trip) -> int:
        async with house.engine() if worker else nullcontext():
            await door.serve_stdio(house)
        return DONE

    return in_house(settings_here(), work)


def serve(output: Output, *, host: str, port: int, worker: bool, fixtures: bool) -> int:
    """Serve every door that is installed; with `fixtures`, those of the MCP conformance suite too."""
    settings = settings_here()
    doors = [conformance() if fixtures and name == "mcp" else entry(name) for name in names()]

    def ready(address: str) -> None:
        if output.json:
            output.document({"address": address, "mcp": f"{address}/mcp", "health": f"{address}/healthz"})
        else:
            output.console.print(
                f"MCP     {address}/mcp\nhealth  {address}/healthz\nCtrl-C stops it; runs go on later", soft_wrap=True
            )

    asyncio.run(serve_http(settings, doors, host=host, port=port, worker=worker, ready=ready))
    return DONE


def key(output: Output, name: str, *, principal: str, approve: bool) -> int:
    """Print a new key, and what to configure of it."""
    made = new_key()
    scopes = [APPROVE] if approve else []
    if output.json:
        output.document({"key": made, "name": name, "hash": hash_of(made), "principal": principal, "scopes": scopes})
        return DONE
    lines = [f"[auth.keys.{json.dumps(name)}]", f'hash = "{hash_of(made)}"', f"principal = {json.dumps(principal)}"]
    lines += [f"scopes = {json.dumps(scopes)}"] if scopes else []
    told = "\n".join(lines)
    output.console.print(
        f"{made}\n\nIt is shown this once. Put this into planrail.toml:\n\n{told}", soft_wrap=True, markup=False
    )
    return DONE
