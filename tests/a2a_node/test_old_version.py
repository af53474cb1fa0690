"""A2A 0.3, where the SDK's adapters say something else than that specification: at a real node, as it is on the wire."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.a2a_node.nodes import ASKS, Node
from tests.a2a_node.wire import BOUND_S

CONFIG = "https://example.com/webhook"


def rpc(node: Node, method: str, params: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    told: dict[str, Any] = httpx.post(node.address, json=body, timeout=BOUND_S).json()
    return told


def rest(node: Node, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = httpx.request(method, f"{node.address}/v1{path}", json=body, timeout=BOUND_S)
    return response.status_code, response.json()


def message(**more: Any) -> dict[str, Any]:
    data = {"kind": "data", "data": {"script": ASKS}}
    return {"kind": "message", "messageId": uuid.uuid4().hex, "role": "user", "parts": [data], **more}


def without(name: str) -> dict[str, Any]:
    return {"message": {k: v for k, v in message().items() if k != name}}


@pytest.fixture
def task(served: Node) -> str:
    """A task that waits for an answer."""
    made: str = rpc(served, "message/send", {"message": message()})["result"]["id"]
    return made


@pytest.mark.parametrize(
    ("method", "params", "where"),
    [
        ("message/send", {"message": {"parts": "x"}}, "message"),
        ("message/send", without("messageId"), "messageId"),
        ("message/send", without("role"), "role"),
        ("message/stream", without("parts"), "parts"),
        ("tasks/get", {}, "id"),
        ("tasks/cancel", [7], "params"),
    ],
    ids=["no message", "no messageId", "no role", "no parts", "no id", "no object"],  # the messages have ids of their own
)
def test_parameters_that_do_not_fit_are_invalid_and_it_is_said_which(
    served: Node, method: str, params: Any, where: str
) -> None:
    error = rpc(served, method, params)["error"]
    assert error["code"] == -32602
    assert where in error["message"]
    assert "pydantic" not in error["message"]


def test_a_request_that_is_none_is_invalid_itself(served: Node) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": {"x": 1}, "params": {}}
    assert httpx.post(served.address, json=body, timeout=BOUND_S).json()["error"]["code"] == -32600


def test_over_json_rpc_a_configuration_is_deleted_and_the_result_is_null(served: Node, task: str) -> None:
    made = rpc(served, "tasks/pushNotificationConfig/set", {"taskId": task, "pushNotificationConfig": {"url": CONFIG}})
    name = made["result"]["pushNotificationConfig"]["id"]
    gone = rpc(served, "tasks/pushNotificationConfig/delete", {"id": task, "pushNotificationConfigId": name})
    assert (gone["result"], "error" in gone) == (None, False)
    assert rpc(served, "tasks/pushNotificationConfig/list", {"id": task})["result"] == []


def test_over_rest_a_configuration_is_made_and_deleted(served: Node, task: str) -> None:
    of = f"/tasks/{task}/pushNotificationConfigs"
    config = {"id": "mine", "url": CONFIG, "authentication": {}}  # which A2A 1.0 would refuse
    wanted = {
        "parent": f"tasks/{task}",
        "config_id": "mine",
        "config": {"name": f"{of[1:]}/mine", "push_notification_config": config},
    }
    status, made = rest(served, "POST", of, wanted)
    assert (status, CONFIG in str(made)) == (200, True), made
    assert rest(served, "DELETE", f"{of}/mine")[0] == 200
    assert rest(served, "GET", f"{of}/mine")[0] == 404
    assert rest(served, "DELETE", "/tasks/nobody/pushNotificationConfigs/mine")[0] == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_over_rest_a_stream_that_cannot_begin_is_an_error(served: Node, method: str) -> None:
    status, told = rest(served, method, "/tasks/nobody:subscribe")
    assert (status, told["error"]["details"][0]["reason"]) == (404, "TASK_NOT_FOUND")


@pytest.mark.parametrize("operation", ["send", "stream"])
@pytest.mark.parametrize("role", [{}, {"role": "ROLE_UNSPECIFIED"}, {"role": 7}], ids=str)
def test_over_rest_a_message_says_whose_it_is(served: Node, operation: str, role: dict[str, Any]) -> None:
    body = {"message": {"message_id": uuid.uuid4().hex, "content": [{"text": "x"}], **role}}
    status, told = rest(served, "POST", f"/message:{operation}", body)
    assert (status, "role" in told["error"]["message"]) == (400, True)


@pytest.mark.parametrize("name", ["historyLength", "history_length"])
def test_over_rest_a_number_goes_by_either_of_its_names(served: Node, task: str, name: str) -> None:
    assert len(rest(served, "GET", f"/tasks/{task}")[1]["history"]) == 2
    assert len(rest(served, "GET", f"/tasks/{task}?{name}=1")[1]["history"]) == 1
    for wrong in ("-1", "many"):
        assert rest(served, "GET", f"/tasks/{task}?{name}={wrong}")[0] == 400


def test_over_rest_a_stream_is_the_task_and_what_becomes_of_it(served: Node, task: str) -> None:
    with httpx.stream("GET", f"{served.address}/v1/tasks/{task}:subscribe", timeout=BOUND_S) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        assert task in next(lines)
        rpc(served, "message/send", {"message": message(taskId=task, parts=[{"kind": "text", "text": "Ann"}])})
        assert "TASK_STATE_COMPLETED" in list(lines)[-1]
