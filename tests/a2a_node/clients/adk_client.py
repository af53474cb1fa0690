"""Google's ADK: a RemoteA2aAgent in a runner, as its documentation has it. It does not cancel."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from visiting import main

warnings.simplefilter("ignore")  # the framework's own, of what is experimental

from google.adk.agents.remote_a2a_agent import RemoteA2aAgent  # noqa: E402
from google.adk.runners import InMemoryRunner  # noqa: E402
from google.genai import types  # noqa: E402

logging.disable(logging.WARNING)


class Talk:
    """A session of the runner."""

    def __init__(self, runner: InMemoryRunner, session: str) -> None:
        self.runner = runner
        self.session = session

    async def say(self, *parts: types.Part) -> dict[str, Any]:
        """What a user sees: what is thought aloud, what is said, and what is asked."""
        found: dict[str, Any] = {"thought": [], "shown": [], "asked": [], "errors": []}
        message = types.Content(role="user", parts=list(parts))
        async for event in self.runner.run_async(user_id="ann", session_id=self.session, new_message=message):
            if event.error_message:
                found["errors"].append(event.error_message)
            for part in event.content.parts if event.content and not event.partial else ():
                if part.function_call:
                    found["asked"].append((part.function_call.id, part.function_call.name, part.function_call.args))
                elif part.text:
                    found["thought" if part.thought else "shown"].append(part.text)
        return found


async def seen(url: str, goals: dict[str, str]) -> dict[str, Any]:
    agent = RemoteA2aAgent(name="planrail", agent_card=f"{url}/.well-known/agent-card.json")
    runner = InMemoryRunner(agent, app_name="visitor")

    async def talk() -> Talk:
        return Talk(runner, (await runner.session_service.create_session(app_name="visitor", user_id="ann")).id)

    found = {"done": await (await talk()).say(types.Part(text=goals["plain"]))}
    asking = await talk()
    found["asked"] = await asking.say(types.Part(text=goals["ask"]))
    call, name, _ = found["asked"]["asked"][0]
    response = types.FunctionResponse(id=call, name=name, response={"result": goals["answer"]})
    found["answered"] = await asking.say(types.Part(function_response=response))
    found["quiet"] = await (await talk()).say(types.Part(text=goals["quiet"]))
    return {"name": agent.name, "description": agent.description, **found}


if __name__ == "__main__":
    main(seen)
