"""Agents: other agents that a plan may delegate to. Among the tools each is a spec by the name `agent:NAME`.

So what holds of tools holds of them: a certificate lists them, a policy names them, ceilings count them. They are no tools
that a script, a `do` or an MCP client can call by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.language import STEPS
from planner.tool_line import described
from planner.toolspec import AGENT, ToolSpec

_MOST = 40  # agents that a prompt tells of


def tool_name_of(agent: str) -> str:
    """The name of an agent among the tools."""
    return f"{AGENT}{agent}"


def agents_of(tools: Mapping[str, ToolSpec]) -> dict[str, ToolSpec]:
    """The agents among the tools, by their own names."""
    return {name.removeprefix(AGENT): tools[name] for name in tools if name.startswith(AGENT)}


def tools_alone(tools: Mapping[str, ToolSpec]) -> Mapping[str, ToolSpec]:
    """The tools without the agents; which there are is looked at when it is asked for."""
    return _Alone(tools)


def agents_told(tools: Mapping[str, ToolSpec]) -> str:
    """What a prompt tells of the agents; nothing where there are none."""
    agents = agents_of(tools)
    if not agents:
        return ""
    form = STEPS["delegate"]
    more = [f"… and {len(agents) - _MOST} more"] if len(agents) > _MOST else []
    lines = [agent_line(spec) for spec in list(agents.values())[:_MOST]]
    return "\n".join([f"Agents, for what no tool does. {form.signature}: {form.summary}", *lines, *more])


def agent_line(spec: ToolSpec) -> str:
    """An agent on one line; its words are a stranger's."""
    return f"{spec.name.removeprefix(AGENT)}: {described(spec.description)}{'' if spec.has_effect else ' (read)'}"


class _Alone(Mapping[str, ToolSpec]):
    def __init__(self, tools: Mapping[str, ToolSpec]) -> None:
        self._tools = tools

    def __getitem__(self, name: str) -> ToolSpec:
        if name.startswith(AGENT):
            raise KeyError(name)
        return self._tools[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and not name.startswith(AGENT) and name in self._tools

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._tools if not name.startswith(AGENT))

    def __len__(self) -> int:
        return sum(1 for _ in self)
