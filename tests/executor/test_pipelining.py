"""Item i of a map over a map starts when item i of its source is done, if it uses only that; anything else waits for all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench import BOUND_S, Bench, answer_of

from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset


class Doors:
    """Tools whose every call waits until its door is opened, and which say who has come."""

    def __init__(self) -> None:
        self.opened: defaultdict[tuple[str, int], asyncio.Event] = defaultdict(asyncio.Event)
        self.came: defaultdict[tuple[str, int], asyncio.Event] = defaultdict(asyncio.Event)
        self.held: set[tuple[str, int]] = set()

    async def pass_by(self, name: str, x: int) -> int:
        self.came[name, x].set()
        if (name, x) in self.held:
            await self.opened[name, x].wait()
        return x

    @tool(effect="read")
    async def first(self, x: int) -> int:
        """The first stage."""
        return await self.pass_by("first", x)

    @tool(effect="read")
    async def second(self, x: int) -> int:
        """The second stage."""
        return await self.pass_by("second", x)

    @tool(effect="read")
    async def fetch(self, x: int) -> int:
        """Another first stage."""
        return await self.pass_by("fetch", x)

    @tool(effect="write")
    async def write(self, x: int) -> int:
        """An effect."""
        return await self.pass_by("write", x)


@asynccontextmanager
async def while_item_1_hangs(script: str, *hang: tuple[str, int]) -> AsyncIterator[Doors]:
    """A run of the script where some calls hang; they go on, and the run ends well, when the test is through."""
    doors = Doors()
    doors.held.update(hang or {("first", 1)})
    bench = Bench(Toolset.of("d", doors) | Toolset.of("e", doors))
    run: asyncio.Task[Run] = asyncio.create_task(bench.run(script))
    try:
        yield doors
    finally:
        for door in doors.held:
            doors.opened[door].set()
        async with asyncio.timeout(BOUND_S):
            answer_of(await run)


async def comes(doors: Doors, name: str, x: int) -> None:
    async with asyncio.timeout(BOUND_S):
        await doors.came[name, x].wait()


STREAMS = {
    "a map over a map": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for x in xs]""",
    "through a filter": """
        xs = [d.first(x=i) for i in range(3)]
        even = [x for x in xs if x % 2 == 0]
        ys = [d.second(x=x) for x in even]""",
    "through two filters and a change": """
        most = 9
        xs = [d.first(x=i) for i in range(3)]
        even = [x for x in xs if x % 2 == 0]
        more = [x + 10 for x in even if x < most]
        ys = [d.second(x=x - 10) for x in more]""",
    "through a zip of two maps over one list": """
        ids = [0, 1, 2]
        xs = [d.first(x=i) for i in ids]
        zs = [d.fetch(x=i) for i in ids]
        ys = [d.second(x=x + z - x) for x, z in zip(xs, zs)]""",
    "a chain of two calls in one body": """
        ys = [d.second(x=d.first(x=i)) for i in range(3)]""",
    "a chain of three calls in one body": """
        ys = [d.second(x=d.fetch(x=d.first(x=i))) for i in range(3)]""",
    "a filter that calls": """
        ys = [d.second(x=i) for i in range(3) if d.first(x=i) < 5]""",
    "a map with a filter over a map": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for x in xs if x != 1]""",
    "under the same if": """
        n = d.fetch(x=3)
        if n > 1:
            xs = [d.first(x=i) for i in range(3)]
            ys = [d.second(x=x) for x in xs]""",
    "an effect over reads of another namespace": """
        xs = [e.first(x=i) for i in range(3)]
        ys = [d.write(x=x) for x in xs]
        zs = [e.second(x=y) for y in ys]""",
}


def script(lines: str) -> str:
    return "\n".join(line[8:] for line in lines.strip("\n").splitlines()) + "\nanswer(1)\n"


@pytest.mark.parametrize("case", list(STREAMS))
async def test_an_item_goes_on_while_another_item_of_its_source_hangs(case: str) -> None:
    async with while_item_1_hangs(script(STREAMS[case])) as doors:
        await comes(doors, "second", 0)
        await comes(doors, "second", 2)
        assert not doors.opened["first", 1].is_set()
        assert not doors.came["second", 1].is_set()


WHOLES = {
    "the list's length": """
        xs = [d.first(x=i) for i in range(3)]
        n = len(xs)
        ys = [d.second(x=i) for i in range(n)]""",
    "the list itself beside the element": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x + len(xs)) for x in xs]""",
    "a slice": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for x in xs[:2]]""",
    "a sorted list": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for x in sorted(xs)]""",
    "enumerate": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for i, x in enumerate(xs)]""",
    "a zip of lists that were filtered apart": """
        xs = [d.first(x=i) for i in range(3)]
        zs = [d.fetch(x=i) for i in [4, 5, 6]]
        ys = [d.second(x=x) for x, z in zip([x for x in xs if x != 1], zs)]""",
    "two fors": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.second(x=x) for x in xs for i in [1]]""",
    "an effect after a read of its own namespace": """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.write(x=x) for x in xs]
        zs = [e.second(x=y) for y in ys]""",
    "an element of the list": """
        xs = [d.first(x=i) for i in range(3)]
        y = d.second(x=xs[0])""",
}


@pytest.mark.parametrize("case", list(WHOLES))
async def test_any_other_use_waits_for_the_whole_list(case: str) -> None:
    probe = "\nps = [e.fetch(x=x + 50) for x in xs]\n"  # goes on item by item, and tells that the others are done
    async with while_item_1_hangs(script(WHOLES[case]).replace("\nanswer", probe + "answer")) as doors:
        await comes(doors, "fetch", 50)
        await comes(doors, "fetch", 52)
        later = [name for name, _ in doors.came if name in ("second", "write")]
        assert not later
    assert any(name == "second" for name, _ in doors.came)


async def test_a_slot_that_is_filtered_out_at_once_holds_nothing_up() -> None:
    lines = """
        xs = [d.first(x=i) for i in range(3)]
        ys = [d.fetch(x=x) for x in xs]
        zs = [d.second(x=x + y - y) for x, y in zip(xs, ys)]"""
    async with while_item_1_hangs(script(lines), ("fetch", 1)) as doors:
        await comes(doors, "second", 0)
        await comes(doors, "second", 2)
        assert not doors.came["second", 1].is_set()


async def test_calls_of_one_body_are_numbered_alike_where_one_of_them_needs_the_whole_list() -> None:
    """The list is shorter than the slots that it was made from."""
    xs = "xs = [d.first(x=i) for i in range(4) if i % 2]\n"
    for body in ("e.second(x=d.fetch(x=x + len(xs)) - len(xs))", "e.second(x=d.fetch(x=x) + len(xs) - len(xs))"):
        bench = Bench(Toolset.of("d", Doors()) | Toolset.of("e", Doors()))
        assert answer_of(await bench.run(f"{xs}ys = [{body} for x in xs]\nanswer(ys)\n")) == [1, 3]
