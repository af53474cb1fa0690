"""McpServer: how to reach one MCP server, in the form of Claude Desktop's `mcpServers`, and what is believed of it.

    {"mcpServers": {"files": {"command": "npx", "args": ["-y", "server-files", "${HOME}"], "env": {"TOKEN": "…"}},
                    "shop":  {"url": "https://shop.example/mcp", "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"}}}}

`${NAME}` and `${NAME:-default}` stand for variables of the environment. Whatever a server says of itself (annotations,
descriptions) is a claim: it is believed only of one that is `trusted`.
"""

from __future__ import annotations

import json
import keyword
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from executor.errors import ToolDeclarationError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NO_NAME = re.compile(r"\W+", re.ASCII)


class McpServer(BaseModel):
    """One server: `command` (stdio) or `url` (Streamable HTTP; the older HTTP with SSE where `type` says sse)."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # the file is another product's, too

    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, SecretStr] = Field(default_factory=dict)  # besides what every child inherits: HOME, PATH, USER, …
    cwd: Path | None = None
    url: str | None = None
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    type: str | None = None
    disabled: bool = False
    trusted: bool = False  # its annotations are believed: a tool that calls itself read-only has no effects
    startup_s: float = Field(default=20.0, gt=0)  # to connect and list its tools; then it is tried again later
    idle_s: float = Field(default=60.0, gt=0)  # a call that tells of no progress for so long is given up
    most_s: float = Field(default=600.0, gt=0)  # a call is given up after so long, whatever it tells

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command or url")
        if self.url is not None and not self.url.startswith(("http://", "https://", "${")):
            raise ValueError("url is no http address")
        return self


def mcp_servers(given: Mapping[str, Any], where: str) -> dict[str, McpServer]:
    """The servers of a configuration by namespace, without those that are disabled; raises ToolDeclarationError."""
    found: dict[str, McpServer] = {}
    for name, entry in given.items():
        namespace = namespace_of(name)
        try:
            server = McpServer.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            told = f"{place}: {first['msg']}" if place else first["msg"]
            raise ToolDeclarationError(f"The MCP server {name} in {where}: {told}.") from None
        if namespace in found:
            raise ToolDeclarationError(f"Two MCP servers in {where} would be the namespace {namespace}.", hint="Rename one.")
        if not server.disabled:
            found[namespace] = server
    return found


def read_mcp_servers(path: Path) -> dict[str, McpServer]:
    """The servers of a file like Claude Desktop's; raises ToolDeclarationError, which names it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        servers = document["mcpServers"]
        if not isinstance(servers, dict):
            raise TypeError("mcpServers is no object")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolDeclarationError(f"{path} has no mcpServers: {error}.", hint='{"mcpServers": {"name": {…}}}') from error
    return mcp_servers(servers, str(path))


def namespace_of(name: str) -> str:
    """A server's name as a namespace of the plan language."""
    plain = _NO_NAME.sub("_", name).strip("_").lower() or "server"
    return f"mcp_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain


def expanded(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with its variables filled in; one that is not set and has no default is empty."""
    return _VARIABLE.sub(lambda m: environment.get(m[1], m[2] or ""), text)
