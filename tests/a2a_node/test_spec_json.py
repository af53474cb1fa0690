"""JSON: names, forms and the schema of the specification, as they are on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from a2a.types import a2a_pb2
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.a2a_node.nodes import ASKS, DONE, Node, says, script
from tests.a2a_node.wire import BOUND_S, Wire, plain

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
OPEN = ("metadata", "data", "params", "header")  # whose keys are anybody's
STEPS = "a = crm.get_lead(id=8)\n" + ASKS


@pytest.fixture(params=["jsonrpc", "rest"])
def wire(request: pytest.FixtureRequest, served: Node) -> Wire:
    return served.wire(request.param)


def told(wire: Wire) -> list[dict[str, Any]]:
    """Events of a stream, a task that is over, and a list with it, as `Kind` → JSON."""
    events = []
    for event in wire.stream("SendStreamingMessage", {"message": script(STEPS)}):
        events.append({"StreamResponse": event})
        status = event.get("statusUpdate", {}).get("status", {})
        if status.get("state") == "TASK_STATE_INPUT_REQUIRED":
            break
    task = events[0]["StreamResponse"]["task"]["id"]
    over = wire.call("SendMessage", {"message": says("Ann", taskId=task)})
    return [*events, {"SendMessageResponse": over}, {"ListTasksResponse": wire.call("ListTasks", {"includeArtifacts": True})}]


@pytest.mark.requirement("5.5a", "5.5b", "5.6.1a", "5.6.1b", "11.1a")
def test_json_has_the_names_and_forms_of_the_specification(wire: Wire) -> None:
    wrong: list[str] = []
    for document in told(wire):
        for path, name, value in _fields(document):
            if "_" in name:
                wrong.append(f"{path}: a name with an underscore")
            if name in ("state", "role") and not re.fullmatch(r"(TASK_STATE|ROLE)_[A-Z_]+", str(value)):
                wrong.append(f"{path}: {value}")
            if name.lower().endswith("timestamp") and not STAMP.fullmatch(str(value)):
                wrong.append(f"{path}: {value}")
    assert wrong == []
    kinds = {"jsonrpc": "application/json", "rest": "application/a2a+json"}
    assert wire.http("ListTasks").headers["content-type"].partition(";")[0] == kinds[wire.binding]


@pytest.mark.requirement("5.7a", "5.7b")
def test_json_fits_the_schema_of_the_specification(wire: Wire) -> None:
    card = httpx.get(f"{wire.address}/.well-known/agent-card.json", timeout=BOUND_S).json()
    found = [*told(wire), {"AgentCard": card}]
    assert [
        m
        for document in found
        for kind, value in document.items()
        for m in _missing(a2a_pb2.DESCRIPTOR.message_types_by_name[kind], value, kind)
    ] == []


@pytest.mark.requirement("5.7d")
def test_fields_that_nobody_knows_are_ignored(wire: Wire) -> None:
    message = {**script(DONE), "colour": "blue", "mood": {"deep": [1]}}
    response = wire.http("SendMessage", {"message": message, "urgency": 7}).json()
    assert response.get("result", response)["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.requirement("11.5a", "11.5b")
def test_a_query_has_the_names_and_forms_of_the_specification(served: Node) -> None:
    wire = served.wire("rest")
    context = "a/b c&d=é?"
    task = wire.call("SendMessage", {"message": script(DONE, contextId=context)})["task"]
    asked = {
        "contextId": context,
        "status": "TASK_STATE_COMPLETED",
        "pageSize": 5,
        "includeArtifacts": True,
        "statusTimestampAfter": "2020-11-09T10:30:00Z",
    }
    assert [plain(t["artifacts"]) for t in wire.call("ListTasks", asked)["tasks"]] == [task["artifacts"]]
    assert wire.call("ListTasks", {**asked, "statusTimestampAfter": "2999-11-09T10:30:00.123Z"})["tasks"] == []
    assert wire.call("ListTasks", {**asked, "status": "TASK_STATE_FAILED"})["tasks"] == []


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every field of a document with its path, but for those whose content is anybody's."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _fields(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield f"{path}.{name}", name, item
            if name not in OPEN:
                yield from _fields(item, f"{path}.{name}")


def _missing(kind: Descriptor, value: Any, path: str) -> Iterator[str]:
    """The required fields, and elements, that are not in the JSON."""
    for field in kind.fields:
        there = value.get(field.json_name)
        required = field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        if required and there in (None, []) and field.json_name not in ("tasks", "nextPageToken"):
            yield f"{path}.{field.json_name}"
        if there is not None and field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.file is kind.file:
            items = (
                there.values() if field.message_type.GetOptions().map_entry else there if isinstance(there, list) else [there]
            )
            if not field.message_type.GetOptions().map_entry:
                for item in items:
                    yield from _missing(field.message_type, item, f"{path}.{field.json_name}")
