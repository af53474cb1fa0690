"""Soak: many runs over three workers, of which one or another is killed again and again; `make proof PROOF='-k soak -s'`."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mortal import Doom, Mortal, furnished, mortal
from mortal_world import ANSWER, EFFECTS, SCRIPT, MortalWorld, Shop

from executor.errors import NotAnswerable
from executor.events import QuestionAsked, Recorded, RunParked, SegmentStarted
from executor.run import Run, fold, is_over
from executor.submission import Principal, Submission
from planrail.house import House, open_house
from planrail.settings import load_settings

ME = Principal()
WORKERS = 3
PAUSE_S = 0.05  # before and after each act
UNDER_WAY = 6  # runs
BOUND_S = 60.0  # of a soak, and more for each run and kill
RUN_S, KILL_S = 2.0, 12.0
EVENTS = 33  # of a run that nothing disturbs
IN_FLIGHT, BOOKED = 7, 3  # reads and model calls, and effects with a key, that one run may have in flight at once
ALL = 10_000  # records
KEYED = ("book",)


@dataclass
class Report:
    """What a soak has cost."""

    runs: int
    kills: int
    seconds: float
    take_overs: int = 0
    from_the_living: int = 0  # of these, where the worker had not been killed: it was taken for dead
    questions: int = 0
    keyed_again: int = 0  # effects that happened more than once
    unkeyed_again: int = 0
    keyed_calls_again: int = 0  # calls that were made more than once
    reads_again: int = 0
    models_again: int = 0

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.kills} kills, {WORKERS} workers: {self.seconds:.0f} s\n"
            f"  take-overs                  {self.take_overs} (from a living worker {self.from_the_living})\n"
            f"  effects repeated, with key  {self.keyed_again} (asked for again with the same key {self.keyed_calls_again})\n"
            f"  effects repeated, no key    {self.unkeyed_again} (questions to a person {self.questions})\n"
            f"  reads repeated              {self.reads_again}\n"
            f"  model calls repeated        {self.models_again}"
        )


@dataclass
class Herd:
    """The workers; whoever is killed has a successor."""

    house: House
    world: MortalWorld
    stack: AsyncExitStack
    slots: list[Mortal] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)  # process ids, as workers' names have them

    async def fill(self) -> None:
        for slot in range(WORKERS):
            self.slots.append(await self._new(f"w{slot}"))

    async def kill(self, slot: int) -> None:
        self.killed.add(str(self.slots[slot].pid))
        self.slots[slot].kill()
        self.slots[slot] = await self._new(f"w{slot}.{len(self.killed)}")

    async def _new(self, word: str) -> Mortal:
        made = await self.stack.enter_async_context(mortal(self.house.settings, self.world, word, Doom(pause_s=PAUSE_S)))
        await made.says("ready")
        return made


@asynccontextmanager
async def farm(url: str, folder: Path) -> AsyncIterator[Herd]:
    """Workers, and a person who answers what the runs ask, over one database."""
    settings = load_settings({"PLANRAIL_DATABASE_URL": url, "PLANRAIL_HOME": str(folder), "PLANRAIL_PACKS": ""}, folder)
    world = MortalWorld(folder / "world")
    world.folder.mkdir()
    async with open_house(settings) as opened, AsyncExitStack() as stack:
        herd = Herd(furnished(opened, Shop(world, "nobody")), world, stack)
        await herd.fill()
        person = asyncio.create_task(_person(herd))
        try:
            yield herd
        finally:
            person.cancel()
            await asyncio.wait((person,))
        assert person.cancelled() or person.exception() is None, person


async def _person(herd: Herd) -> None:
    """Answers whether an effect happened, having looked."""
    runs = herd.house.runs
    async for _ in herd.house.journal.changes():
        for record in await herd.house.journal.find(statuses=["waiting"], limit=ALL):
            state = await runs.get(record.id, ME)
            for question in state.open_questions:
                started = state.call(question.of, question.item).started
                assert started is not None
                try:
                    await runs.answer(record.id, ME, herd.world.happened(started.key), question=question.id)
                except NotAnswerable:
                    continue  # it was answered, and the list was old


async def reached(house: House, events: int) -> None:
    """Wait until the runs have so many events together, or are all over."""
    async for _ in house.journal.changes():
        records = await house.journal.find(limit=ALL)
        if sum(r.seq for r in records) >= events or all(is_over(r.status) for r in records):
            return


async def soak(url: str, folder: Path, runs: int, kills: int, *, seed: int = 7) -> Report:
    """Some runs are under way at any time; a kill comes when a random part of them is done."""
    chance = random.Random(seed)
    async with farm(url, folder) as herd, asyncio.timeout(BOUND_S + RUN_S * runs + KILL_S * kills):
        begun, submitted = time.monotonic(), 0
        for kill in range(kills + 1):
            over = runs * kill // kills
            for number in range(submitted, min(over + UNDER_WAY, runs)):
                await herd.house.runs.submit(Submission(goal=f"run {number}", script=SCRIPT, preapproved=True))
                submitted = number + 1
            if kill < kills:
                await reached(herd.house, int(EVENTS * (over + chance.uniform(0.0, UNDER_WAY / 2))))
                await herd.kill(chance.randrange(WORKERS))
        await reached(herd.house, ALL * ALL)
        report = Report(runs, kills, time.monotonic() - begun)
        records = await herd.house.journal.find(limit=ALL)
        histories = [await herd.house.journal.read(record.id) for record in records]
    assert len(records) == runs
    for record, events in zip(records, histories, strict=True):
        correct(fold(Run(record.id), events))
        tell(report, events, herd.killed)
    repeated(report, herd.world, runs)
    return report


def correct(run: Run) -> None:
    assert run.ended is not None
    assert (run.status, run.ended.answer) == ("done", ANSWER), (run.ended, run.surprises)


def tell(report: Report, events: Sequence[Recorded], killed: set[str]) -> None:
    """Count the run's take-overs and questions."""
    owner = ""
    for recorded in events:
        match recorded.event:
            case SegmentStarted(worker=worker):
                report.take_overs += owner != ""
                report.from_the_living += owner != "" and owner.split("-")[-2] not in killed
                owner = worker
            case QuestionAsked():
                report.questions += 1
            case RunParked():
                owner = ""


def repeated(report: Report, world: MortalWorld, runs: int) -> None:
    """Count what happened, or was asked for, more than once."""
    effects, calls = world.effects(), Counter((c.run, c.tool, c.x) for c in world.calls())
    assert len(effects) == runs * len(EFFECTS), "an effect is missing"
    again = Counter[str]()
    for (_, name, _x), count in effects.items():
        again["keyed" if name in KEYED else "unkeyed"] += count - 1
    for (_, name, _x), count in calls.items():
        again[name] += count - 1
    report.keyed_again, report.unkeyed_again, report.keyed_calls_again = again["keyed"], again["unkeyed"], again["book"]
    report.reads_again = again["items"] + again["look"] + again["price"]
    report.models_again = sum(c.tool == "ask" for c in world.calls()) - runs * 2


SOAKS = [
    pytest.param("sqlite", 4, 2, id="some"),
    pytest.param("sqlite", 20, 10, id="sqlite", marks=pytest.mark.proof),
    pytest.param("postgres", 20, 10, id="postgres", marks=pytest.mark.proof),
    pytest.param("postgres", 200, 100, id="long", marks=pytest.mark.proof),
]


@pytest.mark.parametrize(("database", "runs", "kills"), SOAKS)
async def test_soak_every_run_ends_right_however_often_its_workers_are_killed(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, runs: int, kills: int
) -> None:
    url = f"sqlite:///{tmp_path}/planrail.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    report = await soak(url, tmp_path, runs, kills)
    print(f"\n{report}")
    assert report.keyed_again == 0
    assert report.unkeyed_again <= report.from_the_living  # one that was taken for dead may act while a person looks
    assert report.reads_again + report.models_again <= IN_FLIGHT * report.take_overs
    assert report.keyed_calls_again <= BOOKED * report.take_overs
