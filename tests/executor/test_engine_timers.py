"""Timers: a parked run wakes when its time has come, once, whoever else moves it, and whatever the clock does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from journal_contract import BOUND_S, NOON, create, until

from executor.engine import local
from executor.engine.jobs import Deferral, bring_jobs_to_head
from executor.engine.local import LocalEngine
from executor.engine.port import Advance, KnownWorkers
from executor.engine.procrastinate import ProcrastinateEngine
from executor.events import QuestionAnswered, RunEnded, RunStatus
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal, RunRecord
from executor.journal.sql import SqlJournal

HOUR = timedelta(hours=1)


@dataclass
class WallClock:
    """A clock that somebody sets; it tells how often it was looked at."""

    at: datetime = NOON
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self) -> datetime:
        self.looks += 1
        self.looked.set()
        return self.at


@dataclass
class Place:
    """A journal, and engines over it that go by one clock."""

    journal: Journal
    clock: WallClock

    def engine(self, advance: Advance, worker: str = "w") -> AbstractAsyncContextManager[object]:
        if isinstance(self.journal, SqlJournal) and self.journal.engine.name == "postgresql":
            return ProcrastinateEngine(
                self.journal, advance, database=self.journal.engine, worker=worker, now=self.clock, drain_s=0.1
            )
        return LocalEngine(self.journal, advance, liveness=KnownWorkers("w", "w2"), worker=worker, now=self.clock)

    async def park(self, run: str, wake_at: datetime) -> None:
        await create(self.journal, run)
        await self.journal.append(run, [], epoch=None, status="waiting", wake_at=wake_at)

    async def record(self, run: str) -> RunRecord:
        record = await self.journal.get(run)
        assert record is not None
        return record

    def ending(self, woken: list[str]) -> Advance:
        """An advance that ends each run at once, and notes it."""

        async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
            woken.append(run)
            await self.journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

        return advance

    async def all_are(self, status: RunStatus, count: int) -> None:
        async def holds() -> bool:
            return len(await self.journal.find(statuses=[status], limit=1000)) == count

        await until(self.journal, holds)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        yield Place(MemoryJournal(), WallClock())
    elif request.param == "sqlite":
        async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
            yield Place(journal, WallClock())
    else:
        async with await SqlJournal.open(request.getfixturevalue("postgres_url"), queued=Deferral()) as journal:
            await asyncio.to_thread(bring_jobs_to_head, journal.engine)
            yield Place(journal, WallClock())


async def looked(clock: WallClock, more: int = 3) -> None:
    """Wait until somebody has looked at the clock so many times more."""
    target = clock.looks + more
    async with asyncio.timeout(BOUND_S):
        while clock.looks < target:
            clock.looked.clear()
            await clock.looked.wait()


async def test_runs_that_are_due_are_woken_after_a_restart_and_those_that_are_not_stay(place: Place) -> None:
    woken: list[str] = []
    await place.park("due", NOON - HOUR)
    await place.park("now", NOON)
    await place.park("later", NOON + HOUR)

    async with place.engine(place.ending(woken)):
        await place.all_are("done", 2)

    assert sorted(woken) == ["due", "now"]
    later = await place.record("later")
    assert (later.status, later.wake_at, later.owner) == ("waiting", NOON + HOUR, None)
    assert (await place.record("due")).wake_at is None


async def test_a_run_that_parks_while_the_engine_is_there_is_woken_when_its_time_comes(place: Place) -> None:
    epochs: list[int] = []

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        epochs.append(epoch)
        if epoch == 1:
            await place.journal.append(run, [], epoch=1, status="waiting", release=True, wake_at=NOON + HOUR)
        else:
            await place.journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    async with place.engine(advance):
        await create(place.journal, "r")
        await looked(place.clock)
        assert epochs == [1]
        place.clock.at = NOON + HOUR
        await place.all_are("done", 1)
    assert epochs == [1, 2]


async def test_a_clock_that_is_set_back_and_comes_again_loses_no_run(place: Place) -> None:
    woken: list[str] = []
    await place.park("r", NOON + HOUR)
    async with place.engine(place.ending(woken)):
        await looked(place.clock)
        place.clock.at = NOON - 24 * HOUR
        await looked(place.clock)
        assert woken == []
        place.clock.at = NOON + 2 * HOUR
        await place.all_are("done", 1)


async def test_two_engines_wake_each_run_once(place: Place) -> None:
    woken: list[str] = []
    for i in range(20):
        await place.park(f"r{i}", NOON + HOUR)
    advance = place.ending(woken)
    async with place.engine(advance), place.engine(advance, "w2"):
        place.clock.at = NOON + HOUR
        await place.all_are("done", 20)

    assert sorted(woken) == sorted(f"r{i}" for i in range(20))
    assert {(await place.record(f"r{i}")).epoch for i in range(20)} == {1}


async def test_an_answer_that_races_the_timer_resumes_the_run_once(place: Place) -> None:
    woken: list[str] = []
    for i in range(20):
        await place.park(f"r{i}", NOON + HOUR)
    answer = QuestionAnswered(question="q", by="ann")

    async def answered(run: str) -> bool:
        given: Any = {"epoch": None, "only_if": ["waiting"]}
        return await place.journal.append(run, [answer], status="queued", **given) is not None

    async with place.engine(place.ending(woken)):
        await looked(place.clock)
        place.clock.at = NOON + HOUR
        await asyncio.gather(*(answered(f"r{i}") for i in range(20)))
        await place.all_are("done", 20)

    assert len(woken) == 20
    assert {(await place.record(f"r{i}")).epoch for i in range(20)} == {1}


async def test_more_runs_than_fit_on_a_page_are_all_woken() -> None:
    place, woken = Place(MemoryJournal(), WallClock()), list[str]()
    await asyncio.gather(*(place.park(f"r{i:03}", NOON - HOUR) for i in range(450)))
    async with place.engine(place.ending(woken)):
        await place.all_are("done", 450)
    assert len(set(woken)) == len(woken) == 450


class Counting(MemoryJournal):
    """Counts how often somebody asks which runs sleep."""

    asked = 0

    async def waking(self, *, limit: int = 50) -> list[RunRecord]:
        self.asked += 1
        return await super().waking(limit=limit)


async def test_a_run_that_sleeps_for_years_costs_looks_at_the_clock_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LOOK_SECONDS", 0.01)
    journal = Counting()
    place = Place(journal, WallClock())
    await place.park("r", NOON.replace(year=2046))
    async with place.engine(place.ending([])):
        await looked(place.clock, 50)
    assert journal.asked <= 2


class Overtaken(MemoryJournal):
    """Somebody else answers, carries on and ends the run just after the look at who sleeps."""

    async def waking(self, *, limit: int = 50) -> list[RunRecord]:
        found = await super().waking(limit=limit)
        for record in found:
            await self.append(record.id, [RunEnded(status="done")], epoch=None, status="done")
        return found


async def test_a_run_that_was_answered_since_the_look_is_not_woken() -> None:
    place, woken = Place(Overtaken(), WallClock()), list[str]()
    await place.park("r", NOON)
    async with place.engine(place.ending(woken)):
        await create(place.journal, "other")
        await place.all_are("done", 2)
    assert woken == ["other"]


async def test_an_engine_for_some_runs_wakes_those_alone() -> None:
    place, woken = Place(MemoryJournal(), WallClock()), list[str]()
    for run in ("mine", "foreign"):
        await place.park(run, NOON)
    async with LocalEngine(
        place.journal, place.ending(woken), liveness=KnownWorkers("w"), worker="w", only=frozenset(("mine",)), now=place.clock
    ):
        await place.all_are("done", 1)
    assert woken == ["mine"]
    assert (await place.record("foreign")).status == "waiting"
