"""What a journal's database holds of learned shapes: added to by any process, over every implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_contract import BOUND_S, NOON

from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal
from executor.shapes import ShapeKey, key_of
from planner.learned import observed
from planner.toolspec import ToolSpec

TOOL = ToolSpec(name="far.get", description="d", input_schema={"type": "object"})
KEY = ShapeKey("far.get", "c1")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journals(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Journal]]:
    """One, or two over the same database."""
    if request.param == "memory":
        yield [MemoryJournal(clock=lambda: NOON)] * 2
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url, clock=lambda: NOON) as one, await SqlJournal.open(url) as other:
            yield [one, other]


async def test_what_processes_see_at_the_same_time_adds_up(journals: list[Journal]) -> None:
    looks = [observed({"id": n, "name": "x"}, TOOL) for n in range(20)]
    async with asyncio.timeout(BOUND_S):
        await asyncio.gather(*(journals[n % 2].shapes.learn(KEY, look) for n, look in enumerate(looks)))
    known = (await journals[0].shapes.read([KEY]))[KEY]
    assert (known.seen.calls, known.words) == (20, "{id: int, name: str}")


async def test_a_version_is_what_is_shown_and_grows_when_that_changes(journals: list[Journal]) -> None:
    shapes, versions = journals[0].shapes, []
    for result in [{"a": 1}] * 5 + [{"a": None}, {"a": 1}]:
        await shapes.learn(KEY, observed(result, TOOL))
        versions.append((await shapes.read([KEY]))[KEY].version)
    assert versions == [0, 0, 1, 1, 1, 2, 2]


async def test_each_version_of_a_tool_is_learned_apart(journals: list[Journal]) -> None:
    shapes, later = journals[0].shapes, ShapeKey("far.get", "c2")
    await shapes.learn(KEY, observed({"a": 1}, TOOL))
    await shapes.learn(later, observed("text", TOOL))
    found = await shapes.read([KEY, later, ShapeKey("near.get", "c1")])
    assert {key: known.seen.kinds for key, known in found.items()} == {KEY: ("object",), later: ("string",)}
    assert await shapes.read([]) == {}


def test_a_tool_with_another_schema_or_other_trust_is_another_version_and_one_with_a_schema_is_none() -> None:
    others = [{"input_schema": {"type": "object", "properties": {}}}, {"labels": {"": "trusted"}}, {"output_schema": {}}]
    keys = {key_of(TOOL), *(key_of(TOOL.model_copy(update=other)) for other in others)}
    assert len(keys) == 4
    assert key_of(TOOL.model_copy(update={"timeout_s": 1.0, "description": "e"})) == key_of(TOOL)
    assert key_of(TOOL.model_copy(update={"output_schema": {"type": "string"}})) is None
