"""The line in front of a server: fair, without holes, and never more than allowed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.held import SOON_S, telling
from executor.line import Line, Window

BOUND_S = 60.0


class Hands:
    """Turns a clock on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@given(st.integers(1, 5), st.lists(st.floats(0, 50), max_size=40))
def test_no_stretch_of_a_minute_has_more_starts_than_allowed(most: int, gaps: list[float]) -> None:
    window, now, starts = Window(most), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += window.wait_s(now)
        window.count(now)
        starts.append(now)
    for first, later in zip(starts, starts[most:], strict=False):
        assert later - first >= 60.0 - 1e-9


async def test_calls_over_the_limit_of_a_minute_wait_in_their_order() -> None:
    hands = Hands()
    line, started = Line("big", a_minute=2, now=lambda: hands.now, sleep=hands.sleep), list[tuple[int, float]]()

    async def call(number: int) -> None:
        async with line.turn():
            started.append((number, hands.now))

    await asyncio.gather(*(call(n) for n in range(5)))
    assert started == [(0, 0), (1, 0), (2, 60), (3, 60), (4, 120)]


@pytest.mark.parametrize("given_up", [[1], [2], [1, 2], [1, 3]])
async def test_who_gives_up_in_the_line_leaves_no_hole_and_changes_no_order(given_up: list[int]) -> None:
    line, door, started = Line("crm", at_once=1), asyncio.Event(), list[int]()

    async def call(number: int) -> None:
        async with line.turn():
            started.append(number)
            await door.wait()

    calls = [asyncio.create_task(call(n)) for n in range(5)]
    await asyncio.sleep(0)
    for number in given_up:
        calls[number].cancel()
    await asyncio.wait([calls[n] for n in given_up])
    assert started == [0]
    door.set()
    async with asyncio.timeout(BOUND_S):
        await asyncio.gather(*calls, return_exceptions=True)
        async with line.turn():  # and all slots are free again
            pass
    assert started == [n for n in range(5) if n not in given_up]


async def test_who_gives_up_at_the_head_of_the_minute_takes_nothing_from_it() -> None:
    """The first one waits for the window; it is cancelled there, and the next one starts when the first would have."""
    asleep, wake, clock = asyncio.Event(), asyncio.Event(), [0.0]

    async def sleep(seconds: float) -> None:
        asleep.set()
        await wake.wait()
        clock[0] += seconds

    line = Line("big", a_minute=1, now=lambda: clock[0], sleep=sleep)
    async with line.turn():
        pass

    async def call() -> float:
        async with line.turn():
            return clock[0]

    first, second = asyncio.create_task(call()), asyncio.create_task(call())
    await asleep.wait()
    first.cancel()
    await asyncio.wait([first])
    wake.set()
    async with asyncio.timeout(BOUND_S):
        assert await second == 60.0


async def test_no_more_than_allowed_are_under_way_at_once() -> None:
    line, under_way, most = Line("crm", at_once=3), 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with line.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert most == 3


async def test_a_wait_that_lasts_is_told_and_a_short_one_is_not() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    line = Line("crm", at_once=1)

    async def call(door: asyncio.Event) -> None:
        with telling(told.put_nowait):
            async with line.turn():
                await door.wait()

    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    calls = [asyncio.create_task(call(first)), asyncio.create_task(call(second))]
    async with asyncio.timeout(SOON_S + BOUND_S):
        assert await told.get() == "waits for its turn at crm (at once: 1)"
        first.set()
        await asyncio.gather(*calls)
    assert told.empty()
