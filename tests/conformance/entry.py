"""The MCP door of a server under the official conformance suite: the product's, with the suite's fixtures beside it."""

from __future__ import annotations

from mcp.types import EmptyResult, SetLevelRequestParams

from mcp_server.beside import Beside
from mcp_server.door import Ctx
from mcp_server.entry import McpEntry
from mcp_server.server import McpDoor
from tests.conformance.addresses import PROMPTS, RESOURCES, TEMPLATES, read
from tests.conformance.asking_tools import asking_tools
from tests.conformance.event_store import Events
from tests.conformance.plain_tools import plain_tools
from tests.conformance.pushing_tools import pushing_tools
from tests.conformance.task_tools import TaskTools


class ConformanceEntry(McpEntry):
    def __init__(self) -> None:
        super().__init__(fixtures)


def fixtures(door: McpDoor) -> Beside:
    offers = (*plain_tools(), *pushing_tools(door), *asking_tools(), *TaskTools(door).offers())
    handlers = {"logging/setLevel": (SetLevelRequestParams, _set_level)}
    return Beside(offers, RESOURCES, TEMPLATES, read, PROMPTS, handlers, Events(), retry_ms=100)


async def _set_level(ctx: Ctx, params: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()
