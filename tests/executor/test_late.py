"""A call that was given up and ends after all: its result is a receipt, its cost counts once, and nothing is called again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from tests.rig import ANN, BOUND_S, Rig, answer_of, reason_of, rig


class Office:
    """Tools that go on although they are given up, until the test lets them end."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.came = asyncio.Event()
        self.go = threading.Event()
        self.calls = 0

    def _hold(self) -> int:
        self.calls += 1
        self.loop.call_soon_threadsafe(self.came.set)
        assert self.go.wait(BOUND_S)
        return self.calls

    @tool(effect="irreversible", usd=0.5)
    def send(self, to: str) -> dict[str, int]:
        """Send, in a thread."""
        return {"sent": self._hold()}

    @tool(effect="irreversible", usd=0.5, timeout_s=0.05)
    def slow(self, to: str) -> int:
        """Send, slowly."""
        return self._hold()

    @tool(effect="irreversible", usd=0.5)
    def fails(self, to: str) -> int | ToolFailed:
        """Send, in vain."""
        self._hold()
        return ToolFailed("It bounced.")

    @tool(effect="read", usd=0.5)
    def large(self, size: int) -> str:
        """A long text."""
        self._hold()
        return "x" * size

    @tool(effect="read", usd=0.25)
    def listed(self, cursor: str = "") -> dict[str, object]:
        """A page."""
        self._hold()
        return {"items": [1], "cursor": None}

    @tool(effect="irreversible", usd=0.5)
    async def stubborn(self, to: str) -> str:
        """Send, and will not be cancelled."""
        self.calls += 1
        self.came.set()
        while not self.go.is_set():
            try:
                await asyncio.to_thread(self.go.wait, BOUND_S)
            except asyncio.CancelledError:
                continue
        return "stubborn"


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    yield made
    made.go.set()


async def given_up(house: Rig, office: Office, script: str) -> str:
    """A run that was cancelled while its call was under way."""
    run = await house.submit(script)
    await office.came.wait()
    await house.runs.cancel(run, ANN)
    return run


async def receipt_comes(house: Rig, run: str) -> None:
    async for _ in house.journal.changes():
        if await house.journal.receipts(run):
            return


async def resumed(house: Rig, run: str) -> Run:
    await house.runs.resume(run, ANN)
    return await house.rests(run)


@pytest.mark.parametrize(
    ("call", "gives"),
    [('o.send(to="ann")', {"sent": 1}), ('o.stubborn(to="ann")', "stubborn"), ("o.large(size=100000)", "x" * 100_000)],
)
async def test_a_result_that_comes_after_a_cancel_is_adopted_and_nothing_is_called_again(
    tmp_path: Path, office: Office, call: str, gives: object
) -> None:
    async with rig(tmp_path, Toolset.of("o", office)) as house, house.engine(), asyncio.timeout(BOUND_S):
        run = await given_up(house, office, f"x = {call}\nanswer(x)\n")
        assert await house.journal.receipts(run) == []
        office.go.set()
        await receipt_comes(house, run)
        state = await resumed(house, run)
    assert answer_of(state) == gives
    assert office.calls == 1
    assert state.usage.usd == 0.5
    assert state.questions == {}
    finished = state.call("x").finished
    assert finished is not None
    assert finished.how == "receipt"


async def test_an_effect_that_timed_out_and_ends_after_all_is_in_doubt_no_more_and_is_paid_once(
    tmp_path: Path, office: Office
) -> None:
    async with rig(tmp_path, Toolset.of("o", office)) as house, house.engine(), asyncio.timeout(BOUND_S):
        run = await house.submit('x = o.slow(to="ann")\nanswer(x)\n')
        assert reason_of(await house.rests(run)) == "x: o.slow did not answer within 0.05 s."
        office.go.set()
        await receipt_comes(house, run)
        state = await resumed(house, run)
    assert answer_of(state) == 1
    assert (office.calls, state.usage.usd, state.questions) == (1, 0.5, {})


async def test_a_failure_that_comes_late_settles_nothing(tmp_path: Path, office: Office) -> None:
    async with rig(tmp_path, Toolset.of("o", office)) as house, house.engine(), asyncio.timeout(BOUND_S):
        run = await given_up(house, office, 'x = o.fails(to="ann")\nanswer(x)\n')
        office.go.set()
        state = await resumed(house, run)
        assert [q.kind for q in state.open_questions] == ["reconcile"]
        assert await house.journal.receipts(run) == []


async def test_a_page_that_comes_late_is_paid_for_and_is_not_taken_for_the_whole(tmp_path: Path, office: Office) -> None:
    async with rig(tmp_path, Toolset.of("o", office)) as house, house.engine(), asyncio.timeout(BOUND_S):
        run = await given_up(house, office, 'x = pages(o.listed(), cursor="cursor", items="items", limit=2)\nanswer(x)\n')
        office.go.set()
        await receipt_comes(house, run)
        state = await resumed(house, run)
    assert answer_of(state) == [1]
    assert (office.calls, state.usage.usd) == (2, 0.5)
