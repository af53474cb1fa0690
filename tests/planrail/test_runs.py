"""Runs, the one service: what every door relies on, over the real journals, engine and segments."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from executor.artifacts import Artifacts, MemoryArtifacts
from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers
from executor.errors import KeyTaken, NotAnswerable, UnknownArtifact, UnknownRun
from executor.events import CallFinished, Recorded, RunEnded
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal
from executor.planning import Planning
from executor.run import Run
from executor.segment import INLINE_BYTES, Segments
from executor.submission import Principal, Submission
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.models import Models
from planner.playbook import Playbooks
from planner.toolspec import Json
from planrail.runs import Runs

BOUND_S = 60.0
LOCAL = Principal()
EVE = Principal(id="eve")


def now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """Tools that wait for the test, fail for it, or do as they are told."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.go = asyncio.Event()
        self.fails = False
        self.written: list[int] = []

    @tool(effect="read")
    async def hold(self, x: int) -> int:
        """Wait for the test."""
        self.came.set()
        await self.go.wait()
        return x

    @tool(effect="read")
    async def stubborn(self, x: int) -> int:
        """Will not be cancelled."""
        self.came.set()
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        return x

    @tool(effect="write", idempotent=True)
    async def write(self, x: int) -> int | ToolFailed:
        """Write, if it can."""
        if self.fails:
            return ToolFailed("The ink is out.")
        self.written.append(x)
        return x

    @tool(effect="read")
    async def large(self, size: int) -> str:
        """A long text."""
        return "x" * size


class Place:
    """A house of one worker: the service and its engine."""

    def __init__(self, journal: Journal, desk: Desk, artifacts: Artifacts) -> None:
        toolset = Toolset.of("d", desk)
        planning = Planning(toolset.specs, Playbooks(), None, Models().terms(parallel=4))
        self.desk = desk
        self.journal = journal
        self.segments = Segments(
            journal=journal, artifacts=artifacts, toolset=toolset, models=Models(), planning=planning,
            secrets=lambda name: None, now=now, worker="w", version="test",
        )  # fmt: skip
        ids = (f"run-{n:06}" for n in itertools.count())
        self.runs = Runs(journal, artifacts=artifacts, planning=planning, now=now, new_id=lambda: next(ids))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        advance = self.segments.advance
        async with (
            LocalEngine(self.journal, advance, liveness=KnownWorkers("w", "cancel"), worker="w"),
            asyncio.timeout(BOUND_S),
        ):
            yield

    async def ended(self, run: str) -> Run:
        async for _ in self.runs.events(run, LOCAL):
            pass
        return await self.runs.get(run, LOCAL)

    async def done(self, script: str, **more: Any) -> Json:
        run = await self.ended((await self.runs.submit(Submission(script=script, **more))).id)
        assert run.ended is not None
        assert run.ended.status == "done", run.ended
        return run.ended.answer


@pytest.fixture(params=["memory", "sqlite"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        yield Place(MemoryJournal(), Desk(), MemoryArtifacts())
        return
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        yield Place(journal, Desk(), MemoryArtifacts())


ANSWER = "answer(1)\n"
HOLD = "x = d.hold(x=1)\ny = d.write(x=x)\nanswer(y)\n"


# -- submit


async def test_the_same_key_is_the_same_run(place: Place) -> None:
    first = await place.runs.submit(Submission(script=ANSWER), key="k")
    assert await place.runs.submit(Submission(script=ANSWER), key="k") == first
    assert (await place.runs.submit(Submission(script=ANSWER))).id != first.id
    assert (await place.runs.submit(Submission(script=ANSWER, principal=EVE), key="k")).id != first.id


async def test_a_key_that_was_used_for_something_else_is_refused(place: Place) -> None:
    await place.runs.submit(Submission(script=ANSWER), key="k")
    with pytest.raises(KeyTaken):
        await place.runs.submit(Submission(script="answer(2)\n"), key="k")


async def test_a_repeat_that_comes_when_the_run_is_done_gives_that_run(place: Place) -> None:
    async with place.working():
        first = await place.runs.submit(Submission(script=ANSWER), key="k")
        await place.ended(first.id)
        again = await place.runs.submit(Submission(script=ANSWER), key="k")
    assert (again.id, again.status) == (first.id, "done")


async def test_many_submissions_with_one_key_at_once_are_one_run(place: Place) -> None:
    made = await asyncio.gather(*(place.runs.submit(Submission(script=ANSWER), key="k") for _ in range(8)))
    assert len({m.id for m in made}) == 1
    assert len(await place.runs.find(LOCAL)) == 1


async def test_a_preview_plans_and_leaves_nothing(place: Place) -> None:
    run = await place.runs.preview(Submission(script=HOLD))
    assert run.certified is not None
    assert run.certified.certificate.worst_case.calls == 2
    assert await place.runs.find(LOCAL) == []
    assert not place.desk.came.is_set()


async def test_a_preview_of_a_refused_plan_says_why(place: Place) -> None:
    run = await place.runs.preview(Submission(script="answer(d.nothing())\n"))
    assert run.certified is None
    assert run.refusals[-1][1].diagnostics[0].line == 1
    assert run.ended is not None
    assert run.ended.status == "failed"


# -- seeing


async def test_another_principal_sees_nothing_of_a_run(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=ANSWER))).id
        await place.ended(run)
    for attempt in (
        place.runs.record(run, EVE), place.runs.get(run, EVE), place.runs.cancel(run, EVE), place.runs.resume(run, EVE),
        place.runs.answer(run, EVE, 1), place.runs.artifact(run, "0" * 64, EVE), anext(place.runs.events(run, EVE)),
    ):  # fmt: skip
        with pytest.raises(UnknownRun):
            await attempt
    assert await place.runs.find(EVE) == []


async def test_a_run_that_is_not_there_is_told_as_one_of_somebody_else_is(place: Place) -> None:
    run = (await place.runs.submit(Submission(script=ANSWER))).id
    told = []
    for name, principal in ((run, EVE), ("run-999999", LOCAL)):
        with pytest.raises(UnknownRun) as error:
            await place.runs.get(name, principal)
        told.append(error.value.message.replace(name, "…"))
    assert told[0] == told[1]


async def test_runs_are_listed_newest_first_by_status_and_page(place: Place) -> None:
    made = [(await place.runs.submit(Submission(script=ANSWER))).id for _ in range(5)]
    assert [r.id for r in await place.runs.find(LOCAL, limit=2)] == made[:2:-1]
    assert [r.id for r in await place.runs.find(LOCAL, before=made[2])] == made[1::-1]
    assert await place.runs.find(LOCAL, statuses=["done"]) == []


# -- following


async def test_a_run_can_be_followed_from_any_number(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script="xs = [d.write(x=i) for i in range(3)]\nanswer(len(xs))\n"))).id
        whole = [r async for r in place.runs.events(run, LOCAL)]
        assert [r.seq for r in whole] == list(range(1, len(whole) + 1))
        assert isinstance(whole[-1].event, RunEnded)
        for after in range(len(whole) + 1):
            assert [r async for r in place.runs.events(run, LOCAL, after=after)] == whole[after:]


async def test_a_follower_hears_of_events_as_they_come_and_stops_at_the_end(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=HOLD))).id
        heard: list[Recorded] = []
        async for recorded in place.runs.events(run, LOCAL):
            heard.append(recorded)
            if recorded.event.type == "call_started":
                place.desk.go.set()
        assert isinstance(heard[-1].event, RunEnded)
        assert [r.seq for r in heard] == list(range(1, len(heard) + 1))


async def test_many_followers_hear_the_same(place: Place) -> None:
    async def follow(after: int) -> list[int]:
        return [r.seq async for r in place.runs.events(run, LOCAL, after=after)]

    async with place.working():
        run = (await place.runs.submit(Submission(script=HOLD))).id
        followers = [asyncio.create_task(follow(after)) for after in (0, 0, 2)]
        await place.desk.came.wait()
        place.desk.go.set()
        one, other, late = await asyncio.gather(*followers)
    assert one == other == [1, 2, *late]


async def test_without_following_only_what_is_there_is_told(place: Place) -> None:
    run = (await place.runs.submit(Submission(script=HOLD))).id
    assert [r.event.type async for r in place.runs.events(run, LOCAL, follow=False)] == ["run_submitted"]


# -- cancel


async def test_a_cancel_is_declared_within_a_second_while_a_call_is_in_flight(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=HOLD))).id
        await place.desk.came.wait()
        began = time.monotonic()
        record = await place.runs.cancel(run, LOCAL)
        assert time.monotonic() - began < 1.5  # a second, and what a busy machine adds
        assert record.status == "cancelled"
        state = await place.runs.get(run, LOCAL)
        assert state.ended is not None
        assert place.desk.written == []


async def test_a_cancel_is_declared_within_a_second_where_the_owner_hangs(place: Place) -> None:
    """Somebody who took the run and does nothing more."""
    run = (await place.runs.submit(Submission(script=HOLD))).id
    epoch = await place.journal.take(run, "hung")
    began = time.monotonic()
    record = await place.runs.cancel(run, LOCAL)
    assert time.monotonic() - began < 2
    assert record.status == "cancelled"
    assert record.epoch == (epoch or 0) + 1


async def test_a_cancel_is_declared_where_a_tool_will_not_be_cancelled(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script="x = d.stubborn(x=1)\nanswer(x)\n"))).id
        await place.desk.came.wait()
        assert (await place.runs.cancel(run, LOCAL)).status == "cancelled"
        place.desk.go.set()


async def test_a_run_that_has_not_begun_or_waits_is_cancelled_at_once(place: Place) -> None:
    queued = (await place.runs.submit(Submission(script=ANSWER))).id
    assert (await place.runs.cancel(queued, LOCAL)).status == "cancelled"
    async with place.working():
        waiting = (await place.runs.submit(Submission(script='x = ask_user("X?")\nanswer(x)\n'))).id
        async for recorded in place.runs.events(waiting, LOCAL):
            if recorded.event.type == "run_parked":
                break
        assert (await place.runs.cancel(waiting, LOCAL)).status == "cancelled"
        with pytest.raises(NotAnswerable):
            await place.runs.answer(waiting, LOCAL, "late")


async def test_cancelling_what_is_over_changes_nothing(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=ANSWER))).id
        done = await place.ended(run)
        assert (await place.runs.cancel(run, LOCAL)).status == "done"
        assert (await place.runs.get(run, LOCAL)).seq == done.seq


async def test_many_cancels_at_once_are_one_end(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=HOLD))).id
        await place.desk.came.wait()
        records = await asyncio.gather(*(place.runs.cancel(run, LOCAL) for _ in range(4)))
    assert {r.status for r in records} == {"cancelled"}
    ends = [r for r in await place.journal.read(run) if isinstance(r.event, RunEnded)]
    assert len(ends) == 1


# -- resume


async def test_a_cancelled_run_goes_on_and_makes_no_finished_call_again(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script="a = d.write(x=7)\n" + HOLD))).id
        await place.desk.came.wait()
        await place.runs.cancel(run, LOCAL)
        place.desk.go.set()
        assert (await place.runs.resume(run, LOCAL)).status != "cancelled"
        state = await place.ended(run)
    assert state.status == "done"
    assert place.desk.written == [7, 1]


async def test_a_failed_run_tries_again_what_failed(place: Place) -> None:
    place.desk.fails = True
    async with place.working():
        run = (await place.runs.submit(Submission(script="a = d.write(x=7)\nanswer(a)\n"))).id
        assert (await place.ended(run)).status == "failed"
        place.desk.fails = False
        await place.runs.resume(run, LOCAL)
        state = await place.ended(run)
    assert state.status == "done"
    assert state.surprises == []


async def test_a_partial_run_goes_on_with_a_higher_ceiling(place: Place) -> None:
    small = Budget(calls=2, reserve=0)
    async with place.working():
        run = (await place.runs.submit(Submission(script="a = d.write(x=1)\nb = d.write(x=2)\nanswer(b)\n", budget=small))).id
        assert (await place.ended(run)).status == "done"
        refused = (
            await place.runs.submit(Submission(script="xs = [d.write(x=i) for i in range(3)]\nanswer(1)\n", budget=small))
        ).id
        assert (await place.ended(refused)).status == "failed"
        await place.runs.resume(refused, LOCAL, budget=Budget(calls=9))
        assert (await place.ended(refused)).status == "done"


async def test_a_run_that_is_done_cannot_be_resumed_and_one_that_goes_on_is_left_alone(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script=ANSWER))).id
        await place.ended(run)
        with pytest.raises(NotAnswerable):
            await place.runs.resume(run, LOCAL)
    queued = (await place.runs.submit(Submission(script=ANSWER))).id
    assert (await place.runs.resume(queued, LOCAL)).seq == 1


async def test_a_call_of_a_cancelled_run_that_comes_back_late_is_used_when_the_run_goes_on(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script="x = d.stubborn(x=5)\nanswer(x)\n"))).id
        await place.desk.came.wait()
        await place.runs.cancel(run, LOCAL)
        place.desk.go.set()
        await place.runs.resume(run, LOCAL)
        state = await place.ended(run)
    assert state.ended is not None
    assert state.ended.answer == 5


# -- answers are validated in tests/executor/test_people.py


async def test_a_question_that_is_answered_is_open_no_more(place: Place) -> None:
    async with place.working():
        run = (await place.runs.submit(Submission(script='x = ask_user("X?")\ny = ask_user("Y?")\nanswer([x, y])\n'))).id
        async for recorded in place.runs.events(run, LOCAL):
            if recorded.event.type == "run_parked":
                break
        await place.runs.answer(run, LOCAL, "a", question="x")
        with pytest.raises(NotAnswerable, match="no open question x"):
            await place.runs.answer(run, LOCAL, "b", question="x")
        await place.runs.answer(run, LOCAL, "c", question="y")
        state = await place.ended(run)
    assert state.ended is not None
    assert state.ended.answer == ["a", "c"]


# -- artifacts


async def test_the_bytes_of_a_large_value_are_the_runs_and_nobody_elses(place: Place) -> None:
    async with place.working():
        script = f"x = d.large(size={INLINE_BYTES * 2})\nanswer(len(x))\n"
        run = (await place.runs.submit(Submission(script=script))).id
        await place.ended(run)
        other = (await place.runs.submit(Submission(script=ANSWER, principal=EVE))).id
        artifacts = [r.event.artifact for r in await place.journal.read(run) if isinstance(r.event, CallFinished)]
        (artifact,) = [a for a in artifacts if a is not None]
        assert len(await place.runs.artifact(run, artifact.hash, LOCAL)) == artifact.size
        with pytest.raises(UnknownArtifact):
            await place.runs.artifact(other, artifact.hash, EVE)


async def test_runs_at_once_do_not_mix(place: Place) -> None:
    async with place.working():
        scripts = [f"xs = [d.write(x={i} + j) for j in range(3)]\nanswer(sum(xs))\n" for i in range(12)]
        answers = await asyncio.gather(*(place.done(s) for s in scripts))
    assert answers == [3 * i + 3 for i in range(12)]
