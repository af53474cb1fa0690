"""Pack: the tools and playbooks of one trade, found by the entry point group `planrail.packs`.

[project.entry-points."planrail.packs"]
gtm = "packs.gtm:pack"          # def pack(host: PackHost) -> Pack
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from sqlalchemy import Engine

from executor.errors import ToolDeclarationError
from executor.toolset import Toolset

GROUP = "planrail.packs"


@dataclass(frozen=True)
class PackHost:
    """What the house gives a pack. `database` is the configured one; a pack makes its own tables, named after itself."""

    database: Engine
    data_dir: Path


@dataclass(frozen=True)
class Pack:
    """`name` is the pack's, `about` one sentence for the router; `playbooks` is a folder of .plan files, or None."""

    name: str
    about: str
    tools: Toolset
    playbooks: Path | None = None


PackFactory = Callable[[PackHost], Pack]


def load_packs(host: PackHost, *, only: Iterable[str] | None = None) -> list[Pack]:
    """Every installed pack, by name. A pack that cannot be loaded raises ToolDeclarationError, which names it."""
    wanted = None if only is None else set(only)
    points = sorted(entry_points(group=GROUP), key=lambda p: p.name)
    return [_load(p, host) for p in points if wanted is None or p.name in wanted]


def _load(point: EntryPoint, host: PackHost) -> Pack:
    try:
        factory: PackFactory = point.load()
        return factory(host)
    except (ImportError, AttributeError) as error:
        raise ToolDeclarationError(
            f"The pack {point.name} ({point.value}) cannot be loaded: {error}.",
            hint="Reinstall or uninstall it, or leave it out with PLANRAIL_PACKS.",
        ) from error
