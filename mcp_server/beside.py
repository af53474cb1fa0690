"""Beside: what a server offers besides the product's own, on the same stack: tests mount their fixtures so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp.server.streamable_http import EventStore
from mcp.types import (
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    ReadResourceResult,
    RequestParams,
    Resource,
    ResourceTemplate,
)

from mcp_server.door import Ctx
from mcp_server.offer import Offer

Prompted = Callable[[Ctx, GetPromptRequestParams], Awaitable[GetPromptResult | InputRequiredResult]]
Handler = Callable[[Ctx, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Beside:
    """Nothing, as long as nobody says otherwise. `read` gives None for an address that is not one of its own."""

    offers: tuple[Offer, ...] = ()
    resources: tuple[Resource, ...] = ()
    templates: tuple[ResourceTemplate, ...] = ()
    read: Callable[[str], ReadResourceResult | None] = lambda uri: None
    prompts: tuple[tuple[Prompt, Prompted], ...] = ()
    handlers: Mapping[str, tuple[type[RequestParams], Handler]] = field(default_factory=dict)
    event_store: EventStore | None = None  # for older clients, whose streams can then be taken up again
    retry_ms: int | None = None
