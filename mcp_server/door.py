"""Door: what all requests of one MCP server share: the house behind it, who is asking, and how much is said at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import ServerRequestContext

from executor.submission import Principal
from planrail.house import House
from planrail.settings import McpSettings

Ctx = ServerRequestContext[Any, Any]
DoorTerms = McpSettings


@dataclass(frozen=True)
class Door:
    """One server's. `principal` tells who has sent a request; its `kind` is agent: a model writes what a client submits."""

    house: House
    principal: Callable[[Ctx], Principal]
    terms: DoorTerms = field(default_factory=DoorTerms)

    def person(self, ctx: Ctx) -> Principal:
        """The person in front of the client, who answers what is elicited: the same owner of runs, on a human channel."""
        asking = self.principal(ctx)
        return asking.model_copy(update={"kind": "user"})
