"""Entry: the MCP door as the command line finds it."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings as SdkAuth
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from executor.submission import Principal
from mcp_server.beside import Beside
from mcp_server.door import Ctx, Door, DoorTerms
from mcp_server.guard import Guard
from mcp_server.server import McpDoor
from mcp_server.stdio import serve_stdio, telling
from planrail.auth import Authenticator
from planrail.doors import Mounted
from planrail.house import House
from planrail.settings import SettingsError

PATH = "/mcp"


class McpEntry:
    """Serves runs and tools over MCP: on stdin and stdout, or below `/mcp`; and what is `beside` them."""

    def __init__(self, beside: Callable[[McpDoor], Beside] | None = None) -> None:
        self._beside = beside

    async def serve_stdio(self, house: House) -> None:
        """One client, which is the person's own: its runs are theirs; what its model writes is the model's."""
        await serve_stdio(McpDoor(Door(house, _local, terms_of(house)), self._beside))

    @asynccontextmanager
    async def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AsyncIterator[Mounted]:
        """Streamable HTTP of both eras. Without authentication only this machine comes, which is one principal."""
        known = auth.required
        door = McpDoor(Door(house, _bearer if known else _local, terms_of(house)), self._beside)
        app = door.server.streamable_http_app(
            streamable_http_path=PATH,
            host=host,
            event_store=door.beside.event_store,
            retry_interval=door.beside.retry_ms,
            transport_security=_security(host, auth.settings.resource),
            auth=_metadata(auth) if known else None,
            token_verifier=_Verifier(auth) if known else None,
        )
        async with door.server.session_manager.run(), telling(door):
            yield Mounted((PATH, "/.well-known/oauth-protected-resource"), Guard(app, auth, house.quotas), {"mcp": PATH})


def terms_of(house: House) -> DoorTerms:
    """The terms of the configuration; raises SettingsError for a tool that there is not. Other servers' may yet come."""
    terms = house.settings.mcp
    tools = house.toolset.specs
    for name in sorted(terms.effects - {"*"}):
        if name not in tools and name.partition(".")[0] not in house.settings.mcp_servers:
            near = ", ".join(difflib.get_close_matches(name, tools, n=3)) or "`planrail tools` lists them"
            raise SettingsError(f"The setting mcp.effects: there is no tool {name}.", hint=f"Nearest: {near}.")
    return terms


@dataclass(frozen=True)
class _Verifier:
    """The SDK's port to whoever knows tokens."""

    auth: Authenticator

    async def verify_token(self, token: str) -> AccessToken | None:
        who = await self.auth.principal(token)
        if who is None:
            return None
        claims = {"kind": who.kind}
        resource = self.auth.settings.resource or None
        return AccessToken(
            token="", client_id=who.id, subject=who.id, scopes=sorted(who.scopes), claims=claims, resource=resource
        )  # fmt: skip


def _metadata(auth: Authenticator) -> SdkAuth:
    """Protected-resource metadata (RFC 9728), which tells a client where tokens come from."""
    resource = auth.settings.resource or "http://localhost"
    return SdkAuth(
        issuer_url=AnyHttpUrl(auth.settings.issuer or resource),
        resource_server_url=AnyHttpUrl(resource) if auth.settings.resource else None,
        validate_token_resource=bool(auth.settings.resource),
    )


def _security(host: str, resource: str) -> TransportSecuritySettings:
    """Which hosts and origins a request may name: DNS rebinding is refused."""
    names = ["127.0.0.1", "localhost", "[::1]"] + ([host] if host not in ("0.0.0.0", "::") else [])
    own = urlsplit(resource)
    hosts = [f"{n}:*" for n in names] + names + ([own.netloc] if own.netloc else [])
    origins = [f"http://{n}:*" for n in names] + ([f"{own.scheme}://{own.netloc}"] if own.netloc else [])
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)


def _bearer(ctx: Ctx) -> Principal:
    """Whoever is behind the request's token."""
    token = get_access_token()
    assert token is not None  # else the request would not have come so far
    kind: Literal["user", "agent"] = "user" if (token.claims or {}).get("kind") == "user" else "agent"
    return Principal(id=token.subject or token.client_id, kind=kind, scopes=frozenset(token.scopes))


def _local(ctx: Ctx) -> Principal:
    """Whoever is at this machine; what comes is written by a model."""
    return Principal(kind="agent")
