"""Foreign: a tool that is no typed function of ours: its schemas are JSON Schemas, its call is somebody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from executor.tool import InvalidArguments, Tool, ToolContext, ToolDone, ToolFailed, ToolResult
from planner.misfit import BadSchema, misfit
from planner.toolspec import Json, ToolSpec

ForeignCall = Callable[[Mapping[str, Json], ToolContext], Awaitable[ToolResult]]
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class ForeignTool(Tool):
    """Arguments are held against the input schema before the call, the value against the output schema after it."""

    def bind(self, arguments: Mapping[str, Json]) -> dict[str, Any]:
        """The arguments; raises InvalidArguments."""
        try:
            problem = misfit(dict(arguments), self.spec.input_schema)
        except BadSchema as error:
            problem = f"its schema is none: {error}"
        if problem:
            raise InvalidArguments(problem[:300])
        return {"arguments": dict(arguments)}

    def misfit(self, value: Json) -> str:
        """Why a value is not what the tool says it gives."""
        if self.spec.output_schema is None:
            return ""
        try:
            return misfit(value, self.spec.output_schema)
        except BadSchema as error:
            return f"its output schema is none: {error}"


def foreign_tool(spec: ToolSpec, call: ForeignCall) -> Tool:
    """The tool behind a foreign call."""

    async def called(arguments: Mapping[str, Json], context: ToolContext) -> Json | ToolFailed:
        result = await call(arguments, context)
        return result.value if isinstance(result, ToolDone) else result

    return ForeignTool(spec, called, _Anything, _ANY, "context", killable=False, probe=None)
