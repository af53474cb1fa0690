"""What `expect` and `approve` hold back while nothing is decided, and what goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench import BOUND_S, Bench

from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.worst import ModelTerms


class Street:
    """A slow look, and everything that may or may not go on meanwhile; `came` are the calls so far."""

    def __init__(self, *, good: bool) -> None:
        self.good = good
        self.go = asyncio.Event()
        self.came: list[str] = []
        self.changed = asyncio.Condition()

    async def comes(self, name: str) -> None:
        async with self.changed:
            self.came.append(name)
            self.changed.notify_all()

    async def has_come(self, name: str) -> None:
        async with self.changed, asyncio.timeout(BOUND_S):
            await self.changed.wait_for(lambda: name in self.came)

    @tool(effect="read")
    async def slow(self) -> dict[str, bool]:
        """Whether all is well, after a while."""
        await self.comes("slow")
        await self.go.wait()
        return {"good": self.good}

    @tool(effect="read")
    async def near(self, x: int = 0) -> int:
        """A read within the house."""
        await self.comes(f"near {x}")
        return x

    @tool(effect="read", open_world=True)
    async def far(self) -> int:
        """A read that leaves the house."""
        await self.comes("far")
        return 1

    @tool(effect="write", commutes=True)
    async def write(self) -> int:
        """An effect, even one whose order does not matter."""
        await self.comes("write")
        return 1


@asynccontextmanager
async def while_undecided(script: str, *, good: bool) -> AsyncIterator[tuple[Street, asyncio.Task[Run]]]:
    """A run whose slow look has begun, and whose reads that nothing holds back have come."""
    street = Street(good=good)

    def reply(request: ModelRequest) -> str:
        street.came.append("model")
        return "a text"

    models = Models(executor=Role(ScriptedModel(reply), ModelTerms(model="small")))
    toolset = Toolset.of("s", street) | Toolset.of("n", street)
    bench = Bench(toolset, models, answers=None)
    run = asyncio.create_task(bench.run(script))
    try:
        await street.has_come("slow")
        await street.has_come("near 2")
        yield street, run
    finally:
        street.go.set()
        async with asyncio.timeout(BOUND_S):
            await run


# near 1 and near 2 are a chain, so that when near 2 comes the loop has been round since everything else could start
SCRIPT = """\
w = s.slow()
expect(w.good, "all is well")
a = n.near(x=1)
b = n.near(x=a + 1)
{held}
answer(1)
"""
HELD = {
    "write": "s2 = n.write()",
    "far": "f = n.far()",
    "model": 'm = ask("Say.")',
    "near 5": "h = n.near(x=5 if w.good else 6)",
}


@pytest.mark.parametrize("what", list(HELD))
async def test_an_expectation_holds_back_what_comes_after_it_until_it_is_met(what: str) -> None:
    async with while_undecided(SCRIPT.format(held=HELD[what]), good=True) as (street, _):
        assert what not in street.came
    assert what in street.came


@pytest.mark.parametrize("what", list(HELD))
async def test_what_a_failed_expectation_holds_back_never_happens(what: str) -> None:
    async with while_undecided(SCRIPT.format(held=HELD[what]), good=False) as (street, run):
        pass
    assert what not in street.came
    assert [s.kind for s in run.result().surprises] == ["expect"]


async def test_a_person_is_not_asked_before_the_expectation_is_met() -> None:
    async with while_undecided(SCRIPT.format(held='q = ask_user("Q?")'), good=False) as (_, run):
        pass
    assert run.result().questions == {}


async def test_a_failed_expectation_outranks_the_error_that_follows_from_the_same_cause() -> None:
    script = 'w = s.slow()\nb = n.near(x=2)\nx = [1][7 if w.good else 0]\nexpect(not w.good, "it is not well")\nanswer(x)\n'
    async with while_undecided(script, good=True) as (_, run):
        pass
    assert [(s.kind, s.message) for s in run.result().surprises] == [("expect", "it is not well")]


async def test_an_approval_holds_back_effects_alone() -> None:
    script = 'w = s.slow()\napprove("go on?")\na = n.near(x=1)\nb = n.near(x=a + 1)\nf = n.far()\nx = n.write()\nanswer(x)\n'
    async with while_undecided(script, good=True) as (street, run):
        await street.has_come("far")
        assert "write" not in street.came
        assert run.done() is False
    assert run.result().status == "waiting"
    assert "write" not in street.came
