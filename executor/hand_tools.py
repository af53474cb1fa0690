"""Hand tools: `hand.NAME` for each specialist that others' plans can hand something over to: typed fields in, the same out.

In a plan that is proposed, `x = hand.helpdesk(…)` stands for that specialist's playbook; see `executor.handing`. What is called
in the end holds the fields against their types, and gives them as they are: so they stand in the journal, with their labels.
"""

from __future__ import annotations

from collections.abc import Mapping

from executor.foreign import foreign_tool
from executor.specialists import Member, Specialists, hand_name
from executor.tool import MAX_DESCRIPTION, Tool, ToolContext, ToolDone
from executor.toolset import Toolset
from planner.parse import parse_expression
from planner.toolspec import Json, JsonSchema, ToolSpec
from planner.types import schema_of


def hand_tools(specialists: Specialists) -> Toolset:
    """The tools of those that take something."""
    return Toolset(_tool(member) for member in specialists.taking)


def _tool(member: Member) -> Tool:
    spec = ToolSpec(
        name=hand_name(member.name),
        description=f"Hand this over; alone on a line: x = {hand_name(member.name)}(…). {member.about.does}"[:MAX_DESCRIPTION],
        input_schema=_schema(member),
        effect="read",
        open_world=False,
        sensitive=(),  # the fields keep their labels, and the playbook's own sinks are asked about
        seconds=0.001,
    )
    return foreign_tool(spec, _handed)


def _schema(member: Member) -> JsonSchema:
    fields = {name: schema_of(parse_expression(written)) for name, written in member.about.takes.items()}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


async def _handed(arguments: Mapping[str, Json], context: ToolContext) -> ToolDone:
    return ToolDone(dict(arguments))
