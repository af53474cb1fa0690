"""What every Python client does at Planrail's door; what it has seen is printed as JSON, as visit.mjs does."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass
class Told:
    """One event of a stream."""

    task: str
    context: str
    state: str = ""
    said: str = ""
    artifacts: dict[str, str] = field(default_factory=dict)  # by name
    append: bool = False


@dataclass
class Tale:
    """What one stream has told."""

    task: str = ""
    context: str = ""
    states: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    artifacts: dict[str, str] = field(default_factory=dict)

    def hear(self, told: Told) -> None:
        self.task, self.context = told.task, told.context
        if told.state and self.states[-1:] != [told.state]:
            self.states.append(told.state)
        if told.said:
            self.said.append(told.said)
        for name, text in told.artifacts.items():
            self.artifacts[name] = (self.artifacts[name] if told.append else "") + text


class Agent(Protocol):
    """A client in front of one agent."""

    name: str

    def stream(self, text: str, task: str | None, context: str | None) -> AsyncIterator[Told]: ...

    async def cancel(self, task: str) -> str: ...


async def visit(agent: Agent, goals: dict[str, str]) -> dict[str, Any]:
    async def told(text: str, task: str | None = None, context: str | None = None) -> Tale:
        tale = Tale()
        async for one in agent.stream(text, task, context):
            tale.hear(one)
        return tale

    silence = asyncio.create_task(told(goals["quiet"]))
    done, asked = await told(goals["plain"]), await told(goals["ask"])
    answered = await told(goals["answer"], asked.task, asked.context)
    left, cancelled = Tale(), ""
    async for one in agent.stream(goals["late"], None, None):
        left.hear(one)
        if not cancelled and left.states[-1] == "working":
            cancelled = await agent.cancel(left.task)
    tales = {"done": done, "asked": asked, "answered": answered, "quiet": await silence, "left": left}
    return {"name": agent.name, "cancelled": cancelled, **{name: asdict(tale) for name, tale in tales.items()}}


def main(seen: Callable[..., Awaitable[dict[str, Any]]]) -> None:
    """Print what that visitor has seen, who is given the URL, the goals, and what else stands on the command line."""
    target = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(seen(target["url"], target["goals"], *sys.argv[2:]))))
