"""Tools: what the doctor sees of packs, tools and playbooks, and of the store that large values go to."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from executor.objects import ObjectArtifacts, is_local
from executor.pack import GROUP, Pack, PackHost, load_packs
from executor.toolset import Toolset
from planner.errors import PlanrailError
from planner.playbook import Playbooks
from planrail.doctor.finding import Finding, note, problem, well
from planrail.settings import Settings
from planrail.toolbox import packs_of, playbooks_of, toolset_of, unopened_database

_LEAVE_OUT = "Reinstall or uninstall it, or leave it out with PLANRAIL_PACKS."


@dataclass(frozen=True)
class Shelf:
    """What was found of packs, tools and playbooks; None for what cannot be had."""

    findings: tuple[Finding, ...]
    toolset: Toolset | None = None
    playbooks: Playbooks | None = None


def shelf(settings: Settings) -> Shelf:
    """Load every pack that is wanted, then all tools and playbooks together."""
    try:
        database = unopened_database(settings)
    except PlanrailError as error:
        return Shelf((problem("packs", error.message, error.hint or "Check PLANRAIL_DATABASE_URL."),))
    found = list(_packs(settings, PackHost(database, settings.home)))
    if any(f.level == "problem" and f.told != "is not installed" for f in found):
        return Shelf(tuple(found))
    wanted = settings.packs
    if wanted is not None:
        installed = {p.name for p in entry_points(group=GROUP)}
        settings = settings.model_copy(update={"packs": tuple(name for name in wanted if name in installed)})
    packs = packs_of(settings, database)
    tools, toolset = _tools(settings, packs)
    books, playbooks = _playbooks(settings, packs)
    return Shelf((*found, *tools, *books), toolset, playbooks)


def _packs(settings: Settings, host: PackHost) -> Iterator[Finding]:
    installed = sorted(p.name for p in entry_points(group=GROUP))
    for name in [n for n in settings.packs or () if n not in installed]:
        near = difflib.get_close_matches(name, installed, n=1)
        remedy = f"Did you mean {near[0]}? " if near else ""
        yield problem(f"pack {name}", "is not installed", f"{remedy}Install it, or correct PLANRAIL_PACKS.")
    for name in installed if settings.packs is None else [n for n in installed if n in settings.packs]:
        yield _tried(f"pack {name}", lambda n=name: load_packs(host, only=[n])[0].about)  # type: ignore[misc]  # a lambda's default has no type


def _tools(settings: Settings, packs: Sequence[Pack]) -> tuple[list[Finding], Toolset | None]:
    try:
        toolset = toolset_of(settings, packs)
    except PlanrailError as error:
        hint = error.hint or "Rename or remove one of them in planrail.toml, or leave a pack out with PLANRAIL_PACKS."
        return [problem("tools", error.message, hint)], None
    except Exception as error:  # noqa: BLE001  # the boundary to foreign code
        return [problem("tools", f"cannot be loaded: {type(error).__name__}: {error}", _LEAVE_OUT)], None
    names = list(toolset.specs)
    found = [well("tools", f"{len(toolset)} tools")]
    spaces = {name.partition(".")[0] for name in names} | settings.mcp_servers.keys()
    for space in sorted(settings.servers.keys() - spaces):
        near = difflib.get_close_matches(space, sorted(spaces), n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Remove [servers.{space}], or install what has these tools."
        found.append(note(f"limits of {space}", "there are no tools of that namespace", remedy))
    away = set(settings.mcp_servers)
    for name in sorted(settings.mcp.effects - {"*", *names}):
        if name.partition(".")[0] not in away:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]}?" if near else "Remove it from mcp.effects."
            found.append(problem("mcp.effects", f"there is no tool {name}", remedy))
    return found, toolset


def _playbooks(settings: Settings, packs: Sequence[Pack]) -> tuple[list[Finding], Playbooks | None]:
    found = [
        problem("playbooks", f"{folder} is no folder", "Make it, or correct PLANRAIL_PLAYBOOKS.")
        for folder in settings.playbooks
        if not folder.is_dir()
    ]
    try:
        playbooks = playbooks_of(settings, packs)
    except PlanrailError as error:
        return [*found, problem("playbooks", error.message, error.hint or "Correct the file, or move it away.")], None
    return [*found, well("playbooks", f"{len(list(playbooks))} playbooks")], playbooks


def artifacts(settings: Settings) -> Iterator[Finding]:
    """Whether the artifact store takes an object and gives it back."""
    url = settings.artifacts_url
    if not url:
        yield well("artifacts", "in the database")
        return
    try:
        store = ObjectArtifacts(url, away_s=0.0)
        store.try_out()
    except PlanrailError as error:
        yield problem("artifacts", error.message, error.hint)
        return
    yield well("artifacts", f"{store.url} takes what is written, and gives it back")
    if is_local(url) and not settings.url.startswith("sqlite"):
        told = f"{store.url} is on one machine's disk, and workers on others do not see it"
        remedy = "Set PLANRAIL_ARTIFACTS_URL to an object store, or mount the same folder on every machine."
        yield note("artifacts", told, remedy)


def _tried(what: str, work: Callable[[], str]) -> Finding:
    try:
        return well(what, work() or "loaded")
    except PlanrailError as error:
        return problem(what, error.message, error.hint or _LEAVE_OUT)
    except Exception as error:  # noqa: BLE001  # the boundary to foreign code
        return problem(what, f"cannot be loaded: {type(error).__name__}: {error}", _LEAVE_OUT)
