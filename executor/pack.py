"""Pack: the tools and playbooks of one trade, found by the entry point group `planrail.packs`.

[project.entry-points."planrail.packs"]
gtm = "packs.gtm:pack"          # def pack(host: PackHost) -> Pack
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from executor.errors import ToolDeclarationError
from executor.toolset import Toolset

if TYPE_CHECKING:  # SQLAlchemy takes a second to load: a pack that is only looked at touches no database
    from sqlalchemy import Engine

GROUP = "planrail.packs"


class PackHost:
    """What the house gives a pack: a folder, and the configured database, where a pack makes tables named after itself.

    The database may be given as a function that makes it, so that it is loaded only where it is used: a pack had better not
    read `database` before one of its tools is called.
    """

    def __init__(self, database: Engine | Callable[[], Engine], data_dir: Path) -> None:
        self._database = database
        self.data_dir = data_dir

    @cached_property
    def database(self) -> Engine:
        """The configured database; raises what making it raises."""
        return self._database() if callable(self._database) else self._database


@dataclass(frozen=True)
class Specialist:
    """Who does the trade's work, as a router knows it: what it takes on, what it leaves to others, and what it is handed.

    `takes` are fields with their types, as in plans. `files` are the endings of files that are its business where the goal also
    says one of its words (its name, or a namespace of its tools). `playbook` is the one of its own that goes on with what
    another specialist's plan hands over: its parameters are `takes`, and its answer is `gives`: fields, and no transcript.
    """

    does: str
    leaves: str = ""
    takes: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    playbook: str = ""
    gives: str = ""


Holds = Callable[[Callable[[str], bool]], Mapping[str, int]]


@dataclass(frozen=True)
class Pack:
    """`name` is the pack's, `about` one sentence for the router; `playbooks` is a folder of .plan files, or None.

    `evals` is its suite, which `planrail eval NAME` tries. `holds` counts the rows of its own tables, by table, that have a
    text which is asked for: they are a business's own records, which `planrail erase` names and does not touch.
    """

    name: str
    about: str
    tools: Toolset
    playbooks: Path | None = None
    evals: Path | None = None
    specialist: Specialist | None = None
    holds: Holds | None = None


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
