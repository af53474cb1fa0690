"""Offer: a tool as a client sees it, with what happens when it is called; and the set of all that are offered.

A client's mistake is a tool error that says what to do next; a tool that there is not is a protocol error (-32602, spec
2026-07-28, server/tools); a crash never shows its text.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    InputRequiredResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from mcp_server.door import Ctx
from planner.errors import PlanrailError
from planner.misfit import misfit
from planner.tokens import count_tokens
from planner.toolspec import Json, JsonSchema

log = logging.getLogger(__name__)
Answer = CallToolResult | InputRequiredResult


@dataclass(frozen=True)
class Call:
    """One call of an offer: its arguments, which fit the schema, and what came with it."""

    ctx: Ctx
    arguments: dict[str, Json]
    params: CallToolRequestParams


@dataclass(frozen=True)
class Offer:
    """One tool. `read_only` and the other hints are always said: their defaults are pessimistic."""

    name: str
    title: str
    description: str
    input_schema: JsonSchema
    handle: Callable[[Call], Awaitable[Answer]]
    output_schema: JsonSchema | None = None
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False

    def tool(self) -> Tool:
        """The tool as `tools/list` says it."""
        hints = ToolAnnotations(
            title=self.title,
            read_only_hint=self.read_only,
            destructive_hint=self.destructive and not self.read_only,
            idempotent_hint=self.idempotent or self.read_only,
            open_world_hint=self.open_world,
        )
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=dict(self.input_schema),
            output_schema=None if self.output_schema is None else dict(self.output_schema),
            annotations=hints,
        )


def tokens_of(offer: Offer) -> int:
    """What an offer takes of a client's context."""
    return count_tokens(json.dumps(offer.tool().model_dump(by_alias=True, mode="json", exclude_none=True)))


async def called(offers: Mapping[str, Offer], ctx: Ctx, params: CallToolRequestParams) -> Answer:
    """Call one of the offers."""
    offer = offers.get(params.name)
    if offer is None:
        near = ", ".join(difflib.get_close_matches(params.name, offers, n=3))
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}", {"nearest": near} if near else None)
    arguments = dict(params.arguments or {})
    unknown = [name for name in arguments if name not in offer.input_schema.get("properties", {})]
    problem = f"it has no argument {unknown[0][:80]}" if unknown else misfit(arguments, offer.input_schema)
    if problem:
        return told_error(f"{offer.name}: {problem[:500]}")
    try:
        return await offer.handle(Call(ctx, arguments, params))
    except PlanrailError as error:
        return told_error(f"{error.message} {error.hint}".strip())


def told(text: str, structured: Mapping[str, Json] | None = None) -> CallToolResult:
    """A result: a few words, and the data once."""
    content: list[ContentBlock] = [TextContent(type="text", text=text)]
    return CallToolResult(content=content, structured_content=None if structured is None else dict(structured))


def told_error(text: str) -> CallToolResult:
    """A failure that the model can act on."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
