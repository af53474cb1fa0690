"""Fan-out: calls that all can be made at once."""

from __future__ import annotations

import json
import random
import re

from pydantic import BaseModel

from benchmarks.thrift.call import Call, Group, Part
from benchmarks.thrift.form import Beat, Form, Plan
from benchmarks.thrift.outputs import number, paced
from executor.tool import tool
from executor.toolset import Toolset

CITIES = re.findall(
    r"\w+",
    "Austin Boston Chicago Dallas Denver Detroit Fresno Houston Miami Nashville Newark Oakland Orlando Phoenix Portland "
    "Raleigh Reno Seattle Tampa Tucson",
)


class Report(BaseModel):
    city: str
    temperature: int
    text: str


@tool(effect="read")
async def report(city: str) -> Report:
    """The weather report of a city."""
    return Report(city=city, temperature=_temperature(city), text=await paced(city))


WEATHER = Toolset.of("weather", [report])


class FanOut(Form):
    slots = False  # a list is none

    @property
    def name(self) -> str:
        return f"fan-out of {self.width}"

    @property
    def tools(self) -> Toolset:
        return WEATHER

    @property
    def goal(self) -> str:
        return f"Which of these cities is the warmest by its report: {', '.join(self._cities)}?"

    @property
    def answer(self) -> str:
        return max(self._cities, key=_temperature)

    @property
    def sentence(self) -> str:
        return f"{self.answer} is the warmest."

    @property
    def groups(self) -> list[Group]:
        parts = [Part(c, [[Call("weather.report", {"city": c})]], f"{c}: {_temperature(c)}") for c in self._cities]
        return [Group("Find the warmest by the report of", parts, found=self.sentence)]

    @property
    def plans(self) -> list[Plan]:
        cities = json.dumps(self._cities)
        script = f"reports = [weather.report(city=c) for c in {cities}]\nanswer(max(reports, key=lambda r: r.temperature).city)"
        return [Plan(script, [Beat(0)])]

    @property
    def lines(self) -> list[list[str]]:
        return [[f'weather_report("{c}")' for c in self._cities]]

    @property
    def _cities(self) -> list[str]:
        return random.Random(self.seed).sample(CITIES, self.width)


def _temperature(city: str) -> int:
    return 40 + number(city, 1000) % 59
