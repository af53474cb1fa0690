"""Upstream: what the doctor sees of what others run: MCP servers, agents, databases of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from importlib import import_module
from typing import Any

from executor.agent_tools.agent import Agent, known_agents, permitted_hosts
from executor.agent_tools.card import check_pin, fetch_card
from executor.agent_tools.guarded import Guarded, client_over
from executor.builtin import builtin_tools
from executor.builtin.handle import Unfit
from executor.builtin.sql_database import SqlDatabase
from executor.builtin.sql_settings import SqlSettings
from executor.errors import AgentRefused
from executor.mcp_tools.connection import McpConnection
from executor.mcp_tools.hub import McpHub
from executor.mcp_tools.server import McpServer
from executor.threads import in_thread
from executor.toolset import LiveToolset
from planrail.doctor.finding import Finding, note, problem, well
from planrail.doctor.shown import shown
from planrail.secret_files import how_to_set
from planrail.settings import Settings
from planrail.toolbox import pins_of

_MOST_S = 4.5  # a server that takes longer to begin is told to
_CARD_BYTES = 1 << 20
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")  # without a default
_WORD = re.compile(r'"([^"]*)"')
_SAMPLES: Mapping[str, Any] = {
    "int": 0, "float": 0.0, "bool": False, "date": date(2000, 1, 1), "datetime": datetime(2000, 1, 1),  # noqa: DTZ001  # as the type is
}  # fmt: skip


async def mcp_servers(settings: Settings) -> list[Finding]:
    """Whether each MCP server answers, and how many tools it lists."""
    if not settings.mcp_servers:
        return []
    await in_thread(lambda: import_module("mcp"))  # a second to load, off the loop on which all other looks wait
    async with McpHub(settings.mcp_servers, LiveToolset(builtin_tools())) as hub:
        await hub.ready(_MOST_S)
        return [_mcp_server(name, connection) for name, connection in hub.connections.items()]


def _mcp_server(name: str, connection: McpConnection) -> Finding:
    server, what = connection.server, f"MCP server {name}"
    at = shown(server.url) if server.url else f"{server.command or ''}{' …' if server.args else ''}"
    if connection.is_up:
        believed = "trusted" if server.trusted else "not trusted: its tools have effects, unless the policy says otherwise"
        return well(what, f"{len(connection.listing.tools)} tools, {believed} ({at})")
    return problem(what, f"{connection.problem} ({at})", f"Start it, or correct or remove [mcpServers.{name}].")


def unset_variables(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Variables of the environment that servers and databases need, and that are not set: nothing stands in their place."""
    needed = [(f"MCP server {name}", _texts(server)) for name, server in settings.mcp_servers.items()]
    needed += [(f"database {name}", [of.url.get_secret_value()]) for name, of in settings.sql.items()]
    for what, texts in needed:
        for name in sorted({name for text in texts for name in _VARIABLE.findall(text)} - environment.keys()):
            yield problem(what, f"needs the variable {name}, which is not set", f"Set {name} where Planrail is started.")


def _texts(server: McpServer) -> list[str]:
    secrets = [*server.env.values(), *server.headers.values()]
    return [server.command or "", server.url or "", *server.args, *(secret.get_secret_value() for secret in secrets)]


def agents(settings: Settings) -> list[Agent]:
    """The agents that plans may delegate to."""
    return list(known_agents(settings.agents, pins_of(settings)).values())


async def agent(of: Agent, settings: Settings) -> list[Finding]:
    """Whether an agent is there, is the one that was pinned, and whether what it is told by is set."""
    what, found = f"agent {of.name}", []
    if of.settings.token_secret and settings.secret(of.settings.token_secret) is None:
        told = f"the secret {of.settings.token_secret} is not set"
        found.append(problem(what, told, how_to_set(of.settings.token_secret)))
    allowed = permitted_hosts(of.settings.url, settings.http_allow_private)
    try:
        async with client_over(Guarded(allow_private=allowed, most=_CARD_BYTES)) as http:
            check_pin(of, await fetch_card(http, of.settings, of.pinned))
    except AgentRefused as error:
        remedy = error.hint or f"Start it, or correct or remove [agents.{of.name}]."
        return [*found, problem(what, error.message, remedy)]
    return found or [well(what, f"it is the one that was pinned ({shown(of.settings.url)})" if of.pinned else "it is there")]


def database(name: str, of: SqlSettings) -> Iterator[Finding]:
    """Whether a database can be read in a session that it holds read-only, and takes each statement."""
    what, place = f"database {name}", f"[sql.{name}]"
    opened = SqlDatabase(name, of)
    try:
        tables = opened.schema().tables
    except Unfit as unfit:
        remedy = "Give it a role that may read and nothing else." if unfit.kind == "refused" else f"Correct the url of {place}."
        yield problem(what, unfit.message.rstrip("."), remedy)
        return
    yield well(what, f"{len(tables)} tables, read in sessions that it holds read-only")
    for own, statement in of.statements.items():
        try:
            opened.explain(statement, {name: _sample(written) for name, written in statement.params.items()})
        except Unfit as unfit:
            told, remedy = unfit.message.rstrip("."), f"Correct [sql.{name}.statements.{own}], or the database."
            yield problem(f"statement {name}.{own}", told, remedy)
    if not of.statements and not tables:
        yield note(what, "it has no tables", f"Correct the url of {place}, or fill it.")


def _sample(written: str) -> Any:
    """A value of a parameter's type."""
    word = _WORD.search(written)
    return word[1] if word else _SAMPLES.get(written.partition("|")[0].strip(), "x")
