"""Costs: what the runs of a time took, by model, and what the same tokens would cost with other models or prices.

From journals alone: nothing is asked of anybody. Tokens stay as they were counted; another vendor's tokenizer counts otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from executor.billed import billed
from executor.journal.port import Journal, RunRecord
from executor.journal.spent import Spent
from executor.journal.sql import SqlJournal
from planner.prices import Prices
from planner.usage import NO_USAGE, Usage

_PAGE = 200
_ATTEMPTS = 5  # at adding up runs of which none is removed meanwhile


class ModelUse(BaseModel):
    """What one model took, and what it would cost `instead`; None where nobody knows the price."""

    model_config = ConfigDict(frozen=True)

    model: str
    usage: Usage
    priced_as: str  # the model whose price it is
    instead: float | None = None

    @property
    def usd(self) -> float:
        return self.usage.usd


class Costs(BaseModel):
    """What the runs took whose last change lies in the time. `tools` is what tool calls cost by their own declaration."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    runs: int
    models: tuple[ModelUse, ...]
    tools: float = 0.0

    @property
    def usd(self) -> float:
        """What it took, in all."""
        return self.tools + sum(m.usd for m in self.models)

    @property
    def instead(self) -> float | None:
        """What it would take, in all; None where a price is not known."""
        known = [m.instead for m in self.models if m.instead is not None]
        return self.tools + sum(known) if len(known) == len(self.models) else None


@dataclass
class Sums:
    """Adds up runs, event by event."""

    since: datetime
    runs: int = 0
    models: dict[str, Usage] = field(default_factory=dict)
    tools: float = 0.0

    async def run(self, journal: Journal, record: RunRecord) -> None:
        """Add a run; of one that began before, what it took since."""
        self.runs += 1
        for at, model, usage in billed(await journal.read(record.id)):
            if at >= self.since:
                self._add(model, usage)

    def removed(self, spent: Iterable[Spent]) -> None:
        """Add what runs had cost that were removed since: by whole hours, the first one included."""
        for part in spent:
            self.runs += part.runs
            if part.what != "runs":
                self._add(part.model if part.what == "model" else None, part.usage)

    def _add(self, model: str | None, usage: Usage) -> None:
        if model is None:
            self.tools += usage.usd
        else:
            self.models[model] = self.models.get(model, NO_USAGE) + usage

    def costs(self, prices: Prices, instead: Mapping[str, str]) -> Costs:
        """The sums, priced as the models that `instead` names for them, or as themselves."""
        used = [
            ModelUse(model=m, usage=u, priced_as=instead.get(m, m), instead=prices.usd(instead.get(m, m), u))
            for m, u in sorted(self.models.items())
        ]
        return Costs(since=self.since, runs=self.runs, models=tuple(used), tools=self.tools)


async def tallied(journal: SqlJournal, since: datetime) -> Sums:
    """Every run, of every principal, that changed since then, and what runs had cost that were removed.

    Runs that are removed while they are added up would count twice, or not at all: then it is done once more.
    """
    for _ in range(_ATTEMPTS):
        before = await journal.retention.spent(since)
        tally = Sums(since)
        async for record in runs_since(journal, since):
            await tally.run(journal, record)
        if await journal.retention.spent(since) == before:
            break
    tally.removed(before)
    return tally


async def runs_since(journal: Journal, since: datetime) -> AsyncIterator[RunRecord]:
    """Every run, of every principal, that changed since then."""
    before: str | None = None
    while page := await journal.find(before=before, limit=_PAGE):
        for record in page:
            if record.updated_at >= since:
                yield record
        before = page[-1].id
