"""Toolbox: the tools and playbooks that the settings name. Nothing is opened: a pack touches the database when it is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from executor.agent_tools.agent import Pins, known_agents
from executor.agent_tools.tools import agent_tools
from executor.builtin import HttpSettings, builtin_tools
from executor.errors import JournalUnreachable
from executor.hand_tools import hand_tools
from executor.handing import Handing
from executor.pack import Pack, PackHost, load_packs
from executor.specialists import specialists_of
from executor.toolset import Toolset
from planner.playbook import Playbook, Playbooks, read_playbook
from planner.toolspec import Json
from planrail.settings import Settings, SettingsError

if TYPE_CHECKING:  # a second to load, for what only a call touches
    from sqlalchemy import Engine

_PLAIN_URL = re.compile(r"sqlite:///[^?]*|(?:postgres|postgresql(?:\+psycopg)?)://[^/?\s]+/[^/?\s]+")  # as the hints spell it


def unopened_database(settings: Settings) -> Callable[[], Engine]:
    """Makes the configured database, connected to by nobody yet; raises SettingsError for a URL that names none."""
    make = partial(_database, settings.url)
    if not _PLAIN_URL.fullmatch(settings.url):
        make()  # to be refused now, not by the first call
    return make


def _database(url: str) -> Engine:
    from sqlalchemy import create_engine  # noqa: PLC0415  # a second to load
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415

    from executor.journal.dialects import parse_url  # noqa: PLC0415  # it loads SQLAlchemy

    try:
        return create_engine(parse_url(url))
    except JournalUnreachable as error:
        raise SettingsError(f"The setting database_url names no database: {error.message}", hint=error.hint) from error
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError(f"The setting database_url names no database: {error}.") from error


def packs_of(settings: Settings, database: Engine | Callable[[], Engine]) -> tuple[Pack, ...]:
    """The packs that are installed and wanted; raises ToolDeclarationError for one that cannot be loaded."""
    return tuple(load_packs(PackHost(database, settings.home), only=settings.packs))


def toolset_of(settings: Settings, packs: Iterable[Pack]) -> Toolset:
    """The built-in tools and the packs' own, as the policy sees them.

    Raises ToolDeclarationError where a name stands twice, and PolicyError where the policy names what is not there.
    """
    toolset = builtin_tools(HttpSettings(allow_private=settings.http_allow_private), settings.sql)
    packs = tuple(packs)
    for pack in packs:
        toolset |= pack.tools
    toolset |= hand_tools(specialists_of(packs))
    toolset |= agents_of(settings)
    return toolset.under(settings.policy, elsewhere=settings.mcp_servers)


def agents_of(settings: Settings) -> Toolset:
    """The agents that plans may delegate to. Nothing is asked of them."""
    pins = pins_of(settings)
    known = known_agents(settings.agents, pins)
    return agent_tools(known.values(), pins, secrets=settings.secret, allow_private=settings.http_allow_private)


def pins_of(settings: Settings) -> Pins:
    """The pinned cards of agents, which all processes of a home share."""
    return Pins(settings.home / "agents")


def whole_toolset(settings: Settings) -> Toolset:
    """All tools as they are now, to be looked at; nothing is opened but the connections to MCP servers, for a moment."""
    own = toolset_of(settings, packs_of(settings, unopened_database(settings)))
    if not settings.mcp_servers:
        return own
    from planrail.upstream import with_upstream  # noqa: PLC0415  # a loop and sockets, which most checks have no use for

    return with_upstream(settings, own)


def handing_of(settings: Settings) -> Handing:
    """How plans hand something over to specialists."""
    packs = packs_of(settings, unopened_database(settings))
    return Handing(specialists_of(packs), playbooks_of(settings, packs))


def playbooks_of(settings: Settings, packs: Iterable[Pack]) -> Playbooks:
    """Playbooks of the packs, of the data folder, and of the folders that are configured; a later name wins."""
    folders = [p.playbooks for p in packs if p.playbooks is not None]
    folders += [settings.home / "playbooks", *settings.playbooks]
    found: dict[str, Playbook] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("*.plan")):
            found[path.stem] = read_playbook(path)
    return Playbooks(found.values())


def playbook_document(playbook: Playbook) -> dict[str, Json]:
    """A playbook as programs read it."""
    params = [
        {"name": p.name, "type": p.type, "required": p.required, "default": p.default, "schema": dict(p.schema)}
        for p in playbook.parameters
    ]
    return {
        "name": playbook.name, "goals": list(playbook.goals), "params": params, "tools": list(playbook.tools),
        "fallback": playbook.fallback, "script": playbook.script.strip("\n"),
    }  # fmt: skip
