"""Kept plans: which runs count, which goals take a plan that ran well, and what makes it be asked for anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from bench import NOW, Bench
from test_planning import Crashed, Dying

from executor.events import PlanDoubted, PlanProposed, RunEnded
from executor.kept import Kept
from executor.run import Run
from executor.submission import Principal, Submission
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.llm.scripted import ScriptedModel
from planner.models import Models
from planner.template import Owner
from tests.rig import ANN, BOUND_S, Rig, answer_of, rig, role

Vertical = Literal["dental", "gym", "law"]
BOB = Principal(id="bob")
AGENT = Principal(id="ann", kind="agent")
OWNER = Owner(principal="ann")
CITIES = ("Austin", "Dallas", "Houston")


@tool(effect="read", labels={"": "trusted"})
def find(vertical: Vertical, city: str) -> list[str]:
    """Names of businesses."""
    return [f"{vertical} {city} {n}" for n in range(2)]


@tool(effect="read", labels={"": "trusted"}, retries=0)
def fragile(city: str) -> str | ToolFailed:
    """Fails in Waco."""
    return ToolFailed("no such place") if city == "Waco" else f"found {city}"


def goal(city: str, vertical: str = "dental") -> str:
    return f"Find {vertical} businesses in {city}"


def script(city: str, vertical: str = "dental") -> str:
    return f'xs = t.find(vertical="{vertical}", city="{city}")\nanswer(xs)\n'


def planner(*scripts: str) -> ScriptedModel:
    return ScriptedModel(list(scripts))


@asynccontextmanager
async def house(folder: Path, model: ScriptedModel, *, after: int = 3, tools: Toolset | None = None) -> AsyncIterator[Rig]:
    toolset = tools or Toolset.of("t", [find, fragile])
    async with rig(folder, toolset, models=Models(planner=role(model)), plans_after=after) as made:
        yield made


async def taught(made: Rig, *cities: str, **more: Any) -> list[Run]:
    """Runs of the goal for these cities, one after the other."""
    return [await made.carried(goal=goal(city), **more) for city in cities]


async def kept(made: Rig) -> Kept:
    (one,) = await made.journal.kept.find(OWNER)
    return one


def source(run: Run) -> str:
    assert run.origin is not None, run.ended
    return run.origin.source


async def test_a_plan_that_ran_well_three_times_is_taken_by_the_fourth_goal_of_its_form(tmp_path: Path) -> None:
    model = planner(*(script(city) for city in CITIES))
    async with house(tmp_path, model) as made:
        runs = await taught(made, *CITIES, "New York", "Waco")
        assert [source(r) for r in runs] == ["planner"] * 3 + ["template"] * 2
        assert answer_of(runs[3]) == ["dental New York 0", "dental New York 1"]
        assert len(model.requests) == 3
        assert runs[3].usage.model_calls == 0
        one = await kept(made)
        assert (one.runs, one.hits, one.saved) == (5, 2, 2 * one.tokens)
        assert one.tokens > 0
        assert one.template.goal == "Find {vertical} businesses in {city}"
        assert runs[4].origin == PlanProposed(
            script='xs = t.find(vertical=vertical, city=city)\nanswer(xs)\n', source="template", template=one.id, runs=4,
            params={"vertical": "dental", "city": "Waco"},
        )  # fmt: skip


async def test_a_kept_plan_needs_no_model(tmp_path: Path) -> None:
    async with house(tmp_path, planner(script("Austin")), after=1) as made:
        await taught(made, "Austin")
    async with rig(tmp_path, Toolset.of("t", [find, fragile]), plans_after=1, first=9) as made:
        assert answer_of(await made.carried(goal=goal("Waco", "gym"))) == ["gym Waco 0", "gym Waco 1"]


async def test_with_plans_after_0_nothing_is_kept_and_nothing_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path, planner(script("Austin"), script("Austin")), after=0) as made:
        runs = await taught(made, "Austin", "Austin")
        assert [source(r) for r in runs] == ["planner"] * 2
        assert await made.journal.kept.find(OWNER) == []


async def test_a_fresh_run_asks_the_planner_and_counts(tmp_path: Path) -> None:
    model = planner(script("Austin"), script("Waco"))
    async with house(tmp_path, model, after=1) as made:
        await taught(made, "Austin")
        (run,) = await taught(made, "Waco", fresh=True)
        assert source(run) == "planner"
        assert (await kept(made)).runs == 2


@pytest.mark.parametrize("other", [BOB, AGENT])
async def test_nobody_takes_what_another_has_taught(tmp_path: Path, other: Principal) -> None:
    model = planner(script("Austin"), script("Austin"))
    async with house(tmp_path, model, after=1) as made:
        await taught(made, "Austin")
        run = await made.submit(goal=goal("Austin"), principal=other)
        async with made.engine(), asyncio.timeout(BOUND_S):
            last = [r.event async for r in made.runs.events(run, other)][-1]
        assert isinstance(last, RunEnded)
        assert (last.status, len(model.requests)) == ("done", 2)


async def test_a_submitted_script_and_a_repaired_one(tmp_path: Path) -> None:
    model = planner("for x in y: pass\n", script("Austin"))
    async with house(tmp_path, model) as made:
        await made.carried(script("Austin"), goal=goal("Austin"))
        assert await made.journal.kept.find(OWNER) == []
        await taught(made, "Austin")
        assert (await kept(made)).runs == 1  # what was repaired is as good as another


FAILING = 'x = t.fragile(city="Waco")\nanswer(x)\n'


@pytest.mark.parametrize(
    "written",
    [
        'x = t.fragile(city="Waco", otherwise="none")\nanswer(x)\n',  # an otherwise was taken
        FAILING,  # it failed
        'xs = t.find(vertical="dental", city="Waco")\nexpect(len(xs) > 9)\nanswer(xs)\n',  # a surprise
        't = ask("Say hello.", otherwise="hello")\nanswer(t)\n',  # there was no model
    ],
)
async def test_a_run_that_did_not_go_as_its_plan_said_counts_for_nothing(tmp_path: Path, written: str) -> None:
    async with house(tmp_path, planner(written), after=1) as made:
        await taught(made, "Waco")
        assert await made.journal.kept.find(OWNER) == []


async def test_a_plan_whose_planner_may_look_around_before_it_writes_is_not_kept(tmp_path: Path) -> None:
    async with house(tmp_path, planner("I know enough.", script("Austin")), after=1) as made:
        (run,) = await taught(made, "Austin", probes=1)
        assert (source(run), run.status) == ("planner", "done")
        assert await made.journal.kept.find(OWNER) == []


async def test_a_run_that_failed_and_was_resumed_to_its_end_counts_for_nothing(tmp_path: Path) -> None:
    answers = iter([ToolFailed("not yet"), "now"])

    @tool(effect="read", labels={"": "trusted"}, retries=0)
    def moody() -> str | ToolFailed:
        """Fails once."""
        return next(answers)

    model = planner("answer(t.moody())\n")
    async with house(tmp_path, model, after=1, tools=Toolset.of("t", [moody])) as made:
        run = await made.carried(goal="Ask it for me", budget=Budget(replans=0))
        assert run.status == "failed"
        await made.runs.resume(run.id, ANN)
        async with made.engine():
            assert answer_of(await made.until(run.id, lambda status: status == "done")) == "now"
        assert await made.journal.kept.find(OWNER) == []


async def test_a_kept_plan_that_fails_once_is_asked_for_anew(tmp_path: Path) -> None:
    def fragile_script(city: str) -> str:
        return f'x = t.fragile(city="{city}")\nanswer(x)\n'

    model = planner(fragile_script("Austin"), fragile_script("Dallas"), fragile_script("Houston"))
    async with house(tmp_path, model, after=2) as made:
        runs = await taught(made, "Austin", "Dallas", "Waco", "Houston", budget=Budget(replans=0))
        assert [(source(r), r.status) for r in runs] == [
            ("planner", "done"), ("planner", "done"), ("template", "failed"), ("planner", "done"),
        ]  # fmt: skip
        one = await kept(made)
        assert one.runs == 1
        assert one.doubt.startswith(f"{runs[2].id}: x: ")
        doubts = [e for e in await made.events(runs[2].id) if isinstance(e, PlanDoubted)]
        assert [d.plan for d in doubts] == [one.id]


async def test_a_kept_plan_that_was_replanned_is_asked_for_anew_and_what_a_replan_wrote_is_not_kept(tmp_path: Path) -> None:
    written, mended = 'x = t.fragile(city="Austin")\nanswer(x)\n', 'answer("none")\n'
    async with house(tmp_path, planner(written, mended, mended, written), after=1) as made:
        runs = await taught(made, "Austin", "Waco")
        assert [r.status for r in runs] == ["done", "done"]
        assert source(runs[1]) == "replan"
        one = await kept(made)
        assert (one.runs, one.hits) == (0, 0)
        assert one.doubt.startswith(f"{runs[1].id}: x: ")


async def test_a_refusal_by_a_person_says_nothing_against_a_plan(tmp_path: Path) -> None:
    written = 'approve("go on")\nanswer(1)\n'
    async with house(tmp_path, planner(written, written), after=1) as made:
        first = await made.carried(goal="Go on with it", preapproved=True)
        assert answer_of(first) == 1
        waits = await made.carried(goal="Go on with it")
        assert waits.status == "waiting"
        await made.runs.answer(waits.id, ANN, False)
        async with made.engine():
            refused = await made.until(waits.id, lambda status: status == "failed")
        assert source(refused) == "template"
        assert (await kept(made)).runs == 1


async def test_two_scripts_for_one_form_count_apart(tmp_path: Path) -> None:
    other = 'xs = t.find(vertical="dental", city="Waco")\nanswer(sorted(xs))\n'
    model = planner(script("Austin"), other, script("Dallas"))
    async with house(tmp_path, model, after=2) as made:
        runs = await taught(made, "Austin", "Waco", "Dallas", "Houston")
        assert source(runs[3]) == "template"
        found = await made.journal.kept.find(OWNER)
        assert sorted(k.runs for k in found) == [1, 3]


# -- tools and policy


@tool(effect="read", labels={"": "trusted"}, name="find")
def newer(vertical: Vertical, city: str, near: bool = False) -> list[str]:
    """Names of businesses, in another version."""
    return [f"{vertical} {city}"]


async def test_a_changed_tool_makes_the_planner_be_asked_and_the_old_one_brings_the_plan_back(tmp_path: Path) -> None:
    model = planner(script("Austin"), script("Dallas"))
    async with house(tmp_path, model, after=1) as made:
        await taught(made, "Austin")
    async with rig(tmp_path, Toolset.of("t", [newer]), models=Models(planner=role(model)), plans_after=1, first=5) as made:
        (run,) = await taught(made, "Dallas")
        assert source(run) == "planner"
    async with rig(tmp_path, Toolset.of("t", [find, fragile]), plans_after=1, first=9) as made:
        (run,) = await taught(made, "Houston")
        assert source(run) == "template"


# -- crashes


async def crashed(at: int, *, after: bool) -> tuple[list[Run], ScriptedModel, Kept, bool]:
    """Two runs of a form, the second of which takes the first one's plan; the process dies at their write of that number."""
    model, journal = ScriptedModel(lambda _: script("Austin")), Dying()
    models = Models(planner=role(model))
    bench = Bench(Toolset.of("t", [find]), models, journal=journal, plans_after=1)
    runs, died = [await bench.submit(goal=goal("Austin"))], False
    journal.dies_before, journal.dies_after = (-1, at) if after else (at, -1)
    ended: list[Run] = []
    async with asyncio.timeout(BOUND_S):
        for _ in range(2):
            try:
                await bench.segment(runs[-1])
            except Crashed:
                died = True
            ended.append(await bench.carry_on(runs[-1]))
            runs.append(await bench.submit(goal=goal("Waco")))
    (one,) = await journal.kept.find(Owner(principal="local"))
    return ended, model, one, died


@pytest.mark.parametrize("after", [True, False])
async def test_however_a_process_dies_each_run_counts_once(after: bool) -> None:
    deaths = 0
    for at in range(1, 16):
        ended, model, one, died = await crashed(at, after=after)
        deaths += died
        assert [answer_of(run)[0] for run in ended] == ["dental Austin 0", "dental Waco 0"]
        assert [source(run) for run in ended] == ["planner", "template"]
        assert (one.runs, one.hits, one.saved) == (2, 1, one.tokens)
        assert len(model.requests) <= (1 if after else 2)  # what was paid for and not written yet is bought again
    assert deaths >= 5


async def test_a_kept_plan_that_is_refused_after_all_makes_the_planner_be_asked() -> None:
    model = planner(script("Austin"))
    bench = Bench(Toolset.of("t", [find]), Models(planner=role(model)), plans_after=1)
    gone = PlanProposed(
        script="answer(t.gone(city=city))\n", source="template", template="t", runs=3, params={"city": "Austin"}
    )
    submission = Submission(goal=goal("Austin"), budget=Budget(repairs=0))
    await bench.journal.create(submission, run="r", key="r", now=NOW, events=[gone])  # as a worker with other tools left it
    run = await bench.carry_on("r")
    assert answer_of(run) == ["dental Austin 0", "dental Austin 1"]
    assert (source(run), len(model.requests)) == ("planner", 1)
