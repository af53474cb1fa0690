"""AWS's strands: an A2AAgent as documented. It names no task in a message, so it cannot answer, and it does not cancel."""

from __future__ import annotations

from typing import Any

from strands.agent.a2a_agent import A2AAgent
from visiting import main


async def seen(url: str, goals: dict[str, str]) -> dict[str, Any]:
    agent = A2AAgent(endpoint=url)
    found: dict[str, Any] = {}
    for name, goal in (("done", "plain"), ("asked", "ask"), ("quiet", "quiet")):
        result = await agent.invoke_async(goals[goal])
        found[name] = {"shown": str(result).strip(), "stopped": result.stop_reason}
    return {"name": (await agent.get_agent_card()).name, **found}


if __name__ == "__main__":
    main(seen)
