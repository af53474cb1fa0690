"""Prompts: one for each playbook, with its parameters as arguments, and one that asks the client's model to write a plan."""

from __future__ import annotations

import json

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Completion, GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from mcp_server.door import Door
from mcp_server.teaching import PLAN_LANGUAGE
from planner.playbook import Playbook
from planner.tool_line import tool_line

WRITE = "write_a_plan"


def listed(door: Door) -> list[Prompt]:
    """All prompts, in the order of their names."""
    books = [_prompt(p) for p in sorted(door.house.playbooks, key=lambda p: p.name)]
    goal = PromptArgument(name="goal", description="What is to be done.", required=True)
    write = Prompt(
        name=WRITE, title="Write a plan", description="Write a plan script for a goal, and run it.", arguments=[goal]
    )
    return [*books, write]


def got(door: Door, name: str, arguments: dict[str, str]) -> GetPromptResult:
    """A prompt filled in; raises MCPError for one that there is not, or an argument that is missing."""
    if name == WRITE:
        if not arguments.get("goal"):
            raise MCPError(INVALID_PARAMS, "The argument goal is missing.")
        return _said(_write(door, arguments["goal"]))
    playbook = next((p for p in door.house.playbooks if p.name == name), None)
    if playbook is None:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:100]}")
    missing = [p.name for p in playbook.parameters if p.required and p.name not in arguments]
    if missing:
        raise MCPError(INVALID_PARAMS, f"The argument {missing[0]} is missing.")
    goal = playbook.goals[0] if playbook.goals else playbook.name
    for parameter, value in arguments.items():
        goal = goal.replace(f"{{{parameter}}}", value)
    told = json.dumps(arguments, ensure_ascii=False)
    return _said(f"Call run_goal with this goal: {goal}\nIt has the playbook {name}, with {told}. Then tell me its answer.")


def completed(door: Door, name: str, argument: str, value: str) -> Completion:
    """Values of an argument whose type is an enumeration."""
    playbook = next((p for p in door.house.playbooks if p.name == name), None)
    parameter = next((p for p in playbook.parameters if p.name == argument), None) if playbook else None
    found = [str(v) for v in parameter.schema.get("enum", ()) if str(v).startswith(value)] if parameter else []
    return Completion(values=found[:100], total=len(found), has_more=len(found) > 100)


def _prompt(playbook: Playbook) -> Prompt:
    arguments = [PromptArgument(name=p.name, description=p.type, required=p.required) for p in playbook.parameters]
    title = playbook.goals[0] if playbook.goals else playbook.name
    return Prompt(name=playbook.name, title=title, description=f"The playbook {playbook.name}.", arguments=arguments)


def _write(door: Door, goal: str) -> str:
    tools = "\n".join(tool_line(spec) for spec in door.house.toolset.specs.values() if not spec.is_agent)
    return f"{PLAN_LANGUAGE}\n\nThe tools:\n{tools}\n\nWrite a plan script for this goal and call run_plan with it: {goal}"


def _said(text: str) -> GetPromptResult:
    return GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(type="text", text=text))])
