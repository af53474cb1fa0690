"""A delegated step whose process dies at any of its writes: its next owner goes on with the one task that there is."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from executor.agent_tools.agent import Agent, AgentSettings, Pins
from executor.agent_tools.tools import agent_tools
from executor.events import Event, QuestionAnswered
from executor.journal.memory import MemoryJournal
from executor.run import Run, is_over
from executor.submission import Principal
from executor.toolset import Toolset
from tests.a2a_node.node import node
from tests.executor.agent_tools.agent_host import hosted
from tests.executor.bench import BOUND_S, Bench

SCRIPT = 'a = delegate("other", "ask whom")\nanswer(a)\n'
PLAYBOOK = '---\ngoal: ask whom\n---\nwho = ask_user("Which city?", returns=str)\nanswer("heard " + who)\n'
FEW = (4, 5)  # of the writes
ALL = tuple(range(1, 16))


class Died(BaseException):
    """The process is killed."""


class Dying(MemoryJournal):
    """A journal whose process dies at one of its writes, before it stands there or after it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.last, self.written, self.died = 0, 0, True, False

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        self.writes += 1
        dies = self.writes == self.last
        self.died = self.died or dies
        if dies and not self.written:
            raise Died
        seq = await super().append(run, events, **more)
        if dies:
            raise Died
        return seq


class World:
    """An agent, and how many tasks it has."""

    def __init__(self, url: str, tasks: Any) -> None:
        self.url, self.tasks = url, tasks

    def toolset(self, home: Path) -> Toolset:
        agent = Agent("other", AgentSettings(url=self.url, timeout_s=20), Pins(home).read("other"))
        return agent_tools([agent], Pins(home), secrets={}.get)


@asynccontextmanager
async def planrail(home: Path) -> AsyncIterator[World]:
    (home / "playbooks").mkdir(parents=True)
    (home / "playbooks" / "asks.plan").write_text(PLAYBOOK)
    async with node(home) as served:

        async def tasks() -> int:
            return len(await served.house.journal.find(principal=Principal().id, limit=1_000))

        yield World(served.url, tasks)


@asynccontextmanager
async def another(home: Path) -> AsyncIterator[World]:
    async with hosted() as host:

        async def tasks() -> int:
            return len(await host.tasks())

        yield World(host.url, tasks)


AGENTS = {"planrail": planrail, "the SDK's own": another}


async def killed(world: World, home: Path, at: int, number: int, *, written: bool) -> tuple[Run, bool]:
    """A run that dies at that write, as often as an owner comes; the next one has a life of its own."""
    journal = Dying()
    journal.last, journal.written = at, written

    def person(question: Any) -> QuestionAnswered:
        return QuestionAnswered(question=question.id, answer="Austin" if question.kind == "ask_user" else True, by="ann")

    bench = Bench(world.toolset(home), journal=journal, answers=person, _ids=itertools.count(number))
    run = await bench.submit(SCRIPT)
    async with asyncio.timeout(BOUND_S):
        for _ in range(3):
            try:
                return await bench.carry_on(run), journal.died
            except Died:
                bench = Bench(world.toolset(home), journal=journal, answers=person)
    raise AssertionError("it dies once")


async def once_at_each(agent: str, home: Path, writes: Sequence[int]) -> None:
    numbers = itertools.count(1)
    async with AGENTS[agent](home / "agent") as world:
        for at, written in itertools.product(writes, (True, False)):
            before = await world.tasks()
            run, died = await killed(world, home / "pins", at, next(numbers), written=written)
            assert is_over(run.status), (at, written)
            assert run.ended is not None
            assert (run.ended.status, run.ended.answer) == ("done", "heard Austin"), (at, written, run.ended)
            assert await world.tasks() == before + 1, (at, written)
            assert died or at > 8, at


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_delegated_step_that_dies_is_gone_on_with_and_begun_once(agent: str, tmp_path: Path) -> None:
    await once_at_each(agent, tmp_path, FEW)


@pytest.mark.proof
@pytest.mark.parametrize("agent", AGENTS)
async def test_wherever_a_delegated_step_dies_it_is_gone_on_with_and_begun_once(agent: str, tmp_path: Path) -> None:
    await once_at_each(agent, tmp_path, ALL)
