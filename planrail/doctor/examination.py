"""Examination: everything that the doctor looks at, side by side, each look bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from executor.threads import in_thread
from planner.errors import PlanrailError
from planrail.doctor import database, doors, machine, models, record, tools, upstream
from planrail.doctor.finding import Finding, problem
from planrail.doctor.telemetry import telemetry
from planrail.redactor import Redactor
from planrail.settings import Settings, file_of, load_settings

MOST_S = 5.0  # of one look; what has not answered by then is told
_LIVE_S = 40.0  # of a model that is asked something

PACKS_S = 15.0  # for packs to be loaded: they may bring large libraries along
_SERVERS, _DATABASE = "MCP servers", "database"
_LONGER_S = {_SERVERS: 3.0, _DATABASE: 15.0}  # for servers' processes to end; what is in the database is seen beside the packs
T = TypeVar("T")

Looks = Awaitable[Sequence[Finding]]


async def examined(
    environment: Mapping[str, str], folder: Path, *, live: bool = False
) -> tuple[list[Finding], Settings | None]:
    """All findings of a house with that environment and working folder, and its settings where they can be read."""
    try:
        settings = load_settings(environment, folder)
    except PlanrailError as error:
        broken = problem("settings", error.message, error.hint or "Correct it, and ask again.")
        return [*machine.process(), *machine.strange_variables(environment), broken], None
    redacted = Redactor(settings)
    looks = _looks(settings, environment, file_of(environment, folder), live=live)
    found = await asyncio.gather(*(_bounded(what, look, live=live) for what, look in looks))
    return [_without_secrets(finding, redacted) for part in found for finding in part], settings


def _looks(
    settings: Settings, environment: Mapping[str, str], configured: Path | None, *, live: bool
) -> list[tuple[str, Looks]]:
    """What is looked at, in the order in which it is told."""
    home = settings.home
    return [
        ("planrail", _at_once(lambda: [*machine.process(), *machine.strange_variables(environment)])),
        ("data folder", _aside(lambda: [machine.folder(home), machine.disk(home), *machine.modes(settings, configured)])),
        (_DATABASE, _kept(settings)),
        ("artifacts", _aside(lambda: tools.artifacts(settings))),
        ("variables", _at_once(lambda: upstream.unset_variables(settings, environment))),
        (_SERVERS, upstream.mcp_servers(settings)),
        *((f"database {name}", _aside(partial(upstream.database, name, of))) for name, of in settings.sql.items()),
        *((f"agent {of.name}", upstream.agent(of, settings)) for of in upstream.agents(settings)),
        *((f"{role} model", models.model(role, settings, live=live)) for role in ("planner", "executor")),
        ("ceilings", _at_once(lambda: models.ceilings(settings))),
        ("proxy", _at_once(lambda: [*doors.proxy(settings), *doors.files(settings)])),
        ("issuer", doors.issuer(settings)),
        ("address", doors.address(settings)),
        ("traces", telemetry(settings)),
    ]


async def _kept(settings: Settings) -> list[Finding]:
    """The database, and what it means beside the packs and playbooks that are there."""
    slow = problem("database", _silent(MOST_S), "Look why it is slow, or locked, and ask again.")
    stuck = problem("packs", _silent(PACKS_S), "Leave packs out with PLANRAIL_PACKS until you know which one hangs.")
    look, shelf = await asyncio.gather(
        _within(MOST_S, database.look(settings), database.Look((slow,))),
        _within(PACKS_S, in_thread(partial(tools.shelf, settings)), tools.Shelf((stuck,))),
    )
    found = [*look.findings]
    if look.seen is not None:
        seen = look.seen
        found += record.workers(seen)
        found += record.schedules(seen, settings, shelf.playbooks)
        found += record.retention(seen, settings)
        found += record.people(seen, settings)
        found += record.sealed(seen, settings)
        found += await record.notifications(seen, settings)
    return [*found, *shelf.findings]


def _without_secrets(finding: Finding, redacted: Redactor) -> Finding:
    return replace(finding, told=redacted(finding.told), remedy=redacted(finding.remedy))


async def _at_once(look: Callable[[], Iterable[Finding]]) -> Sequence[Finding]:
    return list(look())


async def _aside(look: Callable[[], Iterable[Finding]]) -> Sequence[Finding]:
    return await in_thread(lambda: list(look()))


async def _within(most_s: float, look: Awaitable[T], otherwise: T) -> T:
    """What it gives, or the other where it gives nothing in time."""
    try:
        async with asyncio.timeout(most_s):
            return await look
    except TimeoutError:
        return otherwise


def _silent(most_s: float) -> str:
    return f"gave no answer within {most_s:g} s"


async def _bounded(what: str, look: Looks, *, live: bool) -> Sequence[Finding]:
    """What a look finds, within its time; what it stumbles over is a finding, too."""
    most_s = _LIVE_S if live and what.endswith(" model") else MOST_S + _LONGER_S.get(what, 0.0)
    try:
        silent = problem(what, _silent(most_s), "Look why it is slow, and ask again.")
        return await _within(most_s, look, [silent])
    except Exception as error:  # noqa: BLE001  # the doctor tells what is wrong, whatever it is
        return [problem(what, f"{type(error).__name__}: {error}", "Report it, with what is configured.")]
