"""ProcrastinateEngine: workers that are real processes over one PostgreSQL; some of them are killed, stopped or hang."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from journal_contract import BOUND_S, CANCEL, create, line, until
from postgres import PostgresServer
from procrastinate import PsycopgConnector

from executor.engine.jobs import Deferral, bring_jobs_to_head
from executor.engine.patient import PatientConnector
from executor.engine.port import Limits
from executor.engine.procrastinate import ProcrastinateEngine
from executor.engine.pulse import DEAD_SECONDS
from executor.events import CallFinished, RunEnded, RunStatus
from executor.journal.port import Journal, RunRecord
from executor.journal.sql import SqlJournal
from tests.warm import warm_python

TAKE_OVER_S = 5.0


@pytest.fixture
async def journal(postgres_url: str) -> AsyncIterator[SqlJournal]:
    async with await SqlJournal.open(postgres_url, queued=Deferral()) as opened:
        await asyncio.to_thread(bring_jobs_to_head, opened.engine)
        yield opened


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "effects"
    path.touch()
    return path


@asynccontextmanager
async def worker(
    url: str, log: Path, name: str, *, steps: int = 5, fresh: bool = False, **options: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A ready worker process; killed at the end. One that is to be stopped has to be a fresh one."""
    program = str(Path(__file__).parent / "postgres_child.py")
    given = [f"{key}={value}" for key, value in options.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable if fresh else warm_python(),
        program,
        url,
        str(log),
        name,
        str(steps),
        *given,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(journal: Journal, count: int, status: RunStatus = "done") -> None:
    async def holds() -> bool:
        return len(await journal.find(statuses=[status], limit=1000)) == count

    await until(journal, holds)


async def settled(journal: Journal, run: str, count: int) -> None:
    async def holds() -> bool:
        return sum(isinstance(r.event, CallFinished) for r in await journal.read(run)) >= count

    await until(journal, holds)


def lines(log: Path) -> list[list[str]]:
    return [text.split() for text in log.read_text().splitlines()]


def starts(log: Path, run: str) -> list[tuple[str, str]]:
    """(step, worker) of each start of a step of the run."""
    return [(words[1], words[3]) for words in lines(log) if words[0] == run and words[-1] != "settled"]


def repeated_after_settling(log: Path) -> list[tuple[str, str]]:
    """Steps that were started again although their result was in the journal."""
    known: set[tuple[str, str]] = set()
    repeated = []
    for words in lines(log):
        address = (words[0], words[1])
        if words[-1] == "settled":
            known.add(address)
        elif address in known:
            repeated.append(address)
    return repeated


async def test_a_run_starts_within_milliseconds_of_its_submission(journal: SqlJournal) -> None:
    waits: list[float] = []
    submitted = 0.0

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        waits.append(time.monotonic() - submitted)
        await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    async with ProcrastinateEngine(journal, advance, database=journal.engine, worker="w"):
        for i in range(20):
            submitted = time.monotonic()
            await create(journal, f"r{i}", minute=i)
            await ended(journal, i + 1)

    assert sorted(waits)[10] < 0.5  # not a benchmark: polling would take a second


async def test_an_event_from_outside_nudges_the_segment(journal: SqlJournal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        assert not nudge.is_set()
        await journal.append(run, [CallFinished(step="0")], epoch=epoch)
        await nudge.wait()
        await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    await create(journal, "r")
    async with ProcrastinateEngine(journal, advance, database=journal.engine, worker="w"):
        await settled(journal, "r", 1)
        await journal.append("r", [CANCEL], epoch=None)
        await ended(journal, 1)


async def test_a_run_that_was_answered_while_parked_goes_on(journal: SqlJournal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        status: RunStatus = "waiting" if epoch == 1 else "done"
        await journal.append(run, [], epoch=epoch, status=status, release=True)

    await create(journal, "r")
    async with ProcrastinateEngine(journal, advance, database=journal.engine, worker="w"):
        await ended(journal, 1, "waiting")
        await journal.append("r", [CANCEL], epoch=None, status="queued", only_if=["waiting"])
        await ended(journal, 1)


async def test_a_queued_run_whose_job_was_lost_is_found(url: str, journal: SqlJournal) -> None:
    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    async with (
        await SqlJournal.open(url) as deaf,  # it puts no job into the queue
        ProcrastinateEngine(journal, advance, database=journal.engine, worker="w"),
    ):
        await create(deaf, "r")
        await ended(journal, 1)


class SlowToTell(SqlJournal):
    """Tells of a take a moment late: when somebody else has looked at the run, and taken it too, if anybody does."""

    looks = 0
    taken = asyncio.Event()
    again = asyncio.Event()

    async def get(self, run: str) -> RunRecord | None:
        self.looks += 1
        if self.looks > 1:
            await self.taken.wait()
        return await super().get(run)

    async def take(self, run: str, worker: str, **more: Any) -> int | None:
        epoch = await super().take(run, worker, **more)
        if self.taken.is_set():
            self.again.set()
        self.taken.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await self.again.wait()
        return epoch


async def test_a_worker_does_not_take_a_run_from_itself(url: str, journal: SqlJournal) -> None:
    epochs: list[int] = []

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        epochs.append(epoch)
        await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    await create(journal, "r")
    with journal.engine.begin() as connection:
        Deferral()(connection, "r")  # a second job, as a look at what is stranded may bring one
    async with (
        await SlowToTell.open(url) as slow,
        ProcrastinateEngine(slow, advance, database=journal.engine, worker="w"),
    ):
        await ended(journal, 1)

    assert epochs == [1]


async def test_a_killed_workers_run_is_finished_by_another_within_five_seconds(
    url: str, journal: SqlJournal, log: Path
) -> None:
    async with worker(url, log, "victim", steps=8, hold=3) as victim:
        await create(journal, "r")
        assert await line(victim) == "started r 1"  # before there is anybody else to take it
        async with worker(url, log, "heir", steps=8):
            await settled(journal, "r", 3)
            victim.kill()
            killed = time.monotonic()
            await ended(journal, 1)
            took = time.monotonic() - killed

    assert took < 2 * TAKE_OVER_S  # four or so where the machine has nothing else to do
    assert {name for _, name in starts(log, "r")} == {"victim", "heir"}
    assert repeated_after_settling(log) == []
    assert [r.event.step for r in await journal.read("r") if isinstance(r.event, CallFinished)] == list("01234567")


async def test_a_stopped_worker_that_goes_on_writes_nothing_more_into_its_run(url: str, journal: SqlJournal, log: Path) -> None:
    async with worker(url, log, "zombie", steps=6, fresh=True, hold=2) as zombie:
        await create(journal, "r")
        assert await line(zombie) == "started r 1"
        async with worker(url, log, "heir", steps=6):
            await settled(journal, "r", 2)
            zombie.send_signal(signal.SIGSTOP)
            await ended(journal, 1)
            zombie.send_signal(signal.SIGUSR1)
            zombie.send_signal(signal.SIGCONT)
            assert await line(zombie) == "lost r 1"
            zombie.send_signal(signal.SIGTERM)
            assert await line(zombie) == "drained"

    finished = [r.event for r in await journal.read("r") if isinstance(r.event, CallFinished)]
    assert [event.step for event in finished] == list("012345")
    assert repeated_after_settling(log) == []


async def test_a_worker_whose_loop_hangs_loses_its_runs(url: str, journal: SqlJournal, log: Path) -> None:
    async with worker(url, log, "hung", hang=2, hang_s=60) as hung:
        await create(journal, "r")
        assert await line(hung) == "started r 1"
        async with worker(url, log, "heir"):
            await ended(journal, 1)

    assert starts(log, "r")[-1] == ("4", "heir")


async def test_a_worker_that_drains_hands_its_runs_over_at_once(url: str, journal: SqlJournal, log: Path) -> None:
    async with worker(url, log, "leaving", steps=20, hold=2, drain=0.2) as leaving:
        await create(journal, "r")
        assert await line(leaving) == "started r 1"
        async with worker(url, log, "heir", steps=20):
            await settled(journal, "r", 2)
            leaving.send_signal(signal.SIGTERM)
            assert await line(leaving) == "drained"
            drained = time.monotonic()
            record = await journal.get("r")
            await settled(journal, "r", 8)
            took = time.monotonic() - drained
            await ended(journal, 1)

    assert record is not None
    assert record.owner != "leaving"
    assert took < DEAD_SECONDS  # nobody waited for a heartbeat to stop
    assert repeated_after_settling(log) == []


async def test_a_worker_that_drains_lets_short_segments_end(url: str, journal: SqlJournal, log: Path) -> None:
    async with worker(url, log, "leaving", pause=0.1) as leaving:
        await create(journal, "r")
        await settled(journal, "r", 1)
        leaving.send_signal(signal.SIGTERM)
        assert await line(leaving) == "started r 1"
        assert await line(leaving) == "drained"

    record = await journal.get("r")
    assert record is not None
    assert (record.status, record.epoch) == ("done", 1)


async def test_only_a_worker_that_has_the_tools_takes_a_run(url: str, journal: SqlJournal, log: Path) -> None:
    await create(journal, "r")
    await journal.append("r", [], epoch=None, tools="crm.find=2")
    async with worker(url, log, "old", lacks="crm.find=2"):
        await create(journal, "other")
        await ended(journal, 1)
        record = await journal.get("r")
        assert record is not None
        assert record.status == "queued"
        async with worker(url, log, "new"):
            await ended(journal, 2)

    assert {name for _, name in starts(log, "r")} == {"new"}


async def test_a_principal_has_no_more_runs_at_once_than_allowed_over_all_workers(
    url: str, journal: SqlJournal, log: Path
) -> None:
    most = 0
    async with (
        worker(url, log, "a", steps=2, principal_runs=2),
        worker(url, log, "b", steps=2, principal_runs=2),
        worker(url, log, "c", steps=2, principal_runs=2),
    ):
        for i in range(12):
            await create(journal, f"a{i}", principal="ann", minute=i)
        await create(journal, "b0", principal="bob", minute=20)

        async def holds() -> bool:
            nonlocal most
            most = max(most, len(await journal.find(principal="ann", statuses=["running"])))
            return len(await journal.find(statuses=["done"])) == 13

        await until(journal, holds)

    assert most == 2


async def test_a_worker_has_no_more_runs_at_once_than_allowed(journal: SqlJournal) -> None:
    running = most = 0
    full = asyncio.Event()

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        async with asyncio.timeout(60):
            await full.wait()  # the first ones for each other, so that there are as many at once as there may be
        await asyncio.sleep(0.02)
        running -= 1
        await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

    for i in range(20):
        await create(journal, f"r{i}", minute=i)
    async with ProcrastinateEngine(journal, advance, database=journal.engine, worker="w", limits=Limits(runs=3)):
        await ended(journal, 20)

    assert most == 3


@pytest.mark.parametrize("away_s", [4.0, pytest.param(30.0, marks=pytest.mark.proof)])  # longer than a heartbeat may stay away
async def test_workers_outlive_a_database_that_goes_away(mortal_postgres: PostgresServer, log: Path, away_s: float) -> None:
    url = mortal_postgres.new_database()
    slow: dict[str, Any] = {"steps": 10, "pause": 0.1, "drain": 0.1}  # a worker that gave up would hand its runs over
    async with await SqlJournal.open(url, queued=Deferral()) as journal:
        await asyncio.to_thread(bring_jobs_to_head, journal.engine)
        async with worker(url, log, "a", **slow), worker(url, log, "b", **slow):
            for i in range(4):
                await create(journal, f"r{i}", minute=i)
            await settled(journal, "r0", 2)
            await asyncio.to_thread(mortal_postgres.stop)
            await asyncio.sleep(away_s)
            await asyncio.to_thread(mortal_postgres.start)
            await ended(journal, 4)
            epochs = [record.epoch for record in await journal.find()]
            await create(journal, "after", minute=10)
            await ended(journal, 5)

    assert epochs == [1, 1, 1, 1]  # nobody was taken for dead
    counted = Counter((words[0], words[1]) for words in lines(log) if words[-1] != "settled")
    assert set(counted.values()) == {1}
    assert len(counted) == 50


async def test_an_engine_that_is_left_at_any_moment_after_its_start_ends(journal: SqlJournal) -> None:
    async def nothing(run: str, epoch: int, nudge: asyncio.Event) -> bool:
        return False

    for moment in range(24):
        async with asyncio.timeout(BOUND_S / 2):
            async with ProcrastinateEngine(journal, nothing, database=journal.engine, worker=f"w{moment}"):
                await asyncio.sleep(moment / 1_000)  # no wait for anything: the moment is what is tried


async def test_a_cancel_that_a_query_has_swallowed_ends_whoever_waits_for_the_query() -> None:
    begun = asyncio.Event()

    class Swallowing(PsycopgConnector):
        async def execute_query_async(self, query: str, **arguments: Any) -> None:
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    class Patient(PatientConnector, Swallowing):
        pass

    waiting = asyncio.create_task(Patient("", away_s=1.0).execute_query_async("select 1"))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
