"""Microsoft's agent-framework: an A2AAgent as its documentation has it, at rest and streamed."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
from a2a.client import A2ACardResolver
from a2a.types import CancelTaskRequest, TaskState
from agent_framework import AgentSession
from agent_framework_a2a import A2AAgent
from visiting import main

warnings.simplefilter("ignore")  # the framework's own, of what is experimental


async def seen(url: str, goals: dict[str, str]) -> dict[str, Any]:
    async with httpx.AsyncClient() as web:
        card = await A2ACardResolver(web, url).get_agent_card()
    async with A2AAgent(agent_card=card) as agent:
        streamed = agent.run(goals["plain"], stream=True)
        said = [update.text async for update in streamed]
        session = AgentSession()
        asked = await agent.run(goals["ask"], session=session)
        found = {
            "name": agent.name,
            "done": {"shown": (await agent.run(goals["plain"])).text},
            "streamed": {"shown": (await streamed.get_final_response()).text, "said": said},
            "asked": {"shown": asked.text, "requests": len(asked.user_input_requests)},
            "answered": {"shown": (await agent.run(goals["answer"], session=session)).text},
            "quiet": {"shown": (await agent.run(goals["quiet"], stream=True).get_final_response()).text},
        }
        token = (await agent.run(goals["late"], background=True)).continuation_token
        task = await agent.client.cancel_task(CancelTaskRequest(id=token["task_id"]))
        found["cancelled"] = TaskState.Name(task.status.state).removeprefix("TASK_STATE_").lower()
        return found


if __name__ == "__main__":
    main(seen)
