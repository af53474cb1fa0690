"""What a journal keeps of plans that ran well: counted with the events of a run, by owner, over every implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_contract import BOUND_S, NOON, create

from executor.errors import LostOwnership
from executor.events import PlanDoubted, PlanVerified, RunEnded
from executor.journal.memory import MemoryJournal
from executor.journal.plans import MOST
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal
from planner.slot import Slot
from planner.template import Owner, Template

ANN, BOB = Owner(principal="ann"), Owner(principal="bob")
DONE = RunEnded(status="done")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal(clock=lambda: NOON)
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url, clock=lambda: NOON) as opened:
            yield opened


def template(goal: str = "List leads in {city}", owner: Owner = ANN) -> Template:
    slots = (Slot(name="city", kind="name"),) if "{city}" in goal else ()
    return Template(owner=owner, goal=goal, script="answer(city)\n", slots=slots, tools={"t.find": "f"}, policy="p")


def verified(of: Template, city: str = "Austin", *, hit: bool = False) -> PlanVerified:
    return PlanVerified(plan=of.id, values={"city": city}, template=None if hit else of, tokens=0 if hit else 700)


async def ended(journal: Journal, run: str, event: PlanVerified | PlanDoubted) -> None:
    """A run that ends with the event."""
    await create(journal, run)
    epoch = await journal.take(run, "w")
    await journal.append(run, [event, DONE], epoch=epoch, status="done", release=True)


async def test_a_run_counts_with_the_events_that_end_it(journal: Journal) -> None:
    await ended(journal, "r1", verified(template()))
    await ended(journal, "r2", verified(template(), "Dallas"))
    await ended(journal, "r3", verified(template(), "Waco", hit=True))
    (kept,) = await journal.kept.like(ANN, "List leads in Houston", runs=3)
    assert (kept.runs, kept.hits, kept.tokens, kept.saved) == (3, 1, 700, 700)
    assert kept.tried == {"city": ("Austin", "Dallas")}
    assert kept.template == template()
    assert await journal.kept.like(ANN, "List leads in Houston", runs=4) == []


async def test_what_an_owner_may_not_write_counts_for_nothing(journal: Journal) -> None:
    await create(journal, "r")
    lost = await journal.take("r", "w")
    await journal.take("r", "v", dead=["w"])
    with pytest.raises(LostOwnership):
        await journal.append("r", [verified(template()), DONE], epoch=lost, status="done")
    seq = await journal.append("r", [verified(template()), DONE], epoch=None, status="done", only_if=["waiting"])
    assert (seq, await journal.kept.find(ANN)) == (None, [])


async def test_a_doubt_begins_the_count_anew_and_one_of_what_is_not_kept_makes_nothing(journal: Journal) -> None:
    await ended(journal, "r1", PlanDoubted(plan=template().id, reason="no"))
    assert await journal.kept.find(ANN) == []
    await ended(journal, "r2", verified(template()))
    await ended(journal, "r3", PlanDoubted(plan=template().id, reason="r3: it failed"))
    (kept,) = await journal.kept.find(ANN)
    assert (kept.runs, kept.tried, kept.doubt) == (0, {}, "r3: it failed")
    await ended(journal, "r4", verified(template()))
    assert [k.runs for k in await journal.kept.find(ANN)] == [1]


async def test_each_owner_has_its_own(journal: Journal) -> None:
    agent = Owner(principal="ann", kind="agent")
    for number, owner in enumerate((ANN, agent)):
        await ended(journal, f"r{number}", verified(template(owner=owner)))
    goal = "List leads in Houston"
    assert [k.template.owner for k in await journal.kept.like(ANN, goal, runs=1)] == [ANN]
    assert [k.template.owner for k in await journal.kept.like(agent, goal, runs=1)] == [agent]
    assert await journal.kept.like(BOB, goal, runs=1) == []
    assert not await journal.kept.forget(BOB, template().id)
    assert await journal.kept.forget(ANN, template().id)
    assert not await journal.kept.forget(ANN, template().id)
    assert await journal.kept.find(ANN) == []
    assert len(await journal.kept.find(agent)) == 1


async def test_the_one_that_ran_well_most_often_comes_first_and_no_goal_is_looked_at_for_ever(journal: Journal) -> None:
    for number in range(3):
        for run in range(number + 1):
            one = template("List leads in {city}").model_copy(update={"script": f"answer({number})\n"})
            await ended(journal, f"r{number}{run}", verified(one))
    found = await journal.kept.like(ANN, "List leads in Houston", runs=1)
    assert [k.runs for k in found] == [3, 2, 1]
    assert len(found) <= MOST
    assert await journal.kept.like(ANN, "x" * 3_000, runs=1) == []


async def test_runs_that_end_at_the_same_time_all_count(journal: Journal) -> None:
    both = [template(), template("Name leads in {city}")]
    async with asyncio.timeout(BOUND_S):
        await asyncio.gather(*(ended(journal, f"r{n}", verified(both[n % 2])) for n in range(20)))
    assert [k.runs for k in await journal.kept.find(ANN)] == [10, 10]


async def test_runs_that_end_in_several_processes_at_the_same_time_all_count(tmp_path: Path, postgres_url: str) -> None:
    async def one_by_one(journal: Journal, name: str) -> None:
        for n in range(20):
            await ended(journal, f"{name}{n}", verified(template()))

    for url in (f"sqlite:///{tmp_path}/journal.db", postgres_url):
        async with await SqlJournal.open(url) as one, await SqlJournal.open(url) as other, asyncio.timeout(BOUND_S):
            await asyncio.gather(one_by_one(one, "one"), one_by_one(other, "other"))
            assert [k.runs for k in await one.kept.like(ANN, "List leads in Houston", runs=1)] == [40]
