"""Whatever plans are kept, a goal takes one whose form it has to the letter, and every such one is found."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.events import PlanVerified
from executor.kept import Kept, MemoryKept
from planner.template import plain
from tests.executor.proofs import few, many
from tests.planner.test_template import ANN, attacked, changed, kept, made

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Known = list[tuple[str, str]]


async def taken(known: Known, goal: str) -> tuple[list[Kept], list[Kept]]:
    """What the store finds for the goal and the goal has the form of; and all that it has the form of."""
    store = MemoryKept()
    for number, (each, script) in enumerate(known):
        template, values = made(each, script)
        event = PlanVerified(plan=template.id, values=values, template=template)
        for _ in range(number + 1):
            store.count(event, NOW)
    found = await store.like(ANN, goal, runs=1)
    return [k for k in found if k.match(goal) is not None], [k for k in await store.find(ANN) if k.match(goal) is not None]


def holds(known: Known, goal: str) -> None:
    found, every = asyncio.run(taken(known, goal))
    assert sorted(k.id for k in found) == sorted(k.id for k in every)
    assert [k.runs for k in found] == sorted((k.runs for k in found), reverse=True)
    for one in found:
        values = one.match(goal)
        assert values is not None
        assert one.template.filled(values) == plain(goal)


GOALS = st.one_of(changed(), attacked())


@few(60)
@given(st.lists(kept(), max_size=4), GOALS)
def test_a_goal_finds_every_plan_that_has_its_form_and_no_other(others: Known, both: tuple[tuple[str, str], str]) -> None:
    holds([*others, both[0]], both[1])


@pytest.mark.proof
@many(2)
@given(st.lists(kept(), max_size=8), GOALS)
def test_many_goals_find_every_plan_that_has_their_form_and_no_other(
    others: Known, both: tuple[tuple[str, str], str]
) -> None:  # fmt: skip
    holds([*others, both[0]], both[1])
