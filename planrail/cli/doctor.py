"""Doctor: what is configured, reachable, missing; each problem with its remedy."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Literal

import httpx
from rich.text import Text
from sqlalchemy import make_url

from executor.builtin import builtin_tools
from executor.journal.sql import SqlJournal
from executor.journal.tables import HEAD
from executor.mcp_tools.connection import McpConnection
from executor.mcp_tools.hub import McpHub
from executor.objects import ObjectArtifacts, is_local, shown_url
from executor.pack import GROUP, PackHost, load_packs
from executor.submission import Principal
from executor.toolset import LiveToolset
from planner.errors import PlanrailError
from planner.llm.port import Message, complete
from planner.models import Role
from planrail.cli.errors import DONE, FAILED
from planrail.cli.output import Output
from planrail.cli.text import clean, moment, plural
from planrail.house import models_of
from planrail.plans import Plans
from planrail.settings import ModelSettings, Settings, load_settings
from planrail.toolbox import packs_of, playbooks_of, toolset_of, unopened_database
from planrail.upstream import WAIT_S

Level = Literal["ok", "note", "problem"]
MARKS = {"ok": ("✓", "green"), "note": ("–", "yellow"), "problem": ("✗", "bold red")}
_REACH_S = 5.0
_LATE = timedelta(minutes=5)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A `problem` stops something needed; a `note` is worth knowing."""

    what: str
    level: Level
    told: str
    remedy: str = ""


def doctor(output: Output, *, live: bool) -> int:
    """Look at everything; exit code 1 if something needed is broken."""
    findings = list(_findings(live=live))
    broken = any(f.level == "problem" for f in findings)
    if output.json:
        output.document({"ok": not broken, "findings": [asdict(f) for f in findings]})
    else:
        for f in findings:
            mark, style = MARKS[f.level]
            output.console.print(Text.assemble((f"{mark} ", style), (f"{f.what}: ", "bold"), clean(f.told)), soft_wrap=True)
            if f.remedy:
                output.console.print(Text(f"    {clean(f.remedy)}", style="yellow"), soft_wrap=True)
    return FAILED if broken else DONE


def _findings(*, live: bool) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    yield Finding("planrail", "ok", version("planrail"))
    try:
        settings = load_settings(os.environ, Path.cwd())
    except PlanrailError as error:
        yield Finding("settings", "problem", error.message, error.hint or "Correct it, and ask again.")
        return
    yield _folder(settings)
    yield asyncio.run(_database(settings))
    yield from asyncio.run(_push(settings))
    yield from asyncio.run(_schedules(settings))
    yield from _artifacts(settings)
    yield from _packs(settings)
    yield from asyncio.run(_mcp_servers(settings)) if settings.mcp_servers else ()
    yield from _models(settings, live=live)
    yield Finding("settings", "ok", _told(settings))


def _folder(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=settings.home):
            return Finding("data folder", "ok", f"{settings.home} can be written")
    except OSError as error:
        told = f"{settings.home} cannot be written: {error.strerror}"
        return Finding("data folder", "problem", told, "Make it writable, or set PLANRAIL_HOME to another folder.")


async def _database(settings: Settings) -> Finding:
    try:
        url = make_url(settings.url).render_as_string(hide_password=True)
        async with await SqlJournal.open(settings.url, timeout_s=2.0) as journal:
            count = len(await journal.find(limit=1_000))
            more = "1,000 or more" if count == 1_000 else f"{count}"
            kept = sum(p.kept for p in await Plans(journal.kept, settings.plans_after).find(Principal()))
            return Finding("database", "ok", f"{url}, revision {HEAD}, runs: {more}, plans kept: {kept}")
    except PlanrailError as error:
        return Finding("database", "problem", error.message, error.hint)
    except Exception as error:  # noqa: BLE001  # the doctor tells what is wrong, whatever it is
        return Finding("database", "problem", f"{type(error).__name__}: {error}", "Check PLANRAIL_DATABASE_URL.")


async def _schedules(settings: Settings) -> list[Finding]:
    """What is submitted again and again; one that is long overdue has nobody who begins it."""
    try:
        async with await SqlJournal.open(settings.url, timeout_s=2.0) as journal:
            found = [s for s in await journal.timetable.find() if not s.paused]
    except Exception:  # noqa: BLE001  # the finding about the database says what is wrong
        return []
    if not found:
        return []
    late = [s for s in found if s.next_at < datetime.now(UTC) - _LATE]
    if late:
        told = f"{plural(len(late), 'schedule')} overdue since {moment(late[0].next_at)}"
        return [Finding("schedules", "problem", told, "Start `planrail worker` or `planrail serve`: it begins what is due.")]
    return [Finding("schedules", "ok", f"{plural(len(found), 'schedule')}, due next at {moment(found[0].next_at)}")]


async def _push(settings: Settings) -> list[Finding]:
    """Whether notifications of A2A tasks arrive, and can be sealed by every process; nothing where nobody wants any."""
    try:
        async with await SqlJournal.open(settings.url, timeout_s=2.0) as journal:
            count = await journal.outbox.count()
    except Exception:  # noqa: BLE001  # the finding about the database says what is wrong
        return []
    if not count["all"]:
        return []
    told = f"{plural(count['all'], 'configuration')}, {count['failing']} failing, {count['dead']} given up"
    remedy = "`planrail push list --dead` says why; `planrail push retry` tries again." if count["dead"] else ""
    found = [Finding("notifications", "note" if count["dead"] else "ok", told, remedy)]
    if settings.a2a.secret_key is None and not settings.url.startswith("sqlite"):
        remedy = "Set PLANRAIL_A2A_SECRET_KEY to the same value on all machines that share the database."
        found.append(Finding("secret key", "note", "it is a file of this machine, which others cannot open", remedy))
    return found


def _artifacts(settings: Settings) -> Iterator[Finding]:
    """Whether the artifact store takes an object and gives it back."""
    url = settings.artifacts_url
    if not url:
        yield Finding("artifacts", "ok", "in the database")
        return
    try:
        store = ObjectArtifacts(url, away_s=0.0)
        store.try_out()
    except PlanrailError as error:
        yield Finding("artifacts", "problem", error.message, error.hint)
        return
    yield Finding("artifacts", "ok", f"{store.url} takes what is written, and gives it back")
    if is_local(url) and not settings.url.startswith("sqlite"):
        told = f"{store.url} is on one machine's disk, and workers on others do not see it"
        remedy = "Set PLANRAIL_ARTIFACTS_URL to an object store, or mount the same folder on every machine."
        yield Finding("artifacts", "note", told, remedy)


def _packs(settings: Settings) -> Iterator[Finding]:
    loaded, broken = [], False
    try:
        database = unopened_database(settings)
    except PlanrailError as error:
        yield Finding("packs", "problem", error.message, error.hint or "Check PLANRAIL_DATABASE_URL.")
        return
    wanted = settings.packs
    installed = sorted(p.name for p in entry_points(group=GROUP))
    for name in [n for n in wanted or () if n not in installed]:
        yield Finding(f"pack {name}", "problem", "is not installed", "Install it, or correct PLANRAIL_PACKS.")
    for name in installed if wanted is None else [n for n in installed if n in wanted]:
        found = _tried(f"pack {name}", lambda n=name: load_packs(PackHost(database, settings.home), only=[n])[0])  # type: ignore[misc]  # a lambda's default has no type
        broken = broken or found.level == "problem"
        loaded.append(name)
        yield found
    if not broken:
        packs = packs_of(settings, database)
        yield _tried("tools", lambda: f"{len(toolset_of(settings, packs))} tools")
        yield _tried("playbooks", lambda: f"{len(list(playbooks_of(settings, packs)))} playbooks")


def _tried(what: str, work: Callable[[], object]) -> Finding:
    try:
        found = work()
    except PlanrailError as error:
        return Finding(what, "problem", error.message, error.hint)
    except Exception as error:  # noqa: BLE001  # the boundary to foreign code
        remedy = "Reinstall or uninstall it, or leave it out with PLANRAIL_PACKS."
        return Finding(what, "problem", f"cannot be loaded: {type(error).__name__}: {error}", remedy)
    return Finding(what, "ok", found if isinstance(found, str) else str(getattr(found, "about", "loaded")))


async def _mcp_servers(settings: Settings) -> list[Finding]:
    """Whether each MCP server answers, and how many tools it lists."""
    async with McpHub(settings.mcp_servers, LiveToolset(builtin_tools())) as hub:
        await hub.ready(WAIT_S)
        return [_mcp_server(name, connection) for name, connection in hub.connections.items()]


def _mcp_server(name: str, connection: McpConnection) -> Finding:
    server, what = connection.server, f"MCP server {name}"
    at = server.url or " ".join((server.command or "", *server.args))
    if connection.is_up:
        believed = "trusted" if server.trusted else "not trusted: its tools have effects, unless the policy says otherwise"
        return Finding(what, "ok", f"{len(connection.listing.tools)} tools, {believed} ({at})")
    return Finding(what, "problem", f"{connection.problem} ({at})", f"Start it, or correct or remove [mcpServers.{name}].")


def _models(settings: Settings, *, live: bool) -> Iterator[Finding]:
    for role, of in (("planner", settings.planner), ("executor", settings.executor)):
        if not of.configured:
            yield _unconfigured(role, of)
            continue
        models = models_of(settings)
        found = models.planner if role == "planner" else models.executor
        assert found is not None
        yield _price(role, found)
        yield asyncio.run(_asked(role, found) if live else _reached(role, of))


def _unconfigured(role: str, of: ModelSettings) -> Finding:
    needed = "goals match playbooks only" if role == "planner" else "`ask` takes its otherwise="
    upper = role.upper()
    if of.base_url or of.api_key:
        return Finding(f"{role} model", "problem", "has an address or a key, but no name", f"Set PLANRAIL_{upper}_MODEL.")
    remedy = f"Set OPENAI_API_KEY, or PLANRAIL_{upper}_MODEL with OPENAI_BASE_URL for a local one."
    return Finding(f"{role} model", "note", f"none is configured: {needed}", remedy)


def _price(role: str, found: Role) -> Finding:
    rates = found.terms.rates
    model = found.terms.model
    if rates is None:
        remedy = f"Add [prices.{model}] to planrail.toml; until then its calls count as $0.00."
        return Finding(f"{role} price", "note", f"nobody knows what {model} costs", remedy)
    return Finding(f"{role} price", "ok", f"{model}: ${rates.input:g} in, ${rates.output:g} out, per million tokens")


async def _reached(role: str, of: ModelSettings) -> Finding:
    """Whether somebody listens at the model's address; nothing is asked that costs."""
    what, address = f"{role} model", (of.base_url or "https://api.openai.com/v1").rstrip("/")
    key = "" if of.api_key is None else of.api_key.get_secret_value()
    try:
        async with httpx.AsyncClient(timeout=_REACH_S) as client:
            reply = await client.get(f"{address}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{of.model}: {address} cannot be reached ({type(error).__name__})"
        return Finding(what, "problem", told, f"Start it, or correct PLANRAIL_{role.upper()}_BASE_URL.")
    if reply.status_code in (401, 403):
        told = f"{of.model}: {address} refuses the key"
        return Finding(what, "problem", told, f"Set PLANRAIL_{role.upper()}_API_KEY or OPENAI_API_KEY.")
    return Finding(what, "ok", f"{of.model} at {address} (reachable; --live asks it something)")


async def _asked(role: str, found: Role) -> Finding:
    """A real, tiny request."""
    request = found.request((Message(role="user", content="Answer with the word: ok"),))
    try:
        reply = await complete(found.model, request.model_copy(update={"timeout_s": 30.0}))
    except PlanrailError as error:
        return Finding(f"{role} model", "problem", f"{found.terms.model}: {error.message}", error.hint)
    tokens = reply.usage.tokens
    return Finding(f"{role} model", "ok", f"{found.terms.model} answered ({tokens} tokens, ${reply.usage.usd:.6f})")


def _told(settings: Settings) -> str:
    """The settings in effect; secrets show as asterisks."""
    shown = settings.model_dump(mode="json", exclude={"database_url", "prices", "budget"}, exclude_none=True)
    shown |= {"database_url": make_url(settings.url).render_as_string(hide_password=True), "prices": list(settings.prices)}
    shown["artifacts_url"] = shown_url(settings.artifacts_url)
    shown["budget"] = settings.budget.model_dump(mode="json", exclude_defaults=True)
    flat = [(k, v) for k, v in shown.items() if not isinstance(v, dict)]
    flat += [(f"{k}.{inner}", v) for k, part in shown.items() if isinstance(part, dict) for inner, v in part.items()]
    return "".join(f"\n    {name} = {value}" for name, value in flat if value not in ("", [], None))
