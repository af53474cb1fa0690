"""House: the one place that chooses implementations and puts them together."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version

from executor.artifacts import ArtifactStore
from executor.engine.port import Limits, Liveness
from executor.farewell import farewell
from executor.fingerprint import covers
from executor.gate import GatedModel, Gates
from executor.handing import Handing
from executor.journal.sql import SqlJournal
from executor.keeping import Keeping
from executor.mcp_tools.hub import McpHub
from executor.pack import Pack
from executor.planning import Planning
from executor.routing import Routing
from executor.run import Run
from executor.segment import Segments
from executor.specialists import specialists_of
from executor.toolset import Toolset
from planner.llm.retry import Retrying
from planner.models import Models, Role
from planner.planner import Planner
from planner.playbook import Playbooks
from planner.prices import Prices
from planner.worst import ModelTerms
from planrail.engines import Engines, open_journal
from planrail.erasing import Erasing
from planrail.limits import endpoint_of, gates_of
from planrail.plans import Plans
from planrail.prices import GenaiPrices
from planrail.quota import Quotas
from planrail.retention import Retention
from planrail.rewired import AS_CONFIGURED, Rewired
from planrail.runs import Runs
from planrail.schedules import Schedules
from planrail.seal import seal_of
from planrail.secret_files import how_to_set
from planrail.settings import ModelSettings, Settings
from planrail.signing import SigningKeys
from planrail.stores import artifacts_of
from planrail.terms import executor_terms, planner_terms, terms_of
from planrail.toolbox import packs_of, playbooks_of, toolset_of
from planrail.traces import Traces, traces
from planrail.upstream import upstream
from planrail.view import Viewer

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
    artifacts: ArtifactStore
    segments: Segments
    worker: str
    engines: Engines
    hub: McpHub
    quotas: Quotas
    traces: Traces | None

    @property
    def plans(self) -> Plans:
        """The plans that are kept."""
        return Plans(self.journal.kept, self.settings.plans_after)

    @property
    def signing(self) -> SigningKeys:
        """What it signs with."""
        grace = timedelta(seconds=self.settings.a2a.key_grace_s)
        return SigningKeys(self.journal.signing, seal_of(self.settings), now=_now, grace=grace)

    @property
    def retention(self) -> Retention:
        """By which runs leave it."""
        return Retention(
            self.journal, self.artifacts, workspaces=self.settings.home / "workspaces", alone=self.engines.alone
        )  # fmt: skip

    @property
    def erasing(self) -> Erasing:
        """By which all that names a person leaves it."""
        return Erasing(self.retention, self.journal.retention, self.artifacts, self.packs, self.settings.home)

    @property
    def schedules(self) -> Schedules:
        """What is submitted again and again."""
        return Schedules(self.journal.timetable, self.runs, now=_now, new_id=new_run_id)

    @property
    def lock(self) -> Liveness:
        """Which workers live."""
        return self.engines

    def viewer(self, run: Run) -> Viewer:
        """The views of a run in this house."""
        return Viewer(run, self.toolset.specs, terms_of(self.settings), self.segments.load)

    def engine(self, *, only: frozenset[str] | None = None) -> AbstractAsyncContextManager[object]:
        """This process's engine, to be entered; `only` restricts it to some runs."""
        limits = Limits(
            self.settings.runs, self.settings.principal_runs, self.quotas.runs,
            lambda record: covers(self.toolset, record.tools),
        )  # fmt: skip
        advance = self.segments.advance if self.traces is None else self.traces.carried(self.segments.advance)
        return self.engines.engine(advance, limits, only=only)


@asynccontextmanager
async def open_house(settings: Settings, rewired: Rewired = AS_CONFIGURED) -> AsyncIterator[House]:
    """Open the database and wire everything to it; raises JournalUnreachable, JournalNewer, ToolDeclarationError, …"""
    worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
    async with open_journal(settings, worker) as (journal, engines), traces(settings, journal, worker) as traced:
        packs = packs_of(settings, journal.engine)
        async with upstream(settings, toolset_of(settings, packs)) as (toolset, hub):
            house = _wired(
                settings,
                journal,
                worker,
                engines,
                packs,
                toolset if rewired.tool is None else toolset.each(rewired.tool),
                hub,
                rewired,
                traced,
            )
            yield house
            await house.segments.late.settled()


def _wired(
    settings: Settings,
    journal: SqlJournal,
    worker: str,
    engines: Engines,
    packs: tuple[Pack, ...],
    toolset: Toolset,
    hub: McpHub,
    rewired: Rewired,
    traced: Traces | None,
) -> House:
    artifacts = artifacts_of(settings, journal.engine)
    gates = gates_of(settings)
    models = rewired.models(models_of(settings, gates))
    playbooks, specialists = playbooks_of(settings, packs), specialists_of(packs)
    planner = None if models.planner is None else Planner(models.planner, as_json=settings.planner.output == "json")
    terms = models.terms(parallel=settings.budget.parallel)
    planning = Planning(
        toolset.specs, playbooks, planner, terms, settings.policy,
        tools_tokens=settings.planner.tools_tokens, keeping=Keeping(journal.kept, settings.plans_after),
        shapes=journal.shapes, routing=Routing(specialists, models.executor, settings.router),
        handing=Handing(specialists, playbooks),
    )  # fmt: skip
    quotas = Quotas(settings.auth.limits)
    segments = Segments(
        journal=journal, artifacts=artifacts, toolset=toolset, models=models, planning=planning, secrets=settings.secret,
        now=_now, worker=worker, version=version("planrail"), workspaces=settings.home / "workspaces", session=settings.session,
        question_timeout_s=settings.question_timeout_s, floors=settings.confidence, read_ahead=settings.read_ahead,
        gates=gates, how_to_set=how_to_set, usd_a_day=quotas.usd_a_day,
    )  # fmt: skip
    runs = Runs(
        journal,
        artifacts=artifacts,
        planning=planning,
        now=_now,
        new_id=new_run_id,
        prices=GenaiPrices(settings.prices),
        session=settings.session,
        farewell=partial(farewell, toolset=toolset),
        quota=quotas.quota,
    )
    hub.changed.append(planning.tools_changed)
    return House(
        settings, runs, toolset, packs, playbooks, models, journal, artifacts, segments, worker, engines, hub, quotas, traced
    )


def models_of(settings: Settings, gates: Gates | None = None) -> Models:
    """The two roles' models, as far as they are configured."""
    prices, gates = GenaiPrices(settings.prices), gates or gates_of(settings)
    return Models(
        _role(settings.planner, planner_terms(settings, prices), prices, gates),
        _role(settings.executor, executor_terms(settings, prices), prices, gates),
    )


def _role(settings: ModelSettings, terms: ModelTerms | None, prices: Prices, gates: Gates) -> Role | None:
    if terms is None:
        return None
    from planner.llm.openai import OpenAIModel  # noqa: PLC0415  # its client takes 0.7 s to load: only where there is a model

    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    gate = gates.of_model(settings.model, endpoint_of(settings))
    return Role(Retrying(GatedModel(OpenAIModel(key, settings.base_url, prices=prices), gate)), terms)


def new_run_id() -> str:
    """A new run's id: 16 characters that sort by time, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 30) | secrets.randbits(30)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))[-16:]


def _now() -> datetime:
    return datetime.now(UTC)
