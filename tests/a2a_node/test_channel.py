"""Channels: a run is folded once for all who listen, each at its own pace; nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from a2a_node import channel
from a2a_node.channel import Told
from a2a_node.opened import Opened
from a2a_node.telling import Audience, Telling
from executor.events import Recorded
from executor.submission import Principal, Submission
from planner.budget import Budget
from tests.a2a_node.node import BOUND_S, Node, node

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANN = Principal(id="ann")
EXTENDED = Audience(extended=True)
ITEMS = 200
MANY = f'found = [text.similarity(a=f"{{i}}", b="1") for i in range({ITEMS})]\nanswer(len(found))'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idle(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node that carries runs on only where a test has it do so."""
    home: Path = tmp_path_factory.mktemp("node")
    async with node(home, worker=False) as made:
        yield made


async def submitted(here: Node, script: str = MANY) -> str:
    room = Budget(calls=1000, calls_per_step=1000, fan_out=1000)
    return (await here.house.runs.submit(Submission(script=script, principal=ANN, budget=room))).id


async def heard(opened: Opened, run: str, audience: Audience = EXTENDED, **more: Any) -> list[Any]:
    async with asyncio.timeout(BOUND_S):
        return [update async for update in opened.stream(run, audience, **more)][1:]


async def test_a_run_is_folded_once_however_many_listen(idle: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Recorded] = []
    take = Telling.take
    monkeypatch.setattr(Telling, "take", lambda self, record: taken.append(record) or take(self, record))
    run, opened = await submitted(idle), Opened(idle.house)
    streams = [asyncio.create_task(heard(opened, run)) for _ in range(20)]
    async with idle.house.engine():
        tales = await asyncio.gather(*streams)
    assert all(tale == tales[0] for tale in tales)
    assert [r.seq for r in taken] == list(range(2, taken[-1].seq + 1))


async def test_whoever_goes_on_after_an_event_hears_what_those_heard_who_were_there(idle: Node) -> None:
    run, opened = await submitted(idle), Opened(idle.house)
    there = asyncio.create_task(heard(opened, run))
    async with idle.house.engine():
        whole = await there
    assert len(whole) > ITEMS
    last = (await idle.house.runs.record(run, ANN)).seq
    for seq in (1, last // 2, last - 1):
        later = await heard(opened, run, until=seq)
        assert later == whole[len(whole) - len(later) :]
    assert await heard(opened, run, until=1) == whole


async def test_a_listener_that_does_not_take_what_it_is_told_holds_up_nobody_and_is_kept_nothing_for(
    idle: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_KEPT", 8)
    run, opened = await submitted(idle), Opened(idle.house)
    slow = opened.stream(run, EXTENDED)
    await anext(slow)  # the task
    quick = asyncio.create_task(heard(opened, run))
    async with idle.house.engine():
        begun = [await anext(slow)]
        tale = await quick
    gc.collect()
    assert sum(isinstance(o, Told) for o in gc.get_objects()) <= 8 + 64  # what is kept, and what it had taken in its turn
    assert begun + [update async for update in slow] == tale
