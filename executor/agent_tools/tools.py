"""Tools: the agents as a toolset has them: each a spec by the name `agent:NAME`, which the step `delegate` alone can name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from executor.agent_tools.agent import Agent, Pins
from executor.agent_tools.order import Caller, Order, Outcome
from executor.tool import MAX_DESCRIPTION, Tool, ToolContext, ToolFailed
from executor.toolset import Toolset
from planner.agents import tool_name_of
from planner.toolspec import Json, JsonSchema, ToolSpec

if TYPE_CHECKING:  # the SDK takes a second to load: only where something is delegated
    from executor.agent_tools.session import Agents

_INPUT: JsonSchema = {
    "type": "object", "properties": {"goal": {"type": "string"}}, "required": ["goal"], "additionalProperties": True,
}  # fmt: skip
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class AgentTool(Tool):
    """Another agent. `executor.delegating` calls it; `agents` brings the SDK with the first call."""

    agent: Agent = field(kw_only=True)
    agents: Callable[[], Agents] = field(kw_only=True)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token that the agent is shown, if there is one."""
        return (self.agent.settings.token_secret,) if self.agent.settings.token_secret else ()

    async def delegate(self, order: Order, caller: Caller, within_s: float) -> Outcome:
        """Carry a goal to the agent, or on with it there."""
        return await self.agents().delegate(self.agent, order, caller, within_s)

    async def cancel(self, task: str, within_s: float) -> bool:
        """Tell the agent that its task is cancelled; whether it was told in that time."""
        return await self.agents().cancel(self.agent, task, within_s)

    def looking(self, order: Order, caller: Caller) -> AgentTool:
        """The same with a probe for that order: False where it may be carried out, for there is no task of it, or one that is
        remembered now; None where the agent cannot tell.
        """

        async def probe(key: str) -> bool | None:
            found = await self.agents().find(self.agent, order, caller)
            return None if found is None else False

        return replace(self, probe=probe)

    def bind(self, arguments: Mapping[str, Json]) -> dict[str, Any]:
        return {"arguments": dict(arguments)}


def agent_tools(
    agents: Iterable[Agent], pins: Pins, *, secrets: Callable[[str], str | None], allow_private: tuple[str, ...] = ()
) -> Toolset:
    """The agents as a toolset. Nothing is asked of them yet."""

    @cache
    def opened() -> Agents:
        from executor.agent_tools.session import Agents  # noqa: PLC0415  # a second to load: only where something is delegated

        return Agents(pins, secrets, allow_private)

    return Toolset(agent_tool(agent, opened) for agent in agents)


def agent_tool(agent: Agent, opened: Callable[[], Agents]) -> AgentTool:
    """The tool that stands for an agent."""
    settings = agent.settings
    spec = ToolSpec(
        name=tool_name_of(agent.name),
        description=" ".join(agent.description.split())[:MAX_DESCRIPTION],
        input_schema=_INPUT,
        effect=settings.effect,
        idempotent=settings.idempotent is True,  # what the card says is no part of the contract: it is seen when it is used
        commutes=settings.commutes,
        open_world=True,
        usd=settings.usd,
        timeout_s=settings.timeout_s,
        retries=0,
        seconds=settings.seconds,
    )
    function = partial(_uncalled, agent.name)
    return AgentTool(spec, function, _Anything, _ANY, "context", killable=False, probe=None, agent=agent, agents=opened)


async def _uncalled(agent: str, arguments: Mapping[str, Json], context: ToolContext) -> ToolFailed:
    """An agent is no tool that is called: a goal is delegated to it."""
    return ToolFailed(f'Write delegate("{agent}", "goal").', "invalid")
