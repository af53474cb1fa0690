"""The Python SDK of the older era, run by an interpreter of its own; what it has seen is printed as JSON, as visit.mjs does."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

TIMEOUT = timedelta(seconds=3)
TWO = 'a = crm.get_lead(id=8)\nwait("1s")\nb = crm.get_lead(id=a.id)\nanswer([b.id])'
APPROVES = 'approve("save")\ns = crm.save_score(id=8, score=50)\nanswer([s.score])'


class Visitor:
    """One session."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.session: ClientSession

    async def elicited(self, context: object, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"answer": True})

    async def run(self, tool: str, **arguments: object) -> Any:
        return (await self.session.call_tool(tool, arguments)).structuredContent

    async def waiting(self, count: int) -> list[str]:
        while len(runs := (await self.run("list_runs", status="waiting"))["runs"]) != count:
            pass
        return [r["run_id"] for r in runs]

    async def refused(self, tool: str, **more: Any) -> object:
        try:
            await self.session.call_tool(tool, **more)
        except McpError as error:
            return error.error.code
        return "answered"

    async def visit(self) -> dict[str, Any]:
        seen: dict[str, Any] = {"tools": [tool.name for tool in (await self.session.list_tools()).tools]}
        progress: list[float] = []

        async def progressed(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        done = await self.session.call_tool("run_plan", {"script": TWO}, progress_callback=progressed)
        seen |= {"done": done.structuredContent, "progress": progress, "unknown": await self.refused("run_gaol")}
        seen |= {"approved": await self.run("run_plan", script=APPROVES), "asked": self.asked}
        call = asyncio.create_task(self.run("run_plan", script='wait("1h")\nanswer(1)'))
        await self.waiting(1)
        call.cancel()
        await asyncio.wait((call,))
        seen["cancelled"] = "AbortError" if call.cancelled() else "answered"
        script = {"script": 'wait("1h")\nanswer(2)'}
        seen["timedOut"] = await self.refused("run_plan", arguments=script, read_timeout_seconds=TIMEOUT)
        seen["left"] = []
        for run in await self.waiting(2):
            await self.run("cancel_run", run_id=run)
            seen["left"].append((await self.run("get_run", run_id=run))["status"])
        return seen


async def main(target: dict[str, Any]) -> None:
    visitor = Visitor()
    async with AsyncExitStack() as stack:
        made = streamable_http_client(target["url"]) if "url" in target else stdio_client(StdioServerParameters(**target))
        read, write, *_ = await stack.enter_async_context(made)
        visitor.session = await stack.enter_async_context(ClientSession(read, write, elicitation_callback=visitor.elicited))
        await visitor.session.initialize()
        seen = await visitor.visit()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
