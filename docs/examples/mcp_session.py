"""A client session with `planrail mcp`: the model writes a plan, is corrected, runs it, and answers what it asks."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from mcp import Client, StdioServerParameters

SCRIPT = """\
leads = crm.find_leads(vertical="gym", city="Austin", limit=3)
who = ask_user("Whom do I write for?", returns=str)
answer(f"{who}: {len(leads.items)} gyms, the first is {leads.items[0].name}")
"""


async def main() -> None:
    server = StdioServerParameters(command="planrail", args=["mcp"], env=dict(os.environ))
    async with Client(server) as client:
        print("tools:", ", ".join(t.name for t in (await client.list_tools()).tools[:7]))
        await called(client, "run_plan", script=SCRIPT.replace("find_leads", "find_leeds"))
        asked = await called(client, "run_plan", script=SCRIPT)
        question = asked["questions"][0]["id"]
        await called(client, "answer_run", run_id=asked["run_id"], question=question, answer="Ann")


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """Call the tool and show what a model would read."""
    result = await client.call_tool(tool, arguments)
    print(f"\n> {tool}{' (error)' if result.is_error else ''}")
    print("\n".join(block.text for block in result.content if block.type == "text"))
    return result.structured_content


asyncio.run(main())
