"""Whole workers, as processes over one database: who executes what, take-over, hand-over. On SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from journal_contract import BOUND_S, line, until

from executor.events import CallFinished, RunEnded
from executor.submission import Principal, Submission
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings
from tests.warm import warm_python

STEPS = 6
SCRIPT = "\n".join(
    ["s0 = slow.step(number=0, after=0)"]
    + [f"s{i} = slow.step(number={i}, after=s{i - 1})" for i in range(1, STEPS)]
    + [f"answer(s{STEPS - 1})"]
)
ME = Principal()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/planrail.db"
    made: str = request.getfixturevalue("postgres_url")
    return made


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    return load_settings({"PLANRAIL_DATABASE_URL": url, "PLANRAIL_HOME": str(tmp_path)}, tmp_path)


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """A house that runs nothing itself."""
    async with open_house(settings) as opened:
        yield opened


@asynccontextmanager
async def worker(
    settings: Settings, log: Path, word: str, *, version: str = "1", fresh: bool = False, **limits: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A ready worker; one that is to be stopped has to be a fresh process."""
    program = str(Path(__file__).parent / "house_child.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable if fresh else warm_python(), program, settings.url, str(settings.home), str(log), word, version,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, **limits},
    )  # fmt: skip
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


async def submit(house: House, goal: str = "count") -> str:
    return (await house.runs.submit(Submission(goal=goal, script=SCRIPT))).id


async def settled(house: House, run: str, count: int) -> None:
    async def holds() -> bool:
        return len(await finished(house, run)) >= count

    await until(house.journal, holds)


async def all_done(house: House, count: int) -> None:
    async with asyncio.timeout(BOUND_S):
        async for _ in house.journal.changes():
            if len(await house.journal.find(statuses=["done"], limit=1000)) == count:
                return


async def finished(house: House, run: str) -> list[object]:
    return [
        r.event.value for r in await house.journal.read(run) if isinstance(r.event, CallFinished) and r.event.step != "answer"
    ]


async def answer(house: House, run: str) -> object:
    event = (await house.journal.read(run))[-1].event
    assert isinstance(event, RunEnded)
    return event.answer


def starts(log: Path, run: str) -> list[tuple[int, str]]:
    words = (text.split() for text in log.read_text().splitlines())
    return [(int(number), word) for owner, number, word in words if owner == run]


@asynccontextmanager
async def pair(
    settings: Settings, log: Path, house: House, *, fresh: bool = False
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Two workers and a run that is in the middle: the run, and the worker that has it."""
    async with worker(settings, log, "a", fresh=fresh) as a, worker(settings, log, "b", fresh=fresh) as b:
        run = await submit(house)
        await settled(house, run, 2)
        yield run, a if starts(log, run)[-1][1] == "a" else b


async def test_a_killed_workers_run_goes_on_elsewhere_and_no_settled_step_is_executed_again(
    settings: Settings, house: House, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with pair(settings, log, house) as (run, victim):
        victim.kill()
        await victim.wait()
        before = len(await finished(house, run))
        killed = time.monotonic()
        await settled(house, run, before + 1)
        took = time.monotonic() - killed
        await all_done(house, 1)

    assert before < STEPS
    assert took < 5.0
    assert await answer(house, run) == STEPS - 1
    assert await finished(house, run) == list(range(STEPS))
    first = starts(log, run)[0][1]
    heirs = [number for number, word in starts(log, run) if word != first]
    assert heirs == list(range(before, STEPS))
    assert len(starts(log, run)) <= STEPS + 1  # the one that was in flight may be seen twice


async def test_a_stopped_worker_that_goes_on_changes_nothing(settings: Settings, house: House, tmp_path: Path) -> None:
    if settings.url.startswith("sqlite"):
        pytest.skip("a stopped process holds its lock: on SQLite its runs wait for it")
    log = tmp_path / "log"
    async with pair(settings, log, house, fresh=True) as (run, zombie):
        zombie.send_signal(signal.SIGSTOP)
        await all_done(house, 1)
        told = await house.journal.read(run)
        zombie.send_signal(signal.SIGCONT)
        other = await submit(house, "another")
        await all_done(house, 2)
        zombie.send_signal(signal.SIGTERM)
        assert await line(zombie) == "drained"

    assert await house.journal.read(run) == told
    assert await answer(house, run) == await answer(house, other) == STEPS - 1


async def test_a_worker_that_is_asked_to_end_hands_its_run_over(settings: Settings, house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with pair(settings, log, house) as (run, leaving):
        leaving.send_signal(signal.SIGTERM)
        assert await line(leaving) == "drained"
        await all_done(house, 1)

    assert await answer(house, run) == STEPS - 1
    assert await finished(house, run) == list(range(STEPS))


async def test_a_run_waits_for_a_worker_that_has_its_tools(settings: Settings, house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with worker(settings, log, "first") as first:
        run = await submit(house)
        await settled(house, run, 2)
        first.kill()
        await first.wait()
    async with worker(settings, log, "changed", version="2"):
        waited = time.monotonic()
        async with worker(settings, log, "second"):
            await all_done(house, 1)
        assert time.monotonic() - waited < BOUND_S

    assert await answer(house, run) == STEPS - 1
    assert {word for _, word in starts(log, run)} == {"first", "second"}


async def test_a_principal_has_no_more_runs_at_once_than_allowed_over_all_processes(
    settings: Settings, house: House, tmp_path: Path
) -> None:
    log, most = tmp_path / "log", 0
    limits = {"PLANRAIL_PRINCIPAL_RUNS": "2"}
    async with worker(settings, log, "a", **limits), worker(settings, log, "b", **limits):
        for _ in range(6):
            await submit(house)
        async with asyncio.timeout(BOUND_S):
            async for _ in house.journal.changes():
                most = max(most, len(await house.journal.find(statuses=["running"])))
                if len(await house.journal.find(statuses=["done"])) == 6:
                    break

    assert most == 2


async def test_a_command_that_carries_on_one_run_alone_leaves_the_others(settings: Settings, house: House) -> None:
    mine = (await house.runs.submit(Submission(goal="mine", script="answer(1)"))).id
    others = (await house.runs.submit(Submission(goal="others", script="answer(2)"))).id
    async with house.engine(only=frozenset((mine,))):
        await all_done(house, 1)

    record = await house.journal.get(others)
    assert record is not None
    assert (record.status, record.epoch) == ("queued", 0)
    async with house.engine():
        await all_done(house, 2)
