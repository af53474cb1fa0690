"""Errors: each has its code, its reason and its words in each binding, and tells of nothing inside."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.a2a_node.nodes import DONE, Node, message, says, script, state
from tests.a2a_node.wire import BINDINGS, BOUND_S, Fault, Wire

CODES = {  # as the specification's section 5.4 has them
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "CONTENT_TYPE_NOT_SUPPORTED": (-32005, 400, "INVALID_ARGUMENT"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
}
INVALID = (-32602, 400, "INVALID_ARGUMENT")


def fault(wire: Wire, operation: str, params: dict[str, Any], **headers: str) -> Fault:
    with pytest.raises(Fault) as refused:
        list(wire.stream(operation, params, **headers))
    return refused.value


def listed(wire: Wire) -> int:
    """How many tasks there are. Of a node that has none yet gRPC's answer has no such field when it is written as JSON."""
    count: int = wire.call("ListTasks").get("totalSize", 0)
    return count


@pytest.mark.requirement("3.3.2a", "3.3.2g", "3.3.2h", "5.1c", "5.4a", "9.5a", "10.6a", "11.6a", "11.6b")
def test_each_error_has_its_code_in_each_binding(wire: Wire) -> None:
    over = wire.call("SendMessage", {"message": script(DONE)})["task"]["id"]
    found = {
        "TASK_NOT_FOUND": fault(wire, "GetTask", {"id": "none"}),
        "TASK_NOT_CANCELABLE": fault(wire, "CancelTask", {"id": over}),
        "UNSUPPORTED_OPERATION": fault(wire, "SubscribeToTask", {"id": over}),
        "CONTENT_TYPE_NOT_SUPPORTED": fault(
            wire, "SendMessage", {"message": message({"raw": "AA==", "mediaType": "image/png"})}
        ),
        "VERSION_NOT_SUPPORTED": fault(wire, "GetTask", {"id": over}, **{"A2A-Version": "7.0"}),
    }
    column = BINDINGS.index(wire.binding)
    assert {name: (f.code, f.reason) for name, f in found.items()} == {
        name: (codes[column], name) for name, codes in CODES.items()
    }
    assert all(f.message and all("@type" in detail for detail in f.details) for f in found.values())


@pytest.mark.requirement("3.3.2e", "3.3.2j", "5.7c", "13.4b", "14.1.1b")
@pytest.mark.parametrize(
    ("operation", "params", "named"),
    [
        ("SendMessage", {"message": {"role": "ROLE_USER", "parts": [{"text": "x"}]}}, "message"),
        ("SendMessage", {"message": {"messageId": "m", "role": "ROLE_USER"}}, "parts"),
        ("SendMessage", {"message": {"messageId": "m", "parts": [{"text": "x"}]}}, "role"),
        ("SendMessage", {}, "message"),
        ("SendMessage", {"message": says("x"), "configuration": {"historyLength": -1}}, "istory"),
        ("GetTask", {"id": "none", "historyLength": -1}, "istory"),
        ("ListTasks", {"pageSize": -1}, "age"),
        ("ListTasks", {"pageSize": 101}, "age"),
        ("ListTasks", {"pageToken": "no such token"}, "oken"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_done(
    wire: Wire, operation: str, params: dict[str, Any], named: str
) -> None:
    before = listed(wire) if operation == "SendMessage" else 0
    found = fault(wire, operation, params)
    assert found.code == INVALID[BINDINGS.index(wire.binding)]
    assert named in found.message + json.dumps(found.details)
    assert operation != "SendMessage" or listed(wire) == before


@pytest.mark.requirement("3.6a", "3.6.2b", "9.2a", "10.2a", "10.2b", "11.2a")
def test_a_version_that_is_not_spoken_is_refused(wire: Wire) -> None:
    task = wire.call("SendMessage", {"message": script(DONE)})["task"]["id"]
    for version in ("1.0", "1.0.7"):
        assert state(wire.call("GetTask", {"id": task}, **{"A2A-Version": version})) == "COMPLETED"
    for version in ("7.0", "1.7", "2", "one"):
        found = fault(wire, "GetTask", {"id": task}, **{"A2A-Version": version})
        assert (found.reason, "1.0" in found.message) == ("VERSION_NOT_SUPPORTED", True), version


@pytest.mark.requirement("3.6.2a", "3.6.2c")
def test_without_a_version_a_request_is_of_the_older_one(served: Node) -> None:
    old = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {
        "messageId": "old", "role": "user", "kind": "message", "parts": [{"kind": "text", "text": "x"},
        {"kind": "data", "data": {"script": DONE}}]}}}  # fmt: skip
    told = httpx.post(served.address, json=old, timeout=BOUND_S).json()["result"]
    assert (told["kind"], told["status"]["state"]) == ("task", "completed")
    for binding in BINDINGS:  # a request of 1.0 without a version is none of 0.3
        bare = Wire(binding, served.address, served.grpc_address, {})
        assert fault(bare, "GetTask", {"id": told["id"]}).reason == "VERSION_NOT_SUPPORTED"
    by_query = httpx.get(f"{served.address}/tasks/{told['id']}", params={"A2A-Version": "1.0"}, timeout=BOUND_S)
    assert by_query.json()["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.requirement("9.3a")
@pytest.mark.parametrize(
    ("body", "code", "id"),
    [
        ("{", -32700, None),
        ('{"jsonrpc": "1.0", "id": 1, "method": "GetTask"}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": 1}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": {}, "method": "GetTask"}', -32600, None),
        ('"GetTask"', -32600, None),
        ('[{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}]', -32600, None),
        ('{"jsonrpc": "2.0", "id": "a", "method": "DropTables"}', -32601, "a"),
        ('{"jsonrpc": "2.0", "id": "a", "method": "GetTask", "params": [1]}', -32602, "a"),
        ('{"jsonrpc": "2.0", "id": "a", "method": "GetTask", "params": {"id": 7}}', -32602, "a"),
    ],
)
def test_what_is_no_request_of_json_rpc_is_refused_by_its_code(served: Node, body: str, code: int, id: Any) -> None:
    headers = {"A2A-Version": "1.0", "Content-Type": "application/json"}
    told = httpx.post(served.address, content=body, headers=headers, timeout=BOUND_S).json()
    assert (told["jsonrpc"], told["id"], told["error"]["code"]) == ("2.0", id, code)
    assert "Traceback" not in json.dumps(told)
