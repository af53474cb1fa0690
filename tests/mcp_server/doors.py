"""A house with its MCP door, and the official client in front of it, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, ElicitResult

from executor.submission import Principal
from mcp_server.door import Door, DoorTerms
from mcp_server.server import McpDoor
from mcp_server.stdio import telling
from planner.toolspec import Json
from planrail.house import House, open_house
from planrail.settings import Settings

ERAS = ("legacy", "auto")
LOCAL = Principal()  # the person at this machine
MODEL = Principal(kind="agent")  # what writes for them
BOUND_S = 60.0
Person = Callable[[str], dict[str, Json] | str]  # a question's words → what is filled in, or decline, or cancel


@dataclass
class Client_:
    """One client, and what it was told meanwhile."""

    client: Client
    house: House
    progress: list[tuple[float, float | None, str | None]] = field(default_factory=list)

    async def call(self, tool: str, **arguments: Json) -> CallToolResult:
        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append((progress, total, message))

        return await self.client.call_tool(tool, arguments, progress_callback=progressed)

    async def run(self, tool: str, **arguments: Json) -> dict[str, Any]:
        """The structured content of a tool that tells of a run."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        found: dict[str, Any] = result.structured_content
        return found


@asynccontextmanager
async def opened(
    home: Path, terms: DoorTerms | None = None, principal: Principal = MODEL, **settings: Any
) -> AsyncIterator[McpDoor]:
    """The door of a house with the pack gtm, whose runs are carried on."""
    async with asyncio.timeout(BOUND_S), open_house(Settings(home=home, **settings)) as house, house.engine():
        door = McpDoor(Door(house, lambda ctx: principal, terms or DoorTerms()))
        async with telling(door):
            yield door


@asynccontextmanager
async def client_of(door: McpDoor, era: str, person: Person | None = None, **more: Any) -> AsyncIterator[Client_]:
    """A client of that era; with a `person` it can ask one."""

    async def elicited(context: object, params: Any) -> ElicitResult:
        assert person is not None
        said = person(params.message)
        return ElicitResult(action=said) if isinstance(said, str) else ElicitResult(action="accept", content=said)  # type: ignore[arg-type]  # decline or cancel

    async with Client(door.server, mode=era, elicitation_callback=elicited if person else None, **more) as client:
        yield Client_(client, door.door.house)


def text_of(result: CallToolResult) -> str:
    return "\n".join(b.text for b in result.content if b.type == "text")
