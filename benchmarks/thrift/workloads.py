"""Workloads: goals, the tools they need, and what a perfect model writes for each of them in every system's own form.

A workload knows its world, so that the scripted model never errs: `waves` are the calls in the order in which their inputs are
known, `script` is the plan in our language, `lines` the one in LLMCompiler's.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from executor.tool import tool
from executor.toolset import Toolset
from planner.toolspec import Json

Kind = Literal["chain", "fan-out", "leads"]
_WORDS = re.findall(
    r"\w+",
    "river stone paper light market winter garden window bridge letter engine harbor silver morning valley orchard castle "
    "signal copper meadow lantern anchor village summit timber",
)
_CITIES = re.findall(
    r"\w+",
    "Austin Boston Chicago Dallas Denver Detroit Fresno Houston Miami Nashville Newark Oakland Orlando Phoenix Portland "
    "Raleigh Reno Seattle Tampa Tucson",
)


class Record(BaseModel):
    id: str
    next: str
    text: str


class Report(BaseModel):
    city: str
    temperature: int
    text: str


class Profile(BaseModel):
    id: int
    employees: int
    text: str


class Score(BaseModel):
    id: int
    score: int
    text: str


class Stored(BaseModel):
    id: int
    text: str


@dataclass(frozen=True)
class Call:
    """One call that a model asks for."""

    tool: str
    arguments: dict[str, Json]

    def function(self, offered: Collection[str]) -> str:
        """Its name as it was offered: vendors allow no dot."""
        return next(name for name in offered if name.replace("-", "_") == self.tool.replace(".", "_"))


@dataclass(frozen=True)
class Workload:
    """A goal of some calls whose outputs are about `size` tokens long; another `seed` is another goal of the same form."""

    kind: Kind
    width: int
    size: int
    seed: int = 0

    @property
    def calls(self) -> int:
        return self.width * 3 if self.kind == "leads" else self.width

    @property
    def name(self) -> str:
        what = {"chain": "chain of", "fan-out": "fan-out of", "leads": "leads:"}[self.kind]
        more = " × (enrich, score, store)" if self.kind == "leads" else ""
        return f"{what} {self.width}{more}, {self.size:,} tokens"

    @property
    def tools(self) -> Toolset:
        return {"chain": ARCHIVE, "fan-out": WEATHER, "leads": CRM}[self.kind]

    @property
    def goal(self) -> str:
        match self.kind:
            case "chain":
                return (
                    f"Read the record {self._start} of the archive, then the one that it names as next, and so on, "
                    f"{self.width} records in all. Which record does the last one name?"
                )
            case "fan-out":
                return f"Which of these cities is the warmest by its report: {', '.join(self._cities)}?"
            case _:
                first, last = self._leads[0], self._leads[-1]
                return (
                    f"Enrich the leads {first} to {last}, score each by its number of employees, store the scores, "
                    "and say which lead is the best."
                )

    @property
    def answer(self) -> str:
        """What every system's answer has to contain."""
        match self.kind:
            case "chain":
                return self._records[-1]
            case "fan-out":
                return max(self._cities, key=_temperature)
            case _:
                return str(max(self._leads, key=lambda i: _score(i, _employees(i))))

    @property
    def sentence(self) -> str:
        """The answer as a model writes it."""
        match self.kind:
            case "chain":
                return f"The last record names {self.answer}."
            case "fan-out":
                return f"{self.answer} is the warmest."
            case _:
                return f"All {self.width} scores are stored; the best lead is {self.answer}."

    @property
    def waves(self) -> list[list[Call]]:
        match self.kind:
            case "chain":
                return [[Call("archive.read", {"id": r})] for r in self._records[:-1]]
            case "fan-out":
                return [[Call("weather.report", {"city": c}) for c in self._cities]]
            case _:
                leads = self._leads
                return [
                    [Call("crm.enrich", {"id": i}) for i in leads],
                    [Call("crm.score", {"id": i, "employees": _employees(i)}) for i in leads],
                    [Call("crm.store", {"id": i, "score": _score(i, _employees(i))}) for i in leads],
                ]

    @property
    def script(self) -> str:
        """The plan in our language."""
        match self.kind:
            case "chain":
                begin = f'r1 = archive.read(id="{self._start}")'
                rest = [f"r{n} = archive.read(id=r{n - 1}.next)" for n in range(2, self.width + 1)]
                return "\n".join([begin, *rest, f"answer(r{self.width}.next)"])
            case "fan-out":
                cities = json.dumps(self._cities)
                return (
                    f"reports = [weather.report(city=c) for c in {cities}]\n"
                    "answer(max(reports, key=lambda r: r.temperature).city)"
                )
            case _:
                first, end = self._leads[0], self._leads[-1] + 1
                return (
                    f"leads = [crm.enrich(id=i) for i in range({first}, {end})]\n"
                    "scored = [crm.score(id=l.id, employees=l.employees) for l in leads]\n"
                    "stored = [crm.store(id=s.id, score=s.score) for s in scored]\n"
                    "best = max(scored, key=lambda s: s.score)\n"
                    'answer(f"{len(stored)} scores stored; the best lead is {best.id}")'
                )

    @property
    def lines(self) -> list[str]:
        """The plan in LLMCompiler's form; `$n` stands for the whole output of task n."""
        match self.kind:
            case "chain":
                return [f'archive_read("{self._start}")', *(f'archive_read("${n}")' for n in range(1, self.width))]
            case "fan-out":
                return [f'weather_report("{c}")' for c in self._cities]
            case _:
                leads, n = self._leads, self.width
                enrich = [f"crm_enrich({i})" for i in leads]
                score = [f'crm_score({i}, "${k + 1}")' for k, i in enumerate(leads)]
                return [*enrich, *score, *(f'crm_store({i}, "${n + k + 1}")' for k, i in enumerate(leads))]

    @property
    def path(self) -> list[tuple[int, int | None, bool]]:
        """The script's calls for the critical path: the line of each, the call it waits for, whether it has an effect."""
        match self.kind:
            case "chain":
                return [(n, n - 1 if n else None, False) for n in range(self.width)]
            case "fan-out":
                return [(0, None, False)]
            case _:
                return [(0, None, False), (1, 0, False), (2, 1, True)]

    @property
    def _start(self) -> str:
        return f"K-{1000 + 37 * self.seed}"

    @property
    def _records(self) -> list[str]:
        """Those that are read, and the one that the last of them names."""
        names = [self._start]
        for _ in range(self.width):
            names.append(_next(names[-1]))
        return names

    @property
    def _cities(self) -> list[str]:
        return random.Random(self.seed).sample(_CITIES, self.width)

    @property
    def _leads(self) -> list[int]:
        return list(range(100 + 40 * self.seed, 100 + 40 * self.seed + self.width))


class Outputs:
    """How long a tool takes and how many tokens it gives, in this process."""

    seconds = 0.0
    size = 200


async def _paced(key: str) -> str:
    if Outputs.seconds:
        await asyncio.sleep(Outputs.seconds)
    return filler(key, Outputs.size)


@cache
def filler(key: str, size: int) -> str:
    """About so many tokens of text."""
    words = random.Random(key)
    return " ".join(words.choice(_WORDS) for _ in range(size - 20))


def _number(key: str, most: int) -> int:
    return random.Random(key).randrange(most)


def _next(record: str) -> str:
    return f"K-{1000 + _number(record, 9000)}"


def _temperature(city: str) -> int:
    return 40 + _number(city, 1000) % 59


def _employees(lead: int) -> int:
    return 3 + _number(f"lead {lead}", 400)


def _score(lead: int, employees: int) -> int:
    return (employees * 7 + lead) % 101


@tool(effect="read")
async def read(id: str) -> Record:
    """One record of the archive: its text, and the id of the next record."""
    return Record(id=id, next=_next(id), text=await _paced(id))


@tool(effect="read")
async def report(city: str) -> Report:
    """The weather report of a city."""
    return Report(city=city, temperature=_temperature(city), text=await _paced(city))


@tool(effect="read")
async def enrich(id: int) -> Profile:
    """What the directory knows of a lead."""
    return Profile(id=id, employees=_employees(id), text=await _paced(f"profile {id}"))


@tool(effect="read")
async def score(id: int, employees: int) -> Score:
    """How well a lead fits, 0 to 100."""
    return Score(id=id, score=_score(id, employees), text=await _paced(f"score {id}"))


@tool(effect="write", idempotent=True)
async def store(id: int, score: int) -> Stored:
    """Store the score of a lead."""
    return Stored(id=id, text=await _paced(f"stored {id}"))


ARCHIVE = Toolset.of("archive", [read])
WEATHER = Toolset.of("weather", [report])
CRM = Toolset.of("crm", [enrich, score, store])
FUNCTIONS: dict[str, Any] = {
    "archive_read": read, "weather_report": report, "crm_enrich": enrich, "crm_score": score, "crm_store": store,
}  # fmt: skip
