"""House: the one place that chooses implementations and puts them together."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import make_url

from executor.artifacts import Artifacts
from executor.builtin import HttpSettings, builtin_tools
from executor.engine.local import LocalEngine
from executor.engine.lock import WorkerLock
from executor.errors import JournalUnreachable
from executor.journal.artifacts import SqlArtifacts
from executor.journal.sql import SqlJournal
from executor.pack import Pack, PackHost, load_packs
from executor.planning import Planning
from executor.segment import Segments
from executor.toolset import Toolset
from planner.llm.openai import OpenAIModel
from planner.llm.retry import Retrying
from planner.models import Models, Role
from planner.planner import Planner
from planner.playbook import Playbook, Playbooks, read_playbook
from planner.prices import Prices
from planner.worst import ModelTerms
from planrail.prices import GenaiPrices
from planrail.runs import Runs
from planrail.settings import ModelSettings, Settings

_PLANNER_OUTPUT = 4  # times as many output tokens as a step's answer may have
_PLANNER_INPUT = 8
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True)
class House:
    """Everything that a door needs, opened."""

    settings: Settings
    runs: Runs
    toolset: Toolset
    packs: tuple[Pack, ...]
    playbooks: Playbooks
    models: Models
    journal: SqlJournal
    artifacts: Artifacts
    segments: Segments
    worker: str
    lock: WorkerLock

    def engine(self, *, only: frozenset[str] | None = None) -> LocalEngine:
        """The embedded engine, to be entered; `only` restricts it to some runs."""
        return LocalEngine(self.journal, self.segments.advance, liveness=self.lock, worker=self.worker, only=only)


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Open the database and wire everything to it; raises JournalUnreachable, JournalNewer, ToolDeclarationError, …"""
    worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
    lock = WorkerLock(_workers(settings), worker)
    try:
        lock.__enter__()  # before the journal is opened, and left after it is closed
    except OSError as error:
        hint = "Set PLANRAIL_HOME or PLANRAIL_DATABASE_URL to a place that can be written."
        raise JournalUnreachable(f"{_workers(settings)} cannot be made: {error.strerror}.", hint=hint) from error
    try:
        async with await SqlJournal.open(settings.url) as journal:
            yield _wired(settings, journal, worker, lock)
    finally:
        lock.__exit__(None, None, None)


def _wired(settings: Settings, journal: SqlJournal, worker: str, lock: WorkerLock) -> House:
    artifacts = SqlArtifacts(journal.engine)
    packs = tuple(load_packs(PackHost(journal.engine, settings.home), only=settings.packs))
    toolset = builtin_tools(HttpSettings(allow_private=settings.http_allow_private))
    for pack in packs:
        toolset |= pack.tools
    models = models_of(settings)
    playbooks = playbooks_of(settings, packs)
    planner = None if models.planner is None else Planner(models.planner, as_json=settings.planner.output == "json")
    planning = Planning(toolset.specs, playbooks, planner, models.terms(parallel=settings.budget.parallel))
    segments = Segments(
        journal=journal, artifacts=artifacts, toolset=toolset, models=models, planning=planning, secrets=settings.secret,
        now=_now, worker=worker, version=version("planrail"), workspaces=settings.home / "workspaces",
    )  # fmt: skip
    runs = Runs(journal, artifacts=artifacts, planning=planning, now=_now, new_id=new_run_id)
    return House(settings, runs, toolset, packs, playbooks, models, journal, artifacts, segments, worker, lock)


def models_of(settings: Settings) -> Models:
    """The two roles' models, as far as they are configured."""
    prices = GenaiPrices(settings.prices)
    planner = _role(settings.planner, prices, _PLANNER_INPUT, _PLANNER_OUTPUT)
    return Models(planner, _role(settings.executor, prices, 1, 1))


def _role(settings: ModelSettings, prices: Prices, more_input: int, more_output: int) -> Role | None:
    if not settings.configured:
        return None
    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    model = Retrying(OpenAIModel(key, settings.base_url, prices=prices))
    terms = ModelTerms(
        model=settings.model,
        rates=prices.rates(settings.model),
        max_input_tokens=settings.max_input_tokens * more_input,
        max_output_tokens=settings.max_output_tokens * more_output,
    )
    return Role(model, terms)


def playbooks_of(settings: Settings, packs: tuple[Pack, ...]) -> Playbooks:
    """Playbooks of the packs, of the data folder, and of the folders that are configured; a later name wins."""
    folders = [p.playbooks for p in packs if p.playbooks is not None]
    folders += [settings.home / "playbooks", *settings.playbooks]
    found: dict[str, Playbook] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("*.plan")):
            found[path.stem] = read_playbook(path)
    return Playbooks(found.values())


def new_run_id() -> str:
    """A new run's id: 16 characters that sort by time, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 30) | secrets.randbits(30)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))[-16:]


def _workers(settings: Settings) -> Path:
    """Where the lock files of the workers on this database stand."""
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{url.database}.workers")
    return settings.home / "workers"


def _now() -> datetime:
    return datetime.now(UTC)
