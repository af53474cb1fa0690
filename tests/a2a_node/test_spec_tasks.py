"""Tasks: reading, listing, cancelling and watching them, on each binding."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.a2a_node.nodes import ASKS, DONE, LONG, Node, says, script, state
from tests.a2a_node.wire import BINDINGS, BOUND_S, Fault, Wire, plain

STEPS = "a = crm.get_lead(id=8)\nb = crm.get_lead(id=a.id)\n" + ASKS


def sent(wire: Wire, message: dict[str, Any], **configuration: Any) -> dict[str, Any]:
    task: dict[str, Any] = wire.call("SendMessage", {"message": message, "configuration": configuration})["task"]
    return task


@pytest.mark.requirement("3.1.3a", "3.3.2f")
def test_a_task_that_is_not_there_is_not_found_by_any_operation(wire: Wire) -> None:
    for operation in ("GetTask", "CancelTask", "SubscribeToTask"):
        with pytest.raises(Fault) as refused:
            list(wire.stream(operation, {"id": "nobody-made-this"}))
        assert refused.value.reason == "TASK_NOT_FOUND", operation


@pytest.mark.requirement("3.1.4a")
def test_a_list_has_artifacts_only_where_they_are_asked_for(wire: Wire) -> None:
    task = sent(wire, script(DONE))
    context = {"contextId": task["contextId"]}
    assert "artifacts" not in wire.call("ListTasks", context)["tasks"][0]
    assert plain(wire.call("ListTasks", {**context, "includeArtifacts": True})["tasks"][0]["artifacts"]) == task["artifacts"]


@pytest.mark.requirement("3.1.4b", "3.1.4d", "3.1.4e")
def test_a_list_is_paged_by_tokens_newest_status_first(wire: Wire) -> None:
    asks = sent(wire, script(ASKS))
    context = asks["contextId"]
    others = [sent(wire, script(DONE, contextId=context))["id"] for _ in range(2)]
    sent(wire, says("Ann", taskId=asks["id"]))  # the oldest has the newest status now
    pages, token = [], ""
    while token or not pages:
        page = wire.call("ListTasks", {"contextId": context, "pageSize": 2, **({"pageToken": token} if token else {})})
        pages.append([task["id"] for task in page["tasks"]])
        token = page.get("nextPageToken", "") if wire.binding == "grpc" else page["nextPageToken"]
    assert pages == [[asks["id"], others[1]], [others[0]]]
    told = wire.call("ListTasks", {"contextId": context, "status": "TASK_STATE_COMPLETED", "pageSize": 1})
    assert (told["totalSize"], told["pageSize"], len(told["tasks"])) == (3, 1, 1)


@pytest.mark.requirement("3.1.5a", "3.1.5b")
def test_a_task_is_cancelled_once_and_then_no_more(wire: Wire) -> None:
    task = sent(wire, script(LONG), returnImmediately=True)
    assert state(wire.call("CancelTask", {"id": task["id"]})) == "CANCELED"
    with pytest.raises(Fault) as refused:
        wire.call("CancelTask", {"id": task["id"]})
    assert refused.value.reason == "TASK_NOT_CANCELABLE"


@pytest.mark.requirement("3.1.6a", "3.1.6b")
def test_a_subscription_begins_with_the_task_as_it_is_and_ends_with_it(wire: Wire) -> None:
    asks = sent(wire, script(ASKS))
    stream = wire.stream("SubscribeToTask", {"id": asks["id"]})
    first = next(stream)["task"]
    assert (first["id"], state(first)) == (asks["id"], "INPUT_REQUIRED")
    sent(wire, says("Ann", taskId=asks["id"]))
    events = list(stream)
    assert [state(e["statusUpdate"]) for e in events if "statusUpdate" in e][-1] == "COMPLETED"


@pytest.mark.requirement("3.1.6c")
def test_a_task_that_is_over_takes_no_subscription(wire: Wire) -> None:
    task = sent(wire, script(DONE))
    with pytest.raises(Fault) as refused:
        list(wire.stream("SubscribeToTask", {"id": task["id"]}))
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


@pytest.mark.requirement("3.5.2a", "3.5.2b", "3.5.2c", "3.5.2d")
def test_all_streams_of_a_task_tell_the_same_in_the_same_order(wire: Wire) -> None:
    asks = sent(wire, script(STEPS))
    streams = [wire.stream("SubscribeToTask", {"id": asks["id"]}) for _ in range(4)]
    for stream in streams:
        assert next(stream)["task"]["id"] == asks["id"]
    streams.pop().close()  # type: ignore[attr-defined]  # a generator: this client goes away
    with ThreadPoolExecutor() as pool:
        told = [pool.submit(list, stream) for stream in streams]
        sent(wire, says("Ann", taskId=asks["id"]))
        first, *others = [t.result(BOUND_S) for t in told]
    assert first
    assert all(other == first for other in others)


@pytest.mark.requirement("4a", "5.1a", "5.1b")
def test_a_task_reads_alike_in_every_binding(served: Node) -> None:
    wires = [served.wire(binding) for binding in BINDINGS]
    task = sent(wires[0], script(STEPS))
    sent(wires[1], says("Ann", taskId=task["id"]))
    for operation, params in {"GetTask": {"id": task["id"]}, "ListTasks": {"contextId": task["contextId"]}}.items():
        told = [wire.call(operation, params) for wire in wires]
        assert all(plain(one) == plain(other) for one, other in itertools.pairwise(told)), operation
