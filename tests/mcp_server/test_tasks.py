"""Runs as tasks (SEP-2663), for a client that declares the extension: views of the run, from any process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.client import ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Request, RequestParams, Result

from executor.segment import Segments
from mcp_server.server import McpDoor
from mcp_server.task_told import TASKS
from planner.toolspec import Json
from tests.mcp_server.doors import opened

ASKS = 'who = ask_user("Who are you?", returns=str)\nanswer(f"Hello {who}")'
LONG = 'wait("1h")\nanswer("late")'


class Params(RequestParams):
    task_id: str


class Answers(Params):
    input_responses: dict[str, Any]


class GetTask(Request[Params, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: Params
    name_param = "taskId"


class UpdateTask(Request[Answers, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    params: Answers
    name_param = "taskId"


class CancelTask(Request[Params, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: Params
    name_param = "taskId"


class Task(Result):
    task_id: str = ""
    status: str = ""
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None


class Created(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class Tasks(ClientExtension):
    """Declares the extension; a task that a call becomes is handed to whoever called."""

    identifier = TASKS

    def claims(self) -> tuple[ResultClaim[Any], ...]:
        async def resolved(created: Created, context: object) -> CallToolResult:
            raise AssertionError("the tests follow their tasks themselves")

        return (ResultClaim(result_type="task", model=Created, resolve=resolved),)


async def task(client: Client, tool: str, **arguments: Json) -> str:
    """The id of the task that a call becomes."""
    made = await client.session.call_tool(tool, arguments, allow_claimed=True)
    assert isinstance(made, Created), made
    return made.task_id


async def got(client: Client, task_id: str) -> Task:
    return await client.session.send_request(GetTask(params=Params(task_id=task_id)), Task)


async def until(client: Client, door: McpDoor, task_id: str, status: str) -> Task:
    async for _ in door.door.house.journal.changes():
        if (now := await got(client, task_id)).status == status:
            return now
    raise AssertionError("changes never end")


async def test_a_run_that_takes_longer_is_a_task_with_its_id_and_a_person_answers_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=ASKS)
        asked = await until(client, door, name, "input_required")
        assert asked.input_requests is not None
        ((question, form),) = asked.input_requests.items()
        said = {question: {"action": "accept", "content": {"answer": "Ann"}}}
        await client.session.send_request(UpdateTask(params=Answers(task_id=name, input_responses=said)), Result)
        done = await until(client, door, name, "completed")
        run = await door.door.house.runs.record(name, door.door.principal(None))  # type: ignore[arg-type]  # it is the same for all
    assert form["method"] == "elicitation/create"
    assert done.result is not None
    assert "Hello Ann" in done.result["content"][0]["text"]
    assert run.status == "done"


async def test_a_tasks_cancel_cancels_the_run_and_a_second_one_does_no_harm(tmp_path: Path) -> None:
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=LONG)
        for _ in range(2):
            await client.session.send_request(CancelTask(params=Params(task_id=name)), Result)
        assert (await until(client, door, name, "cancelled")).result is None


async def test_a_task_outlives_its_client_and_its_server(tmp_path: Path) -> None:
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=ASKS)
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        assert (await until(client, door, name, "input_required")).task_id == name


async def test_a_fast_run_is_no_task_and_tasks_are_for_those_who_declare_them(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        async with Client(door.server, extensions=[Tasks()]) as client:
            fast = await client.call_tool("run_plan", {"script": "answer(1 + 1)"})
            with pytest.raises(MCPError, match="Task not found"):
                await got(client, "nosuchtask")
        async with Client(door.server) as client:
            with pytest.raises(MCPError) as undeclared:
                await got(client, fast.structured_content["run_id"])
        async with Client(door.server, mode="legacy") as client:
            with pytest.raises(MCPError):
                await got(client, fast.structured_content["run_id"])
    assert fast.structured_content["answer"] == 2
    assert undeclared.value.code == -32021


async def test_a_failed_run_is_a_completed_task_whose_result_says_that_it_failed(tmp_path: Path) -> None:
    script = 'wait("1s")\nwait("2s")\nexpect(False, "it rains")\nanswer(1)'
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=script)
        done = await until(client, door, name, "completed")
    assert done.result is not None
    assert done.result["isError"] is True
    assert "it rains" in done.result["content"][0]["text"]


async def test_a_task_has_failed_where_planrail_did_and_not_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asyncio.Event()

    async def breaks(*_: object) -> bool:
        await told.wait()
        raise ZeroDivisionError

    monkeypatch.setattr(Segments, "advance", breaks)
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=LONG)
        told.set()
        failed = await until(client, door, name, "failed")
    assert failed.error is not None
    assert failed.error["code"] == -32603
    assert "Planrail itself failed" in failed.error["message"]
    assert failed.result is None


async def test_a_question_for_a_record_is_a_form_with_its_fields(tmp_path: Path) -> None:
    script = 'said = ask_user("Delete it?", returns={"sure": bool, "times": int})\nanswer([said.sure, said.times])'
    async with opened(tmp_path) as door, Client(door.server, extensions=[Tasks()]) as client:
        name = await task(client, "run_plan", script=script)
        asked = await until(client, door, name, "input_required")
        assert asked.input_requests is not None
        ((question, form),) = asked.input_requests.items()
        said = {question: {"action": "accept", "content": {"sure": True, "times": 2.0, "more": "no field of it"}}}
        await client.session.send_request(UpdateTask(params=Answers(task_id=name, input_responses=said)), Result)
        done = await until(client, door, name, "completed")
    assert set(form["params"]["requestedSchema"]["properties"]) == {"sure", "times"}
    assert done.result is not None
    assert done.result["structuredContent"]["answer"] == [True, 2]
