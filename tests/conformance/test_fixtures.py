"""The fixtures of the conformance suite stand beside the product's own tools, and only where they are asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mcp import Client

from mcp_server.door import Door
from mcp_server.server import McpDoor
from planrail.doors import DoorUnavailable, conformance
from planrail.house import open_house
from planrail.settings import Settings
from tests.conformance.entry import ConformanceEntry, fixtures
from tests.mcp_server.doors import MODEL


async def test_the_fixtures_are_beside_the_products_own(tmp_path: Path) -> None:
    async with open_house(Settings(home=tmp_path)) as house:
        door = Door(house, lambda ctx: MODEL)
        own = {*McpDoor(door).offers()}
        async with Client(McpDoor(door, fixtures).server) as client:
            listed = {t.name for t in (await client.list_tools()).tools}
            greeted = await client.call_tool("greet", {"name": "Ann"})
    assert own < listed
    assert "greet" not in own
    assert greeted.content[0].text == "Hello, Ann!"


def test_where_the_fixtures_are_not_the_option_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(conformance("mcp"), ConformanceEntry)
    monkeypatch.setitem(sys.modules, "tests.conformance.entry", None)
    with pytest.raises(DoorUnavailable, match="not here"):
        conformance("mcp")
