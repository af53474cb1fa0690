"""Functions: what a model may call while it answers, and the calls that it makes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from planner.toolspec import Json, JsonSchema


class ToolFunction(BaseModel):
    """A function that is offered: its name may be any (`crm.find_leads`), `parameters` is a schema of an object."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str = ""
    parameters: JsonSchema


class ToolCall(BaseModel):
    """A call as the model wrote it, perhaps of a function that is not there; `json_reply.read_object` reads the arguments."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str = "{}"


def functions_text(tools: Iterable[ToolFunction]) -> str:
    """The functions as a prompt shows them, in the fewest tokens."""
    return compact([t.model_dump() for t in tools])


def call_text(call: ToolCall) -> str:
    """A call as a conversation shows it."""
    return f'{{"name":{compact(call.name)},"arguments":{call.arguments}}}'


def compact(value: Json) -> str:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
