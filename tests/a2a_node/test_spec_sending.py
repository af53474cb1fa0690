"""Sending: what a message begins or goes on with, and what comes back, on each binding."""

from __future__ import annotations

from typing import Any

import pytest

from tests.a2a_node.nodes import ASKS, DONE, LONG, message, says, script, state
from tests.a2a_node.wire import Fault, Wire


def sent(wire: Wire, message: dict[str, Any], **configuration: Any) -> dict[str, Any]:
    task: dict[str, Any] = wire.call("SendMessage", {"message": message, "configuration": configuration})["task"]
    return task


@pytest.mark.requirement("3.1.1a", "3.4.1a", "3.4.2a", "3.4.2b")
def test_a_message_makes_a_task_that_is_given_back(wire: Wire) -> None:
    first, second = sent(wire, script(DONE)), sent(wire, script(DONE))
    assert (state(first), state(second)) == ("COMPLETED", "COMPLETED")
    assert first["id"] != second["id"]
    assert first["contextId"] != second["contextId"]
    again = sent(wire, script(DONE, contextId=first["contextId"]))
    assert (again["contextId"], again["id"] == first["id"]) == (first["contextId"], False)


@pytest.mark.requirement("3.1.1b", "14.1.1d")
def test_a_media_type_that_the_agent_does_not_take_is_refused(wire: Wire) -> None:
    for part in (
        {"raw": "AAAA", "mediaType": "image/png"},
        {"url": "http://127.0.0.1:9/secret.txt", "mediaType": "text/plain"},
    ):
        with pytest.raises(Fault) as refused:
            sent(wire, message({"text": "look at this"}, part))
        assert refused.value.reason == "CONTENT_TYPE_NOT_SUPPORTED"


@pytest.mark.requirement("3.1.1c")
def test_a_message_to_a_task_that_is_over_is_refused(wire: Wire) -> None:
    task = sent(wire, script(DONE))
    for operation in ("SendMessage", "SendStreamingMessage"):
        with pytest.raises(Fault) as refused:
            list(wire.stream(operation, {"message": says("and more", taskId=task["id"])}))
        assert refused.value.reason == "UNSUPPORTED_OPERATION"


@pytest.mark.requirement("3.1.1d", "3.4.2c")
def test_a_message_to_a_task_that_is_not_there_is_refused(wire: Wire) -> None:
    for operation in ("SendMessage", "SendStreamingMessage"):
        with pytest.raises(Fault) as refused:
            list(wire.stream(operation, {"message": says("hello", taskId="nobody-made-this")}))
        assert refused.value.reason == "TASK_NOT_FOUND"


@pytest.mark.requirement("3.1.2a", "3.1.2c", "3.1.2d")
def test_a_stream_begins_with_the_task_and_ends_with_its_last_status(wire: Wire) -> None:
    events = list(wire.stream("SendStreamingMessage", {"message": script(DONE)}))
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "task"
    assert set(kinds[1:]) <= {"statusUpdate", "artifactUpdate"}
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"
    assert state(wire.call("GetTask", {"id": events[0]["task"]["id"]})) == "COMPLETED"


@pytest.mark.requirement("3.1.2e")
def test_a_stream_tells_of_progress_while_the_task_works(wire: Wire) -> None:
    stream = wire.stream("SendStreamingMessage", {"message": script(f"x = crm.get_lead(id=8)\n{LONG}")})
    for event in stream:
        status = event.get("statusUpdate", {}).get("status", {})
        if "Step 1/" in str(status.get("message")):
            break
    else:
        pytest.fail("it told of no step")
    wire.call("CancelTask", {"id": event["statusUpdate"]["taskId"]})
    assert state(list(stream)[-1]["statusUpdate"]) == "CANCELED"


@pytest.mark.requirement("3.2.2a", "3.2.2b", "3.7a")
def test_a_send_waits_until_the_task_is_over_or_asks(wire: Wire) -> None:
    asks = sent(wire, script(ASKS))
    assert (state(asks), "Who is it for?" in str(asks["status"]["message"])) == ("INPUT_REQUIRED", True)
    over = sent(wire, says("Ann", taskId=asks["id"], contextId=asks["contextId"]))
    assert (over["id"], state(over)) == (asks["id"], "COMPLETED")
    assert [part["text"] for artifact in over["artifacts"] for part in artifact["parts"]] == ["for Ann"]


@pytest.mark.requirement("3.2.2c")
def test_a_send_that_need_not_wait_does_not(wire: Wire) -> None:
    task = sent(wire, script(LONG), returnImmediately=True)
    assert state(task) in ("SUBMITTED", "WORKING")
    wire.call("CancelTask", {"id": task["id"]})


@pytest.mark.requirement("3.2.4a")
def test_history_is_as_long_as_is_asked_for(wire: Wire) -> None:
    asks = sent(wire, script(ASKS))
    over = sent(wire, says("Ann", taskId=asks["id"]))
    whole = wire.call("GetTask", {"id": over["id"]})["history"]
    assert [m["role"] for m in whole] == ["ROLE_USER", "ROLE_AGENT", "ROLE_USER"]
    assert wire.call("GetTask", {"id": over["id"], "historyLength": 1})["history"] == whole[-1:]
    assert "history" not in wire.call("GetTask", {"id": over["id"], "historyLength": 0})
    assert "history" not in sent(wire, script(DONE), historyLength=0)


@pytest.mark.requirement("3.4.3a")
def test_a_message_with_the_task_alone_is_of_its_context(wire: Wire) -> None:
    asks = sent(wire, script(ASKS))
    assert sent(wire, says("Ann", taskId=asks["id"]))["contextId"] == asks["contextId"]


@pytest.mark.requirement("3.4.3b")
def test_a_message_of_another_context_than_its_tasks_is_refused(wire: Wire) -> None:
    asks, other = sent(wire, script(ASKS)), sent(wire, script(DONE))
    for operation in ("SendMessage", "SendStreamingMessage"):
        with pytest.raises(Fault) as refused:
            list(wire.stream(operation, {"message": says("Ann", taskId=asks["id"], contextId=other["contextId"])}))
        assert refused.value.code in (-32602, 400, "INVALID_ARGUMENT")
    assert state(wire.call("GetTask", {"id": asks["id"]})) == "INPUT_REQUIRED"


@pytest.mark.requirement("14.1.1c")
def test_what_a_message_says_is_data(wire: Wire) -> None:
    words = 'Ann"); answer("evil'
    asks = sent(wire, script(ASKS))
    over = sent(wire, says(words, taskId=asks["id"]))
    assert over["artifacts"][0]["parts"][0]["text"] == f"for {words}"
