"""LocalEngine: each run is moved along by one worker at a time, and by another one if that dies."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_contract import BOUND_S, CANCEL, child, create, go, line, until

from executor.engine.local import LocalEngine
from executor.engine.lock import WorkerLock
from executor.engine.port import Advance, KnownWorkers, Limits
from executor.errors import JournalNewer, LostOwnership
from executor.events import RunEnded, RunStatus
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal

ALIVE = KnownWorkers("w", "w2")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url) as opened:
            yield opened


def engine(journal: Journal, advance: Advance, *, worker: str = "w", concurrency: int = 64) -> LocalEngine:
    return LocalEngine(journal, advance, liveness=ALIVE, worker=worker, concurrency=concurrency)


async def end(journal: Journal, run: str, epoch: int) -> None:
    await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)


async def all_are(journal: Journal, status: RunStatus, count: int) -> None:
    async def holds() -> bool:
        return len(await journal.find(statuses=[status], limit=1000)) == count

    await until(journal, holds)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_runs_that_wait_and_runs_that_come_are_carried_out(journal: Journal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await end(journal, run, epoch)

    await create(journal, "before")
    async with engine(journal, advance):
        await create(journal, "after")
        await all_are(journal, "done", 2)

    record = await journal.get("after")
    assert record is not None
    assert (record.owner, record.epoch, record.seq) == (None, 1, 2)


async def test_the_oldest_runs_start_first_and_no_more_than_allowed(journal: Journal) -> None:
    running: set[str] = set()
    most = 0
    order: list[str] = []
    full = asyncio.Event()

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        nonlocal most
        order.append(run)
        running.add(run)
        most = max(most, len(running))
        if len(running) == 3:
            full.set()
        await full.wait()  # the first three run at the same time
        await asyncio.sleep(0)  # whoever else was started counts itself now
        running.remove(run)
        await end(journal, run, epoch)

    names = [f"r{i:02}" for i in range(20)]
    for minute, name in enumerate(names):
        await create(journal, name, minute=minute)
    async with engine(journal, advance, concurrency=3):
        await all_are(journal, "done", 20)

    assert order == names
    assert most == 3


async def test_an_event_from_outside_nudges_the_segment_once(journal: Journal) -> None:
    nudges: list[int] = []

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        assert not nudge.is_set()  # what came before the start is read anyway
        await journal.append(run, [CANCEL], epoch=epoch)
        for _ in range(2):
            await nudge.wait()
            nudge.clear()
            record = await journal.get(run)
            nudges.append(record.seq if record else 0)
            await journal.append(run, [RunEnded(status="cancelled")], epoch=epoch)
        await end(journal, run, epoch)

    await create(journal, "r")
    await journal.append("r", [CANCEL], epoch=None)
    async with engine(journal, advance):
        for seq in (3, 5):  # after the segment's own events

            async def written(seq: int = seq) -> bool:
                return len(await journal.read("r")) >= seq

            await until(journal, written)
            await journal.append("r", [CANCEL], epoch=None)
        await all_are(journal, "done", 1)

    assert nudges == [4, 6]


async def test_a_segment_that_crashes_ends_its_run_without_the_errors_text(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        if run == "bad":
            raise ZeroDivisionError("password=hunter2")
        await end(journal, run, epoch)

    await create(journal, "bad")
    await create(journal, "good")
    with caplog.at_level(logging.CRITICAL, logger="executor"):
        async with engine(journal, advance):
            await all_are(journal, "failed", 1)
            await all_are(journal, "done", 1)

    ended = (await journal.read("bad"))[-1].event
    assert isinstance(ended, RunEnded)
    assert ended.reason == "Planrail itself failed (ZeroDivisionError); the run can be resumed"
    assert "hunter2" not in ended.model_dump_json()
    record = await journal.get("bad")
    assert record is not None
    assert record.owner is None


async def test_a_segment_that_leaves_its_run_open_ends_it_as_failed(journal: Journal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        pass

    await create(journal, "r")
    async with engine(journal, advance):
        await all_are(journal, "failed", 1)


async def test_a_segment_that_lost_its_run_writes_nothing(journal: Journal) -> None:
    raised = asyncio.Event()

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await journal.take(run, "w2", dead=["w"])
        raised.set()
        raise LostOwnership("gone")

    await create(journal, "r")
    async with engine(journal, advance), asyncio.timeout(BOUND_S):
        await raised.wait()

    record = await journal.get("r")
    assert record is not None
    assert (record.status, record.owner, record.epoch, record.seq) == ("running", "w2", 2, 1)


async def test_stopping_gives_runs_back_and_another_engine_goes_on_at_once(journal: Journal) -> None:
    started = asyncio.Event()
    cancelled: list[str] = []

    async def hold(run: str, epoch: int, nudge: asyncio.Event) -> None:
        started.set()
        try:
            await forever()
        except asyncio.CancelledError:
            await journal.append(run, [CANCEL], epoch=epoch)  # what it had paid for is still written
            cancelled.append(run)
            raise

    async def finish(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await end(journal, run, epoch)

    await create(journal, "r")
    async with engine(journal, hold), asyncio.timeout(BOUND_S):
        await started.wait()
    record = await journal.get("r")
    assert record is not None
    assert (cancelled, record.status, record.owner, record.seq) == (["r"], "queued", None, 2)

    async with engine(journal, finish, worker="w2"):
        await all_are(journal, "done", 1)


async def test_an_engine_for_some_runs_leaves_the_others(journal: Journal) -> None:
    seen: list[str] = []

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        seen.append(run)
        await end(journal, run, epoch)

    for run in ("a", "b", "c"):
        await create(journal, run)
    async with LocalEngine(journal, advance, liveness=ALIVE, worker="w", only=frozenset(("b",))):
        await all_are(journal, "done", 1)
    assert seen == ["b"]


async def test_a_run_of_a_dead_worker_is_taken_over_and_one_of_a_living_worker_is_not(journal: Journal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await end(journal, run, epoch)

    for run, owner in (("orphan", "dead"), ("held", "w2")):
        await create(journal, run)
        await journal.take(run, owner)
    async with engine(journal, advance):
        await all_are(journal, "done", 1)

    assert [r.id for r in await journal.find(statuses=["running"])] == ["held"]


async def test_two_engines_never_run_a_segment_twice(journal: Journal) -> None:
    seen: list[str] = []

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        seen.append(run)
        await end(journal, run, epoch)

    async with engine(journal, advance, concurrency=4), engine(journal, advance, worker="w2", concurrency=4):
        for i in range(60):
            await create(journal, f"r{i}")
        await all_are(journal, "done", 60)

    assert sorted(seen) == sorted(f"r{i}" for i in range(60))


async def test_a_run_whose_tools_are_not_here_is_left_to_others_and_one_that_is_named_is_not(journal: Journal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await end(journal, run, epoch)

    for run, tools in (("here", "a.b=1"), ("elsewhere", "a.b=2"), ("unplanned", "")):
        await create(journal, run)
        await journal.append(run, [], epoch=None, tools=tools)
    limits = Limits(covers=lambda record: record.tools != "a.b=2")
    async with LocalEngine(journal, advance, liveness=ALIVE, worker="w", limits=limits):
        await all_are(journal, "done", 2)
        assert [r.id for r in await journal.find(statuses=["queued"])] == ["elsewhere"]
        named = frozenset(("elsewhere",))
        async with LocalEngine(journal, advance, liveness=ALIVE, worker="w2", limits=limits, only=named):
            await all_are(journal, "done", 3)


async def test_a_run_with_events_of_a_newer_planrail_is_given_back(journal: Journal) -> None:
    async def old(run: str, epoch: int, nudge: asyncio.Event) -> None:
        raise JournalNewer("an event of an unknown kind")

    async def new(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await end(journal, run, epoch)

    await create(journal, "r")
    async with engine(journal, old):

        async def given_back() -> bool:
            record = await journal.get("r")
            return record is not None and (record.epoch, record.status) == (1, "queued")

        await until(journal, given_back)
        async with engine(journal, new, worker="w2"):
            await all_are(journal, "done", 1)


async def test_a_principal_has_no_more_runs_at_once_than_allowed_over_all_engines(journal: Journal) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        principal = run[:3]
        running[principal] += 1
        most[principal] = max(most[principal], running[principal])
        await asyncio.sleep(0.01)
        running[principal] -= 1
        await end(journal, run, epoch)

    for i in range(15):
        await create(journal, f"ann{i}", principal="ann", minute=i)
    for i in range(3):
        await create(journal, f"bob{i}", principal="bob", minute=20 + i)
    limits = Limits(runs=8, principal_runs=2)
    async with (
        LocalEngine(journal, advance, liveness=ALIVE, worker="w", limits=limits),
        LocalEngine(journal, advance, liveness=ALIVE, worker="w2", limits=limits),
    ):
        await all_are(journal, "done", 18)

    assert most == {"ann": 2, "bob": 2}


async def test_the_runs_of_a_killed_process_are_taken_over(tmp_path: Path) -> None:
    url, workers = f"sqlite:///{tmp_path}/journal.db", tmp_path / "journal.db.workers"
    taken: list[tuple[str, int]] = []
    async with await SqlJournal.open(url) as journal:

        async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
            taken.append((run, epoch))
            await end(journal, run, epoch)

        await create(journal, "r")
        async with child("hang", url, workers, "victim") as process:
            assert await line(process) == "started r 1"
            with WorkerLock(workers, "heir") as lock:
                async with LocalEngine(journal, advance, liveness=lock, worker="heir"):
                    await create(journal, "other")
                    await all_are(journal, "done", 1)
                    record = await journal.get("r")
                    assert record is not None
                    assert record.owner == "victim"
                    process.kill()
                    await all_are(journal, "done", 2)

    assert taken == [("other", 1), ("r", 2)]


async def test_two_processes_share_the_runs_and_run_each_once(tmp_path: Path) -> None:
    url, workers = f"sqlite:///{tmp_path}/journal.db", tmp_path / "journal.db.workers"
    async with (
        await SqlJournal.open(url) as journal,
        child("work", url, workers, "a") as a,
        child("work", url, workers, "b") as b,
    ):
        assert [await line(a), await line(b)] == ["ready", "ready"]
        await asyncio.gather(*(create(journal, f"r{i}") for i in range(100)))
        await all_are(journal, "done", 100)
        await go(a)
        await go(b)
        outputs = [(await p.communicate())[0].decode().split() for p in (a, b)]

    assert sorted(outputs[0] + outputs[1]) == sorted(f"r{i}" for i in range(100))
