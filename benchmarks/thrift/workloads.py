"""Workloads: goals of five kinds, each with its world, so that the scripted model never errs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.thrift import chain, fan_out, importing, leads, surprise
from benchmarks.thrift.chain import Chain
from benchmarks.thrift.fan_out import FanOut
from benchmarks.thrift.form import Form
from benchmarks.thrift.importing import Importing
from benchmarks.thrift.leads import Leads
from benchmarks.thrift.surprise import Surprise

Kind = Literal["chain", "fan-out", "leads", "import", "surprise"]
FORMS: dict[Kind, type[Form]] = {
    "chain": Chain, "fan-out": FanOut, "leads": Leads, "import": Importing, "surprise": Surprise,
}  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    "archive_read": chain.read, "weather_report": fan_out.report,
    "crm_enrich": leads.enrich, "crm_score": leads.score, "crm_store": leads.store,
    "listings_read": importing.read, "listings_store": importing.store,
    "desk_account": surprise.account, "desk_reset": surprise.reset,
}  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """A form by its kind, as it goes over the wire."""

    kind: Kind
    width: int
    size: int
    seed: int = 0
    calm: bool = False

    @property
    def form(self) -> Form:
        return FORMS[self.kind](self.width, self.size, self.seed, self.calm)

    @property
    def name(self) -> str:
        return f"{self.form.name}, {self.size:,} tokens"
