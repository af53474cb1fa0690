"""A wall clock that is set, forwards or backwards, in the middle of a run: no ceiling, wait or order hangs on it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from bench import NOW, PLENTY, Bench, answer_of

from executor.events import CallStarted, QuestionAnswered, RunEnded
from executor.tool import ToolContext, tool
from executor.toolset import Toolset

DAYS = [timedelta(days=400), timedelta(days=-400)]
MINUTE = PLENTY.model_copy(update={"seconds": 60.0})
SCRIPT = (
    'a = t.tick(n=1)\nb = t.tick(n=a)\nc = ask_user("How many?", returns=int)\nd = t.tick(n=c)\nanswer([a, b, d, today()])\n'
)


class Tower:
    """A clock that its own tool sets."""

    def __init__(self, jump: timedelta) -> None:
        self.now = NOW
        self.jump = jump
        self.happened: set[str] = set()
        self.calls = 0

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    @tool(effect="read")
    async def tick(self, n: int) -> int:
        """Somebody sets the clock meanwhile."""
        self.now += self.jump
        return n

    def told(self, key: str) -> bool:
        """Whether it was rung."""
        return key in self.happened

    @tool(effect="write", probe=told, timeout_s=20.0)
    async def ring(self, n: int, context: ToolContext) -> int:
        """Ring."""
        self.calls += 1
        self.happened.add(context.key)
        return n


@pytest.mark.parametrize("jump", DAYS)
async def test_a_clock_that_jumps_in_mid_run_meets_no_ceiling_and_changes_nothing(jump: timedelta) -> None:
    tower = Tower(jump)
    bench = Bench(Toolset.of("t", tower), now=tower, budget=MINUTE, answers=None)
    run = await bench.run(SCRIPT)
    assert run.status == "waiting"
    assert 0 < run.seconds < 30
    bench.answers = lambda q: QuestionAnswered(question=q.id, answer=7, by="ann")
    run = await bench.carry_on(run.id)
    assert answer_of(run) == [1, 1, 7, "2026-11-22"]
    assert 0 < run.seconds < 30
    assert [r.seq for r in await bench.events(run.id)] == list(range(1, run.seq + 1))


async def test_what_a_segment_took_is_measured_and_not_read_from_the_clock() -> None:
    tower = Tower(timedelta(hours=3))
    bench = Bench(Toolset.of("t", tower), now=tower)
    run = await bench.run("a = t.tick(n=1)\nanswer(a)\n")
    ended = (await bench.events(run.id))[-1].event
    assert isinstance(ended, RunEnded)
    assert ended.seconds == run.seconds
    assert run.seconds < 30


@pytest.mark.parametrize(("jump", "waits"), [(DAYS[0], []), (DAYS[1], [25.0])])
async def test_a_claim_is_waited_for_no_longer_than_it_can_last_whatever_the_clock_says(
    jump: timedelta, waits: list[float]
) -> None:
    """Its owner died in the call; before the next one looks, somebody has set the clock."""
    tower, slept = Tower(timedelta(0)), list[float]()
    bench = Bench(Toolset.of("t", tower), now=tower)
    events = await bench.events((await bench.run("a = t.ring(n=1)\nanswer(1)\n")).id)
    cut = next(i for i, r in enumerate(events) if isinstance(r.event, CallStarted))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    tower.now += jump
    bench.sleep = sleep
    run = await bench.carry_on(await bench.restore(events[: cut + 1]))
    assert answer_of(run) == 1
    assert slept == waits
    assert tower.calls == 1
