"""Schedules: a due time makes one run, whatever happens around it; over both databases and any number of processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.events import RunEnded
from executor.journal.sql import SqlJournal
from executor.planning import Planning
from executor.submission import Principal, Submission
from planner.playbook import Playbooks
from planner.worst import Terms
from planrail.cron import CronError, next_due
from planrail.runs import Runs
from planrail.schedules import ScheduleError, Schedules

ANN, EVE = Principal(id="ann"), Principal(id="eve")
MORNING = Submission(goal="Write the morning report", principal=ANN)
START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that the test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Process:
    """What one process sees of the database."""

    journal: SqlJournal
    runs: Runs
    schedules: Schedules

    async def made(self) -> list[str]:
        return [r.key.rpartition(":")[2] for r in await self.runs.find(ANN)]

    async def end(self, run: str) -> None:
        await self.journal.append(run, [RunEnded(status="done")], epoch=None, status="done", only_if=("queued",))


def process(journal: SqlJournal, clock: Clock, new_id: Callable[[], str]) -> Process:
    planning = Planning({}, Playbooks([]), None, Terms())
    runs = Runs(journal, artifacts=MemoryArtifacts(), planning=planning, now=clock, new_id=new_id)
    return Process(journal, runs, Schedules(journal.timetable, runs, now=clock, new_id=new_id))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
async def two(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes over one database."""
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    numbers = itertools.count()
    async with await SqlJournal.open(url) as one, await SqlJournal.open(url) as other:
        ids = lambda: f"run{next(numbers):04d}"  # noqa: E731
        yield process(one, clock, ids), process(other, clock, ids)


async def test_a_due_time_makes_one_run_however_many_processes_fire_it(two: tuple[Process, Process], clock: Clock) -> None:
    one, other = two
    await one.schedules.add(MORNING, name="report", cron="30 6 * * *", zone="Europe/Berlin")
    assert await one.schedules.fire() == []
    clock.forward(days=1)
    await asyncio.gather(*(p.schedules.fire() for p in (one, other, one, other)))
    assert await one.made() == ["20261128T0530"]
    assert (await other.schedules.get("report", ANN)).next_at == datetime(2026, 11, 29, 5, 30, tzinfo=UTC)
    assert await other.schedules.fire() == []


async def test_a_process_that_is_killed_between_the_run_and_its_note_makes_no_second_one(
    two: tuple[Process, Process], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC")
    clock.forward(hours=1)

    async def killed(*_: object) -> bool:
        raise asyncio.CancelledError

    monkeypatch.setattr(one.journal.timetable, "fired", killed)
    with pytest.raises(asyncio.CancelledError):
        await one.schedules.fire()
    assert len(await other.schedules.fire()) == 1
    assert await other.made() == ["20261127T1300"]


async def test_after_a_long_stop_one_run_stands_for_all_that_was_missed(two: tuple[Process, Process], clock: Clock) -> None:
    one, _ = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC")
    clock.forward(days=30, minutes=20)
    await one.schedules.fire()
    assert await one.made() == ["20261127T1300"]
    assert (await one.schedules.get("report", ANN)).next_at == clock.at.replace(minute=0) + timedelta(hours=1)


async def test_a_clock_that_is_set_back_makes_no_run_twice(two: tuple[Process, Process], clock: Clock) -> None:
    one, _ = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC", overlap="allow")
    clock.forward(hours=1)
    await one.schedules.fire()
    clock.forward(hours=-3)
    await one.schedules.fire()
    clock.forward(hours=3)
    await one.schedules.fire()
    assert await one.made() == ["20261127T1300"]


async def test_a_clock_that_was_far_ahead_leaves_no_schedule_waiting_for_that_day(
    two: tuple[Process, Process], clock: Clock
) -> None:
    one, _ = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC", overlap="allow")
    clock.forward(days=400)
    await one.schedules.fire()
    clock.forward(days=-400, hours=1)
    await one.schedules.fire()
    clock.forward(hours=1)
    await one.schedules.fire()
    assert sorted(await one.made()) == ["20261127T1300", "20261127T1400"]


async def test_a_due_time_is_left_out_while_the_run_before_goes_on_unless_overlap_is_allowed(
    two: tuple[Process, Process], clock: Clock
) -> None:
    one, _ = two
    await one.schedules.add(MORNING, name="careful", cron="0 * * * *", zone="UTC")
    await one.schedules.add(MORNING, name="eager", cron="0 * * * *", zone="UTC", overlap="allow")
    for _ in range(2):
        clock.forward(hours=1)
        await one.schedules.fire()
    careful = await one.schedules.get("careful", ANN)
    assert (careful.skipped, len(await one.made())) == (1, 3)
    await one.end(careful.run)
    clock.forward(hours=1)
    await one.schedules.fire()
    assert len(await one.made()) == 5


async def test_a_schedule_goes_on_after_its_last_run_was_removed(two: tuple[Process, Process], clock: Clock) -> None:
    one, other = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC")
    clock.forward(hours=1)
    (first,) = await one.schedules.fire()
    await one.end(first.id)
    await other.journal.retention.begin("prune", "test", name="p")
    assert len(await other.journal.retention.remove([first.id], "pruned", "p")) == 1
    clock.forward(hours=1)
    assert len(await one.schedules.fire()) == 1


async def test_a_paused_schedule_makes_no_run_and_makes_up_for_none(two: tuple[Process, Process], clock: Clock) -> None:
    one, other = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC")
    assert (await other.schedules.pause("report", ANN)).paused
    clock.forward(hours=5, minutes=10)
    assert await one.schedules.fire() == []
    assert await one.schedules.next_at() is None
    resumed = await one.schedules.resume("report", ANN)
    assert resumed.next_at == START + timedelta(hours=6)
    assert await one.schedules.fire() == []
    await one.schedules.run_now("report", ANN)
    assert len(await one.made()) == 1


async def test_a_name_is_one_schedule_of_its_principal_and_others_cannot_tell_it_from_none(
    two: tuple[Process, Process],
) -> None:
    one, other = two
    await one.schedules.add(MORNING, name="report", cron="0 * * * *", zone="UTC")
    with pytest.raises(ScheduleError, match="There is a schedule report already"):
        await other.schedules.add(MORNING, name="report", cron="5 * * * *", zone="UTC")
    with pytest.raises(ScheduleError, match=r"There is no schedule report. There are: none."):
        await other.schedules.remove("report", EVE)
    await one.schedules.remove("report", ANN)
    assert await other.schedules.find(ANN) == []


# -- when


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", "2026-03-29T01:00+00:00"),  # 02:30 is skipped that night
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00", "2026-10-25T00:30+00:00"),  # it is there twice
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30+00:00", "2026-10-26T01:30+00:00"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30+00:00", "2026-10-25T01:00+00:00"),
        ("0 9 29 2 *", "UTC", "2026-01-01T00:00+00:00", "2028-02-29T09:00+00:00"),
        ("0 9 * * 1-5", "America/Chicago", "2026-11-27T15:00+00:00", "2026-11-30T15:00+00:00"),
        ("59 23 L * *", "UTC", "2026-11-27T15:00+00:00", "2026-11-30T23:59+00:00"),
    ],
)
def test_due_times_follow_the_clocks_of_their_zone(cron: str, zone: str, after: str, due: str) -> None:
    assert next_due(cron, zone, datetime.fromisoformat(after)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("cron", "zone", "told"),
    [
        ("nonsense", "UTC", "Five fields"),
        ("* * * * * *", "UTC", "Five fields"),
        ("61 * * * *", "UTC", "no cron expression"),
        ("0 0 31 2 *", "UTC", "31 2"),
        ("0 0 * * *", "Mars/Base", "no time zone 'Mars/Base'"),
        ("0 0 * * *", "../etc", "no time zone"),
    ],
)
def test_what_names_no_time_is_told(cron: str, zone: str, told: str) -> None:
    with pytest.raises(CronError) as refused:
        next_due(cron, zone, START)
    assert told in str(refused.value)


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */5 * * *", "15 3 1 * *", "0 12 * * 0"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(1_577_836_800, 2_051_222_400).map(lambda s: datetime.fromtimestamp(s, UTC)),
)  # fmt: skip
def test_due_times_only_go_forward(cron: str, zone: str, at: datetime) -> None:
    first = next_due(cron, zone, at)
    second = next_due(cron, zone, first)
    assert at < first < second
