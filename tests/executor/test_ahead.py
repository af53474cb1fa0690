"""Ahead: reads start while the plan is still being written, only those that may, and the plan takes what they gave."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from bench import BOUND_S, PLENTY, Bench, answer_of
from dripping import Dripping, Pour

from executor.early_reads import AHEAD
from executor.events import CallFinished, CallStarted, CancelRequested, Event, PlanCertified, RunEnded
from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.llm.port import Restarted
from planner.models import Models, Role
from planner.worst import ModelTerms

ROOM = PLENTY.model_copy(update={"reserve": 0.5, "parallel": 4, "replans": 0})


@dataclass
class Town:
    """What the tools do, and when: a call of a name in `held` ends when the test lets it."""

    calls: list[str] = field(default_factory=list)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: dict[str, asyncio.Event] = field(default_factory=dict)
    now: int = 0  # at once
    most: int = 0

    def started(self, call: str) -> asyncio.Event:
        """Is set when such a call begins."""
        return self.begun.setdefault(call, asyncio.Event())

    async def _call(self, call: str) -> None:
        self.calls.append(call)
        self.started(call).set()
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if call in self.held:
                await self.held[call].wait()
        finally:
            self.now -= 1

    @tool(effect="read")
    async def look(self, x: int) -> int:
        """One more than that."""
        await self._call(f"look {x}")
        return x + 1

    @tool(effect="read", not_found=True)
    async def find(self, x: int) -> int | ToolFailed:
        """It, if it is there."""
        await self._call(f"find {x}")
        return x if x % 2 else ToolFailed(f"no {x}", "not_found")

    @tool(effect="read", retries=0)
    async def shaky(self, x: int) -> int | ToolFailed:
        """Fails the first time."""
        await self._call(f"shaky {x}")
        return x if self.calls.count(f"shaky {x}") > 1 else ToolFailed("try later", "transient")

    @tool(effect="read", open_world=True)
    async def fetch(self, x: int) -> int:
        """From outside."""
        await self._call(f"fetch {x}")
        return x

    @tool(effect="read", usd=0.01)
    async def buy(self, x: int) -> int:
        """What costs something."""
        await self._call(f"buy {x}")
        return x

    @tool(effect="write")
    async def put(self, x: int) -> int:
        """Change the world."""
        await self._call(f"put {x}")
        return x

    @tool(effect="read")
    async def secretly(self, x: int, word: str) -> int:
        """With a secret."""
        await self._call(f"secretly {x}")
        return x


def bench_of(town: Town, model: Dripping) -> Bench:
    terms = ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=4_000)
    return Bench(
        Toolset.of("t", town), Models(planner=Role(model, terms)), secrets={"word": "hush"}, budget=ROOM
    )  # fmt: skip


async def planned(
    town: Town, *replies: Sequence[Pour], budget: Budget = ROOM, read_ahead: bool = True
) -> tuple[Run, list[Event]]:
    bench = bench_of(town, Dripping(*replies))
    bench.read_ahead = read_ahead
    run = await bench.run(goal="Do it", budget=budget)
    return run, [r.event for r in await bench.events(run.id)]


def early(events: Sequence[Event]) -> list[str]:
    """The calls that began before there was a plan."""
    before = events[: next((i for i, e in enumerate(events) if isinstance(e, PlanCertified)), len(events))]
    return [f"{e.call.removeprefix('t.')} {e.arguments['x']}" for e in before if isinstance(e, CallStarted)]


def how(events: Sequence[Event]) -> dict[str, str]:
    """By step, how its value came."""
    return {e.step: e.how for e in events if isinstance(e, CallFinished) and e.step != AHEAD}


# -- when reads start


async def test_a_read_starts_before_the_last_line_is_there_and_its_result_is_taken() -> None:
    town = Town()
    run, events = await planned(town, ["a = t.look(x=1)\n", town.started("look 1"), "answer(a)\n"])
    assert answer_of(run) == 2
    assert town.calls == ["look 1"]
    assert how(events)["a"] == "ahead"
    assert run.tool_calls == 1


async def test_what_stands_on_an_early_read_is_read_early_too() -> None:
    town = Town()
    script = ["a = t.look(x=1)\nbs = [t.look(x=a + i) for i in range(3)]\n", town.started("look 4"), "answer(sum(bs))\n"]
    run, events = await planned(town, script)
    assert answer_of(run) == 3 + 4 + 5
    assert sorted(town.calls) == ["look 1", "look 2", "look 3", "look 4"]
    assert early(events) == ["look 1", "look 2", "look 3", "look 4"]


async def test_guards_and_expectations_hold_for_early_reads() -> None:
    town = Town()
    lines = (
        "a = t.look(x=1)\n"
        "if a > 5:\n    b = t.look(x=50)\nelse:\n    b = t.look(x=60)\n"
        'expect(a > 5, "too few")\nc = t.look(x=a + 70)\n'
    )
    run, _ = await planned(town, [lines, "d = t.look(x=80)\n", town.started("look 60"), "answer([b, c, d])\n"])
    assert run.status == "failed"
    assert "look 50" not in town.calls
    assert "look 72" not in town.calls


@pytest.mark.parametrize(
    "line",
    [
        "x = t.fetch(x=2)", "x = t.buy(x=2)", "x = t.put(x=2)", 'x = t.secretly(x=2, word=secret("word"))',
        "x = t.put(x=1)\ny = t.look(x=2)", 'wait("1s")\ny = t.look(x=2)', 'approve("it")\nx = t.put(x=2)',
        'q = ask_user("which?", returns=int)\ny = t.look(x=q)',
        "y = t.look(x=t.fetch(x=2))", "x = poll(t.look(x=2), until=lambda v: v > 0)",
    ],
)  # fmt: skip
async def test_nothing_starts_early_but_free_closed_reads_in_their_order(line: str) -> None:
    town = Town()
    _, events = await planned(town, ["a = t.look(x=9)\n", f"{line}\n", town.started("look 9"), "answer(1)\n"])
    assert early(events) == ["look 9"]


async def test_a_script_in_a_fence_is_read_early_and_words_around_it_are_not() -> None:
    town = Town()
    script = ["Here you are:\n```py", "thon\na = t.look(x=1)\n", town.started("look 1"), "answer(a)\n``", "`\nt.look(x=7)\n"]
    run, _ = await planned(town, script)
    assert answer_of(run) == 2
    assert town.calls == ["look 1"]


async def test_a_reply_that_begins_again_takes_what_the_first_beginning_had_read() -> None:
    town = Town()
    begun = ["a = t.look(x=1)\nb = t.look(x=5)\n", town.started("look 5"), Restarted(reason="broken off")]
    run, _ = await planned(town, [*begun, "b = t.look(x=5)\nc = t.look(x=b)\n", town.started("look 6"), "answer(c)\n"])
    assert answer_of(run) == 7
    assert sorted(town.calls) == ["look 1", "look 5", "look 6"]


async def test_reading_ahead_can_be_turned_off() -> None:
    town = Town()
    run, events = await planned(town, ["a = t.look(x=1)\n", "answer(a)\n"], read_ahead=False)
    assert answer_of(run) == 2
    assert early(events) == []


# -- what becomes of them


async def test_a_read_in_flight_is_waited_for_and_not_made_again() -> None:
    town = Town(held={"look 1": asyncio.Event()})
    bench = bench_of(town, Dripping(["a = t.look(x=1)\nb = t.fetch(x=3)\n", town.started("look 1"), "answer(a)\n"]))
    run = await bench.submit(goal="Do it")
    going = asyncio.create_task(bench.carry_on(run))
    async with asyncio.timeout(BOUND_S):
        await town.started("fetch 3").wait()  # the plan runs
        town.held["look 1"].set()
        assert answer_of(await going) == 2
    assert town.calls.count("look 1") == 1


async def test_a_refused_plan_leaves_its_reads_to_the_repaired_one() -> None:
    town = Town()
    bad = ["a = t.look(x=1)\nz = t.look(x=30)\n", town.started("look 30"), "b = t.gone(x=a)\nanswer(b)\n"]
    run, events = await planned(town, bad, ["first_one = t.look(x=1)\nb = t.look(x=first_one)\nanswer(b)\n"])
    assert answer_of(run) == 3
    assert Counter(town.calls) == {"look 1": 1, "look 2": 1, "look 30": 1}
    assert how(events)["first_one"] == "ahead"
    assert run.tool_calls == 3


ONE_EARLY = ROOM.model_copy(update={"calls": 4, "reserve": 0.25})


@pytest.mark.parametrize("others", ["b = t.look(x=1)\nc = t.look(x=1)\n", "b = t.look(x=1 + a * 0)\nc = t.look(x=1 + b * 0)\n"])
async def test_a_read_is_taken_once_however_many_calls_are_equal_to_it(others: str) -> None:
    town = Town()
    script = ["a = t.look(x=1)\n", town.started("look 1"), others, "answer([a, b, c])\n"]
    run, events = await planned(town, script, budget=ONE_EARLY)
    assert answer_of(run) == [2, 2, 2]
    assert early(events) == ["look 1"]
    assert town.calls == ["look 1"] * 3
    assert run.tool_calls == 3


async def test_what_was_read_before_a_crash_is_not_read_again_while_the_plan_is_written_anew() -> None:
    script = ["a = t.look(x=1)\nb = t.look(x=a)\n", 50, "answer(b)\n"]
    bench = bench_of(Town(), Dripping(script))
    events = await bench.events((await bench.run(goal="Do it")).id)
    cut = next(r.seq for r in events if isinstance(r.event, CallFinished) and r.event.step == AHEAD)
    town = Town()
    again = bench_of(town, Dripping(script))
    assert answer_of(await again.carry_on(await again.restore(events[:cut]))) == 3
    assert town.calls == ["look 2"]


async def test_what_an_effect_may_have_changed_is_read_again() -> None:
    town = Town()
    bad = ["a = t.look(x=1)\n", town.started("look 1"), "oops(\n"]
    run, _ = await planned(town, bad, ["p = t.put(x=1)\na = t.look(x=1)\nanswer(a)\n"])
    assert answer_of(run) == 2
    assert town.calls == ["look 1", "put 1", "look 1"]


async def test_what_is_not_found_early_is_the_default_of_an_attempt_and_its_own_otherwise() -> None:
    town = Town()
    lines = "a = attempt(t.find(x=2), default=-1)\nb = t.find(x=4, otherwise=-2)\n"
    run, events = await planned(town, [lines, town.started("find 4"), "answer([a, b])\n"])
    assert answer_of(run) == [-1, -2]
    assert sorted(town.calls) == ["find 2", "find 4"]
    assert (how(events)["a"], how(events)["b"]) == ("default", "otherwise")


async def test_a_read_that_may_succeed_now_is_made_again() -> None:
    town = Town()
    run, _ = await planned(town, ["a = t.shaky(x=1)\n", town.started("shaky 1"), "answer(a)\n"])
    assert answer_of(run) == 1
    assert town.calls == ["shaky 1", "shaky 1"]


async def test_large_results_are_taken_too() -> None:
    @tool(effect="read")
    async def much(x: int) -> list[str]:
        """A lot."""
        return ["word"] * 50_000

    model = Dripping(["a = t.much(x=1)\n", "b = len(a)\n", "answer(b)\n"])
    bench = bench_of(Town(), model)
    bench.toolset = Toolset.of("t", [much])
    run = await bench.run(goal="Do it")
    assert answer_of(run) == 50_000
    assert run.tool_calls == 1


# -- ceilings


async def test_early_reads_come_out_of_the_reserve() -> None:
    town = Town()
    budget = ROOM.model_copy(update={"calls": 8, "reserve": 0.25})
    lines = "".join(f"a{i} = t.look(x={i})\n" for i in range(6))
    run, events = await planned(town, [lines, town.started("look 1"), "answer(a5)\n"], budget=budget)
    assert answer_of(run) == 6
    assert early(events) == ["look 0", "look 1"]
    assert run.tool_calls == 6


async def test_no_more_are_in_flight_than_the_budget_allows_before_and_after_the_plan_is_there() -> None:
    town = Town(held={f"look {i}": asyncio.Event() for i in range(12)})
    budget = ROOM.model_copy(update={"parallel": 2})
    lines = "xs = [t.look(x=i) for i in range(12)]\n"
    bench = bench_of(town, Dripping([lines, town.started("look 1"), "answer(sum(xs))\n"]))
    run = await bench.submit(goal="Do it", budget=budget)
    going = asyncio.create_task(bench.carry_on(run))
    async with asyncio.timeout(BOUND_S):
        for i in range(12):
            await town.started(f"look {i}").wait()
            town.held[f"look {i}"].set()
        assert answer_of(await going) == sum(range(1, 13))
    assert town.most == 2
    assert len(town.calls) == 12


async def test_a_read_in_flight_holds_its_place_until_its_call_waits_for_it() -> None:
    town = Town(held={"look 2": asyncio.Event()})
    lines = "c = t.fetch(x=5)\na = t.look(x=1)\nb = t.look(x=a)\n"
    bench = bench_of(town, Dripping([lines, town.started("look 2"), "answer([a, b, c])\n"]))
    run = await bench.submit(goal="Do it", budget=ROOM.model_copy(update={"parallel": 1}))
    going = asyncio.create_task(bench.carry_on(run))
    async with asyncio.timeout(BOUND_S):
        for _ in range(500):  # turns of the loop, in which the plan is there and could go on
            await asyncio.sleep(0)
        assert (await bench.state(run)).certified is not None
        assert town.calls == ["look 1", "look 2"]
        town.held["look 2"].set()
        assert answer_of(await going) == [2, 3, 5]
    assert town.most == 1


async def test_a_cancel_stops_early_reads() -> None:
    town = Town(held={"look 1": asyncio.Event()})
    bench = bench_of(town, Dripping(["a = t.look(x=1)\n", asyncio.Event(), "answer(a)\n"]))
    run = await bench.submit(goal="Do it")
    nudge = asyncio.Event()
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    async with asyncio.timeout(BOUND_S):
        going = asyncio.create_task(bench.segments().advance(run, epoch, nudge))
        await town.started("look 1").wait()
        await bench.journal.append(run, [CancelRequested(by="ann")], epoch=None)
        nudge.set()
        await going
    events = [r.event for r in await bench.events(run)]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].status == "cancelled"
    assert town.now == 0
