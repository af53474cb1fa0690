"""Leads: three calls for each of some items, the last of which has an effect."""

from __future__ import annotations

from pydantic import BaseModel

from benchmarks.thrift.call import Call, Group, Part
from benchmarks.thrift.form import Beat, Form, Plan
from benchmarks.thrift.outputs import number, paced
from executor.tool import tool
from executor.toolset import Toolset


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


@tool(effect="read")
async def enrich(id: int) -> Profile:
    """What the directory knows of a lead."""
    return Profile(id=id, employees=_employees(id), text=await paced(f"profile {id}"))


@tool(effect="read")
async def score(id: int, employees: int) -> Score:
    """How well a lead fits, 0 to 100."""
    return Score(id=id, score=_score(id, employees), text=await paced(f"score {id}"))


@tool(effect="write", idempotent=True)
async def store(id: int, score: int) -> Stored:
    """Store the score of a lead."""
    return Stored(id=id, text=await paced(f"stored {id}"))


CRM = Toolset.of("crm", [enrich, score, store])


class Leads(Form):
    @property
    def name(self) -> str:
        return f"leads: {self.width} × (enrich, score, store)"

    @property
    def tools(self) -> Toolset:
        return CRM

    @property
    def goal(self) -> str:
        first, last = self._leads[0], self._leads[-1]
        return (
            f"Enrich the leads {first} to {last}, score each by its number of employees, store the scores, "
            "and say which lead is the best."
        )

    @property
    def answer(self) -> str:
        return str(max(self._leads, key=lambda i: _score(i, _employees(i))))

    @property
    def sentence(self) -> str:
        return f"All {self.width} scores are stored; the best lead is {self.answer}."

    @property
    def groups(self) -> list[Group]:
        enriched, scored, stored = [], [], []
        for i in self._leads:
            size = _employees(i)
            points = _score(i, size)
            enriched.append(Part(f"{i}", [[Call("crm.enrich", {"id": i})]], f"{i}: {size} employees"))
            scoring = [[Call("crm.score", {"id": i, "employees": size})]]
            scored.append(Part(f"{i} ({size} employees)", scoring, f"{i}: {points}", f"{i}"))
            storing = [[Call("crm.store", {"id": i, "score": points})]]
            stored.append(Part(f"{i}: {points}", storing, f"{i} is stored.", f"{i}"))
        return [
            Group("Enrich lead", enriched),
            Group("Score lead", scored, ahead="each by its employees"),
            Group("Store the score of lead", stored, ahead="each", found="All are stored."),
        ]

    @property
    def plans(self) -> list[Plan]:
        first, last = self._leads[0], self._leads[-1]
        script = (
            f"leads = [crm.enrich(id=i) for i in range({first}, {last} + 1)]\n"
            "scored = [crm.score(id=l.id, employees=l.employees) for l in leads]\n"
            "stored = [crm.store(id=s.id, score=s.score) for s in scored]\n"
            "best = max(scored, key=lambda s: s.score)\n"
            'answer(f"{len(stored)} scores stored; the best lead is {best.id}")'
        )
        return [Plan(script, [Beat(0), Beat(1, 0), Beat(2, 1, effect=True)])]

    @property
    def lines(self) -> list[list[str]]:
        leads, n = self._leads, self.width
        enrich = [f"crm_enrich({i})" for i in leads]
        score = [f'crm_score({i}, "${k + 1}")' for k, i in enumerate(leads)]
        return [[*enrich, *score, *(f'crm_store({i}, "${n + k + 1}")' for k, i in enumerate(leads))]]

    @property
    def _leads(self) -> list[int]:
        return list(range(100 + 40 * self.seed, 100 + 40 * self.seed + self.width))


def _employees(lead: int) -> int:
    return 3 + number(f"lead {lead}", 400)


def _score(lead: int, employees: int) -> int:
    return (employees * 7 + lead) % 101
