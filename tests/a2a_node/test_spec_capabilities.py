"""Capabilities: what a card does not declare is refused, and what it requires has to be named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from a2a_node.app import application
from a2a_node.extension import URI
from a2a_node.guard import Guard
from a2a_node.handler import RunHandler
from planrail.auth import Authenticator
from planrail.house import open_house
from planrail.keys import AuthSettings
from planrail.settings import Settings
from tests.a2a_node.nodes import DONE, script

OLDER = URI.removesuffix("v1") + "v0"


@asynccontextmanager
async def client(home: Path, *required: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a node without webhooks and extended card, which requires those extensions."""
    async with open_house(Settings(home=home)) as house, house.engine():
        app = application(RunHandler(house), [], heartbeat_s=2.0, strict=True, required=frozenset(required))
        transport = httpx.ASGITransport(Guard(app, Authenticator(AuthSettings()), house.quotas))
        async with httpx.AsyncClient(transport=transport, base_url="http://node", headers={"A2A-Version": "1.0"}) as web:
            yield web


async def reason(web: httpx.AsyncClient, verb: str, path: str, body: Any = None, **headers: str) -> str:
    told = (await web.request(verb, path, json=body, headers=headers)).json()
    return str(told["error"]["details"][0]["reason"]) if "error" in told else "none"


@pytest.mark.requirement("3.3.4a", "3.3.4c", "13.3c")
async def test_what_the_card_does_not_declare_is_refused(tmp_path: Path) -> None:
    hook = {"url": "https://example.com/webhook"}
    async with client(tmp_path) as web:
        task = (await web.post("/message:send", json={"message": script(DONE)})).json()["task"]["id"]
        at = f"/tasks/{task}/pushNotificationConfigs"
        pushed = [
            await reason(web, *asked) for asked in (("POST", at, hook), ("GET", at), ("GET", f"{at}/x"), ("DELETE", f"{at}/x"))
        ]
        inline = {"message": script(DONE), "configuration": {"taskPushNotificationConfig": hook}}
        pushed.append(await reason(web, "POST", "/message:send", inline))
        extended = await reason(web, "GET", "/extendedAgentCard")
        tasks = (await web.get("/tasks")).json()["totalSize"]
    assert (set(pushed), extended, tasks) == ({"PUSH_NOTIFICATION_NOT_SUPPORTED"}, "UNSUPPORTED_OPERATION", 1)


@pytest.mark.requirement("3.3.4e", "4.6.3c")
async def test_a_required_extension_has_to_be_named(tmp_path: Path) -> None:
    asked = ("POST", "/message:send", {"message": script(DONE)})
    async with client(tmp_path, URI) as web:
        assert await reason(web, *asked) == "EXTENSION_SUPPORT_REQUIRED"
        assert await reason(web, *asked, **{"A2A-Extensions": OLDER}) == "EXTENSION_SUPPORT_REQUIRED"
        assert await reason(web, *asked, **{"A2A-Extensions": f"urn:other, {URI}"}) == "none"


@pytest.mark.requirement("4.6.3b")
async def test_an_extension_in_another_version_is_not_activated(tmp_path: Path) -> None:
    async with client(tmp_path) as web:
        told = await web.post("/message:send", json={"message": script(DONE)}, headers={"A2A-Extensions": OLDER})
    assert "a2a-extensions" not in told.headers
    assert "metadata" not in told.json()["task"]
