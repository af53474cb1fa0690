"""The card: where it is, what it declares, and how it is cached."""

from __future__ import annotations

import httpx
import pytest

from tests.a2a_node.nodes import DONE, Node, script, state
from tests.a2a_node.wire import BOUND_S, Binding, Wire

SPOKEN: dict[str, Binding] = {"JSONRPC": "jsonrpc", "HTTP+JSON": "rest", "GRPC": "grpc"}
CARD = "/.well-known/agent-card.json"


@pytest.mark.requirement("5.2a", "8.1a", "8.3a", "8.3.1a", "14.3a")
def test_the_card_declares_what_is_served_where_it_is_served(served: Node) -> None:
    card = httpx.get(f"{served.address}{CARD}", timeout=BOUND_S)
    assert card.headers["content-type"].startswith("application/")
    new = [i for i in card.json()["supportedInterfaces"] if i["protocolVersion"] == "1.0"]
    assert {i["protocolBinding"] for i in new} >= {"JSONRPC", "HTTP+JSON"}
    for interface in new:
        wire = Wire(SPOKEN[interface["protocolBinding"]], interface["url"], interface["url"])
        assert state(wire.call("SendMessage", {"message": script(DONE)})["task"]) == "COMPLETED", interface


@pytest.mark.requirement("8.6.1a")
def test_the_card_is_cached_and_asked_for_by_its_tag(served: Node) -> None:
    first = httpx.get(f"{served.address}{CARD}", timeout=BOUND_S)
    assert "max-age=" in first.headers["cache-control"]
    again = httpx.get(f"{served.address}{CARD}", headers={"If-None-Match": first.headers["etag"]}, timeout=BOUND_S)
    assert (again.status_code, again.content) == (304, b"")
    other = httpx.get(f"{served.address}{CARD}", headers={"If-None-Match": '"older"'}, timeout=BOUND_S)
    assert other.content == first.content
