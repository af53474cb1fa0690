"""A worker is killed with SIGKILL after each event, after each act, at any moment: whoever comes next ends the run alike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mortal import BOUND_S, Doom, furnished, mortal
from mortal_world import ACTS, ANSWER, EFFECTS, LOOP, LOOP_EFFECTS, SCRIPT, MortalWorld, Shop

from executor.events import CallFinished, CallStarted, Recorded, SegmentStarted
from executor.run import Run, fold
from executor.submission import Principal, Submission
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings

EVENTS = 33  # of a run that nothing disturbs
LOOP_EVENTS = 29  # of a run whose script is a loop of a model with tools
ME = Principal()


@dataclass(frozen=True)
class Scene:
    """A database, a world, and a house over both whose engine does not run yet; its worker is the heir."""

    settings: Settings
    world: MortalWorld
    house: House

    async def submit(self, script: str = SCRIPT) -> str:
        submission = Submission(goal="kill me", script=script, preapproved=True)
        return (await self.house.runs.submit(submission)).id

    async def left_by_the_first(self, run: str) -> list[Recorded]:
        """The run's events up to the heir's first one."""
        events = await self.house.journal.read(run)
        mine = (r.seq for r in events if isinstance(r.event, SegmentStarted) and r.event.worker == self.house.worker)
        end = next(mine, len(events) + 1)
        return events[: end - 1]

    async def ended(self, run: str) -> Run:
        """The run, once it has ended; meanwhile a person answers what it asks, and looks first."""
        async with asyncio.timeout(BOUND_S):
            async for _ in self.house.journal.changes(run):
                state = await self.house.runs.get(run, ME)
                if state.ended is not None:
                    return state
                for question in state.open_questions:
                    started = state.call(question.of, question.item).started
                    assert started is not None
                    happened = self.world.happened(started.key)
                    await self.house.runs.answer(run, ME, happened, question=question.id)
        raise AssertionError("the journal was closed")


@pytest.fixture(params=["sqlite", "postgres"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    url = f"sqlite:///{tmp_path}/planrail.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    settings = load_settings({"PLANRAIL_DATABASE_URL": url, "PLANRAIL_HOME": str(tmp_path), "PLANRAIL_PACKS": ""}, tmp_path)
    world = MortalWorld(tmp_path / "world")
    world.folder.mkdir()
    async with open_house(settings) as opened:
        yield Scene(settings, world, furnished(opened, Shop(world, "heir")))


async def restarted(scene: Scene, doom: Doom) -> None:
    """A worker dies; then another one starts."""
    run = await scene.submit()
    async with mortal(scene.settings, scene.world, "first", doom) as first:
        await first.gone()
    async with scene.house.engine():
        ended = await scene.ended(run)
    holds(ended, await scene.left_by_the_first(run), scene.world)


async def taken_over(scene: Scene, doom: Doom) -> None:
    """Of two workers that are at work one dies: the other one has its run then."""
    run = await scene.submit()
    async with mortal(scene.settings, scene.world, "first", doom) as first:
        await first.says("taken")
        async with scene.house.engine():
            first.go()
            await first.gone()
            ended = await scene.ended(run)
    holds(ended, await scene.left_by_the_first(run), scene.world)


def holds(ended: Run, left: list[Recorded], world: MortalWorld) -> None:
    """The promise: the same answer, nothing settled made again, each effect once, a person asked where only one can tell."""
    assert ended.ended is not None
    assert (ended.status, ended.ended.answer) == ("done", ANSWER), (ended.ended, ended.surprises)
    assert world.effects_of(ended.id) == EFFECTS
    made = {(c.tool, c.x) if c.tool == "ask" else c.key for c in world.calls() if c.word == "heir"}
    assert not made & settled(left)
    uncertain = {address for address, call in fold(Run(ended.id), left).calls.items() if call.uncertain}
    assert {(q.of, q.item) for q in ended.questions.values()} == {address for address in uncertain if address[0] == "rung"}


def settled(events: list[Recorded]) -> set[object]:
    """The calls that have finished: a tool's by key, a model's by what it was asked."""
    keys = {(e.step, e.item): e.key or ("ask", int(e.item) + 1) for e in calls(events) if isinstance(e, CallStarted)}
    return {keys[e.step, e.item] for e in calls(events) if isinstance(e, CallFinished) and (e.step, e.item) in keys}


def calls(events: list[Recorded]) -> list[CallStarted | CallFinished]:
    return [r.event for r in events if isinstance(r.event, CallStarted | CallFinished)]


async def test_a_run_that_nothing_disturbs_has_as_many_events_and_acts_as_the_sweeps_have_kills(tmp_path: Path) -> None:
    settings = load_settings({"PLANRAIL_HOME": str(tmp_path), "PLANRAIL_PACKS": ""}, tmp_path)
    world = MortalWorld(tmp_path)
    async with open_house(settings) as opened:
        scene = Scene(settings, world, furnished(opened, Shop(world, "first")))
        async with scene.house.engine():
            run = await scene.ended(await scene.submit())
    holds(run, [], world)
    assert (run.seq, len(world.calls())) == (EVENTS, ACTS)


@pytest.mark.parametrize("scene", ["sqlite"], indirect=True)
@pytest.mark.parametrize("doom", [Doom(write=1), Doom(write=27), Doom(act=13)], ids=["taken", "middle", "acted"])
async def test_a_worker_that_is_killed_leaves_a_run_that_ends_alike(scene: Scene, doom: Doom) -> None:
    await restarted(scene, doom)


@pytest.mark.proof
@pytest.mark.parametrize("event", range(1, EVENTS + 1))
async def test_after_a_kill_at_each_event_a_restart_ends_the_run_alike(scene: Scene, event: int) -> None:
    await restarted(scene, Doom(write=event))


@pytest.mark.proof
@pytest.mark.parametrize("event", range(1, EVENTS + 1))
async def test_after_a_kill_at_each_event_another_worker_ends_the_run_alike(scene: Scene, event: int) -> None:
    await taken_over(scene, Doom(write=event, gate=True))


@pytest.mark.proof
@pytest.mark.parametrize("act", range(1, ACTS + 1))
async def test_after_a_kill_between_each_act_and_its_event_the_run_ends_alike(scene: Scene, act: int) -> None:
    await restarted(scene, Doom(act=act))


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10))
async def test_after_a_kill_from_outside_at_any_moment_the_run_ends_alike(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    run = await scene.submit()
    async with mortal(scene.settings, scene.world, "first", Doom(gate=True, pause_s=0.02)) as first:
        await first.says("taken")
        first.go()
        await asyncio.sleep(chance.uniform(0.0, 0.6))  # no wait for anything: the moment is what is tried
        first.kill()
        await first.gone()
    async with scene.house.engine():
        ended = await scene.ended(run)
    holds(ended, await scene.left_by_the_first(run), scene.world)


# -- a loop of a model with tools


async def looped(scene: Scene, doom: Doom) -> None:
    """A worker dies in a `do`; another one starts."""
    run = await scene.submit(LOOP)
    async with mortal(scene.settings, scene.world, "first", doom) as first:
        await first.gone()
    async with scene.house.engine():
        ended = await scene.ended(run)
    loop_holds(ended, await scene.left_by_the_first(run), scene.world)


def loop_holds(ended: Run, left: list[Recorded], world: MortalWorld) -> None:
    """The same: the answer, each effect once, no turn that was paid for bought again, no settled call made again."""
    assert ended.ended is not None
    assert (ended.status, ended.ended.answer) == ("done", "bought"), (ended.ended, ended.surprises)
    assert world.effects_of(ended.id) == LOOP_EFFECTS
    done = {(e.step, e.item) for e in calls(left) if isinstance(e, CallFinished)}
    keys = {e.key for e in calls(left) if isinstance(e, CallStarted) and (e.step, e.item) in done}
    made = [c for c in world.calls() if c.word == "heir"]
    assert not {c.key for c in made if c.tool != "turn"} & keys
    assert not {f"m{c.x}" for c in made if c.tool == "turn"} & {item for _, item in done}
    uncertain = {a for a, call in fold(Run(ended.id), left).calls.items() if call.uncertain}
    rung = {a for a in uncertain if ended.call(*a).started.call == "shop.ring"}  # type: ignore[union-attr]  # it was claimed
    assert {(q.of, q.item) for q in ended.questions.values()} == rung


@pytest.mark.parametrize("scene", ["sqlite"], indirect=True)
@pytest.mark.parametrize("doom", [Doom(write=8), Doom(write=LOOP_EVENTS), Doom(act=8)], ids=["early", "last", "acted"])
async def test_a_worker_that_is_killed_in_a_loop_leaves_a_run_that_ends_alike(scene: Scene, doom: Doom) -> None:
    await looped(scene, doom)


@pytest.mark.proof
@pytest.mark.parametrize("event", range(1, LOOP_EVENTS + 1))
async def test_after_a_kill_at_each_event_of_a_loop_the_run_ends_alike(scene: Scene, event: int) -> None:
    await looped(scene, Doom(write=event))
