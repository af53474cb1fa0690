"""Tools of the suite that are tasks: each submits a script, and the product tells of the run as of any other."""

from __future__ import annotations

import asyncio
from functools import partial

from executor.events import RunEnded
from executor.submission import Submission
from mcp_server.offer import Answer, Call, Offer
from mcp_server.run_tools import RunTools
from mcp_server.server import McpDoor
from mcp_server.task_told import need_tasks
from planner.toolspec import Json, JsonSchema
from tests.conformance.asking_tools import NAME, required, said
from tests.conformance.contents import NOTHING, offer

TASK_AFTER_S = 0.2  # the suite's shortest task takes a second
SLOW: JsonSchema = {
    "type": "object",
    "properties": {"seconds": {"type": "integer", "minimum": 0}, "label": {"type": "string"}},
    "required": ["seconds"],
    "additionalProperties": False,
}
FILE: JsonSchema = {
    "type": "object", "properties": {"filename": {"type": "string"}}, "required": ["filename"], "additionalProperties": False,
}  # fmt: skip

AT_ONCE = 'answer(f"Computed {label}.")'
COMPUTES = 'wait("{seconds}s")\n' + AT_ONCE
FAILS = 'wait("1s")\nexpect(1 > 2, "This job always fails.")\nanswer("never")'
CONFIRMS = (
    'said = ask_user(f"Delete {filename}?", returns={"confirm": bool})\nanswer(f"{filename}: deleted is {said.confirm}.")'
)
ASKS_TWICE = """\
who = ask_user("Who are you?", returns={"name": str})
sure = ask_user("Are you sure?", returns={"confirm": bool})
answer(f"{who.name}: {sure.confirm}.")"""
GREETS = 'wait("1s")\nanswer(f"Hello, {name}!")'
BREAKS = 'wait("1h")\nanswer("never")'


class TaskTools:
    def __init__(self, door: McpDoor) -> None:
        self._door = door.door
        self._runs = RunTools(door.door)
        self._breaking: set[asyncio.Task[None]] = set()

    def offers(self) -> list[Offer]:
        return [
            offer("slow_compute", self._slow, SLOW),
            offer("failing_job", self._failing),
            offer("protocol_error_job", self._breaks),
            offer("confirm_delete", partial(self._job, CONFIRMS), FILE),
            offer("multi_input", partial(self._job, ASKS_TWICE)),
            offer("test_tool_with_task", self._asks_first, NOTHING),
        ]

    async def _job(self, script: str, call: Call) -> Answer:
        return await self._told(call, await self._submitted(script, call, call.arguments))

    async def _submitted(self, script: str, call: Call, params: dict[str, Json]) -> str:
        who, budget = self._door.principal(call.ctx), self._door.house.settings.budget
        return (await self._door.house.runs.submit(Submission(script=script, params=params, budget=budget, principal=who))).id

    async def _told(self, call: Call, run: str) -> Answer:
        return await self._runs.waited(call, run, task_after_s=TASK_AFTER_S)

    async def _slow(self, call: Call) -> Answer:
        seconds, label = call.arguments["seconds"], call.arguments.get("label", "")
        script = COMPUTES.replace("{seconds}", str(seconds)) if seconds else AT_ONCE
        return await self._told(call, await self._submitted(script, call, {"label": label}))

    async def _failing(self, call: Call) -> Answer:
        need_tasks(call.ctx)
        return await self._job(FAILS, call)

    async def _breaks(self, call: Call) -> Answer:
        """A run that Planrail itself fails to carry on, as its engine writes it when a segment raises."""
        run = await self._submitted(BREAKS, call, {})
        breaking = asyncio.create_task(self._broken(run))
        self._breaking.add(breaking)
        breaking.add_done_callback(self._breaking.discard)
        return await self._told(call, run)

    async def _broken(self, run: str) -> None:
        journal = self._door.house.journal
        ended = RunEnded(status="failed", reason="Planrail itself failed; the run can be resumed", broken=True)
        await asyncio.sleep(2 * TASK_AFTER_S)  # by then it is a task
        async for _ in journal.changes():
            if await journal.append(run, [ended], epoch=None, status="failed", only_if=["waiting"]) is not None:
                break

    async def _asks_first(self, call: Call) -> Answer:
        need_tasks(call.ctx)
        name = said(call, "user_name", "name")
        if name is None:
            return required({"user_name": NAME})
        return await self._told(call, await self._submitted(GREETS, call, {"name": name}))
