"""Toolbox: the tools and playbooks that the settings name. Nothing is opened: a pack touches the database when it is called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from executor.builtin import HttpSettings, builtin_tools
from executor.pack import Pack, PackHost, load_packs
from executor.toolset import Toolset
from planner.playbook import Playbook, Playbooks, read_playbook
from planrail.settings import Settings, SettingsError


def unopened_database(settings: Settings) -> Engine:
    """The configured database, connected to by nobody yet; raises SettingsError for a URL that names none."""
    try:
        return create_engine(settings.url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError(f"The setting database_url names no database: {error}.") from error


def packs_of(settings: Settings, database: Engine) -> tuple[Pack, ...]:
    """The packs that are installed and wanted; raises ToolDeclarationError for one that cannot be loaded."""
    return tuple(load_packs(PackHost(database, settings.home), only=settings.packs))


def toolset_of(settings: Settings, packs: Iterable[Pack]) -> Toolset:
    """The built-in tools and the packs' own; raises ToolDeclarationError where a name stands twice."""
    toolset = builtin_tools(HttpSettings(allow_private=settings.http_allow_private))
    for pack in packs:
        toolset |= pack.tools
    return toolset


def playbooks_of(settings: Settings, packs: Iterable[Pack]) -> Playbooks:
    """Playbooks of the packs, of the data folder, and of the folders that are configured; a later name wins."""
    folders = [p.playbooks for p in packs if p.playbooks is not None]
    folders += [settings.home / "playbooks", *settings.playbooks]
    found: dict[str, Playbook] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("*.plan")):
            found[path.stem] = read_playbook(path)
    return Playbooks(found.values())
