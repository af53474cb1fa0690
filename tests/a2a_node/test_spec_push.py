"""Webhooks: their configurations, on each binding."""

from __future__ import annotations

from typing import Any

import pytest

from tests.a2a_node.nodes import ASKS, script
from tests.a2a_node.wire import Fault, Wire

URL = "https://example.com/webhook"
OPERATIONS = ("Create", "Get", "List", "Delete")


def operation(name: str) -> str:
    return f"{name}TaskPushNotificationConfig{'s' if name == 'List' else ''}"


def listed(wire: Wire, task: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.call(operation("List"), {"taskId": task}).get("configs", [])
    return found


@pytest.mark.requirement("3.1.7a", "3.1.8a", "3.1.9a", "3.1.10a", "3.1.10b")
def test_a_webhook_is_configured_read_listed_and_deleted(wire: Wire) -> None:
    task = wire.call("SendMessage", {"message": script(ASKS)})["task"]["id"]
    wanted = {"taskId": task, "id": "mine", "url": URL, "authentication": {"scheme": "Bearer", "credentials": "s3cret"}}
    made = wire.call(operation("Create"), wanted)
    unnamed = wire.call(operation("Create"), {"taskId": task, "url": f"{URL}/2"})
    assert made == wanted
    got = wire.call(operation("Get"), {"taskId": task, "id": "mine"})
    assert (got["taskId"], got["url"], got["authentication"]["scheme"]) == (task, URL, "Bearer")
    assert {c["id"]: c["url"] for c in listed(wire, task)} == {"mine": URL, unnamed["id"]: f"{URL}/2"}
    for _ in range(2):
        assert wire.call(operation("Delete"), {"taskId": task, "id": "mine"}) == {}
    assert [c["id"] for c in listed(wire, task)] == [unnamed["id"]]
    for name in ("mine", "none"):
        with pytest.raises(Fault) as refused:
            wire.call(operation("Get"), {"taskId": task, "id": name})
        assert refused.value.reason == "TASK_NOT_FOUND"


@pytest.mark.requirement("3.1.7a", "3.1.8a", "3.1.9a", "3.1.10a")
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_webhook_of_a_task_that_there_is_not_is_an_error(wire: Wire, name: str) -> None:
    params = (
        {"taskId": "nobody-made-this"} | ({} if name == "List" else {"id": "mine"}) | ({"url": URL} if name == "Create" else {})
    )
    with pytest.raises(Fault) as missing:
        wire.call(operation(name), params)
    assert missing.value.reason == "TASK_NOT_FOUND"


@pytest.mark.requirement("3.1.9a")
def test_webhooks_are_listed_page_by_page(wire: Wire) -> None:
    task = wire.call("SendMessage", {"message": script(ASKS)})["task"]["id"]
    for n in range(3):
        wire.call(operation("Create"), {"taskId": task, "id": f"c{n}", "url": URL})
    first = wire.call(operation("List"), {"taskId": task, "pageSize": 2})
    rest = wire.call(operation("List"), {"taskId": task, "pageSize": 2, "pageToken": first["nextPageToken"]})
    assert [c["id"] for c in (*first["configs"], *rest["configs"])] == ["c0", "c1", "c2"]
    assert not rest.get("nextPageToken")
