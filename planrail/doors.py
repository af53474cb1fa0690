"""Doors: what serves the house to others (MCP, A2A, …), found by the entry point group `planrail.doors`.

[project.entry-points."planrail.doors"]
mcp = "mcp_server.entry:McpEntry"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol, cast, runtime_checkable

from planner.errors import PlanrailError
from planner.toolspec import Json
from planrail.auth import Authenticator
from planrail.house import House
from planrail.probes import Probes
from planrail.signing import SigningKey

GROUP = "planrail.doors"
_FIXTURES = {  # by door: what the official suites ask of it besides
    "mcp": ("tests.conformance.entry", "ConformanceEntry"),
    "a2a": ("tests.a2a_node.tck_entry", "TckEntry"),
}


class DoorUnavailable(PlanrailError):
    """A door is not installed, or cannot be loaded."""

    fault = "user"


class AddressTaken(PlanrailError):
    """Nothing can listen at an address."""

    fault = "user"


@dataclass(frozen=True)
class Mounted:
    """A door of a server: the paths at and below which it answers, its ASGI application, and where it is, by name."""

    paths: tuple[str, ...]
    app: Any
    told: Mapping[str, str]  # "mcp" → "/mcp": paths, or whole addresses


@dataclass(frozen=True)
class CardTold:
    """An agent's card as it is sent, what is wrong with it, and what some clients stumble over."""

    document: dict[str, Json]
    problems: Sequence[str]
    notes: Sequence[str]


class CardDoor(Protocol):
    """A door that others find by a card."""

    async def card(self, house: House, auth: Authenticator, *, url: str, key: SigningKey | None) -> CardTold:
        """The card as it is served at that URL; signed with `key` instead of the house's own, where one is given."""
        ...


class Entry(Protocol):
    """One kind of door. Made without arguments, and asked for what a process needs of it."""

    async def serve_stdio(self, house: House) -> None:
        """Serve one client at stdin and stdout until it closes its end; raises DoorUnavailable where there is no such way."""
        ...

    def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AbstractAsyncContextManager[Mounted]:
        """Entered while the server runs, which listens at that address ("http://127.0.0.1:8700")."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A door that tells how its process is; it is given the means before it is mounted."""

    probes: Probes | None


def entry(name: str) -> Entry:
    """The door of that name; raises DoorUnavailable."""
    for point in entry_points(group=GROUP):
        if point.name == name:
            try:
                made: Entry = point.load()()
            except ImportError as error:
                raise DoorUnavailable(
                    f"The door {name} cannot be loaded: {error}.", hint="pip install planrail anew."
                ) from error
            return made
    raise DoorUnavailable(f"There is no door {name}.", hint=f"Installed: {', '.join(names()) or 'none'}.")


def card_door() -> CardDoor:
    """The door that others find by a card; raises DoorUnavailable."""
    return cast(CardDoor, entry("a2a"))


def conformance(name: str) -> Entry:
    """The door with the fixtures of its official suite beside it, where it has one; raises DoorUnavailable."""
    if name not in _FIXTURES:
        return entry(name)
    module, kind = _FIXTURES[name]
    try:
        made: Entry = getattr(import_module(module), kind)()
    except ImportError as error:
        raise DoorUnavailable(
            "The fixtures of the conformance suite are not here.", hint="They are in the repository's tests/, not in a wheel."
        ) from error
    return made


def names() -> Iterable[str]:
    """The doors that are installed."""
    return sorted(p.name for p in entry_points(group=GROUP))
