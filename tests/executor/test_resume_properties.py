"""A run goes on from every prefix of its journal: same end, nothing that is done is done again, nothing blindly repeated."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bench import PLENTY, Bench, answer_of
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many
from scripts import scripts
from sqlalchemy import Engine, create_engine, event, func, select
from test_order_properties import MODELS, answers
from worlds import Latency, World, tools_of

from executor.events import CallFinished, CallStarted, Event, Question, QuestionAnswered, Recorded
from executor.journal.memory import MemoryJournal
from executor.pack import PackHost
from executor.run import Run
from packs.gtm import pack, tables
from planner.playbook import Playbooks, read_playbook


class Camera(MemoryJournal):
    """A journal that takes a picture of the world at each write."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.pictures: list[World] = [world.after_a_crash()]  # one an event

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        seq = await super().append(run, events, **more)
        if seq is not None:
            self.pictures += [self._world.after_a_crash()] * len(events)
        return seq


@dataclass
class Witness:
    """A person who knows what happened in the world, and answers everything else as ever."""

    bench: Bench
    world: World
    asked: list[str] = field(default_factory=list)

    def __call__(self, question: Question) -> QuestionAnswered:
        if question.kind != "reconcile":
            return answers(question)
        self.asked.append(question.shown[0]["tool"])
        events = self.bench.journal._runs["run1"].events  # type: ignore[attr-defined]  # the memory journal's own
        key = ""
        for _, body in events:
            if '"call_started"' in body:
                started = CallStarted.model_validate_json(body)
                key = started.key if (started.step, started.item) == (question.of, question.item) else key
        return QuestionAnswered(question=question.id, answer=key in self.world.done, by="witness")


def bench_of(world: World, seed: int, parallel: int) -> Bench:
    budget = PLENTY.model_copy(update={"parallel": parallel})
    return Bench(tools_of(world, Latency(seed)), MODELS, answers=answers, budget=budget)


async def resumes_from_every_prefix(script: str, seed: int, parallel: int, every: int = 1) -> None:
    world = World()
    whole = bench_of(world, seed, parallel)
    camera = whole.journal = Camera(world)
    end = await whole.run(script)
    events = await whole.events(end.id)
    assert len(events) == len(camera.pictures)
    for length in range(1, len(events) + 1, every):
        picture = camera.pictures[length - 1].after_a_crash()
        await resumes(events[:length], picture, end, world, seed + length, parallel)


async def resumes(prefix: list[Recorded], world: World, end: Run, meant: World, seed: int, parallel: int) -> None:
    bench = bench_of(world, seed, parallel)
    witness = bench.answers = Witness(bench, world)
    before = Counter(world.by_key)
    resumed = await bench.carry_on(await bench.restore(prefix))
    assert outcome(resumed) == outcome(end)
    assert not world.by_key & again(prefix, world, before), "a finished call was made again"
    if end.status == "done":
        assert Counter(world.effects) == Counter(meant.effects)
    else:
        assert not Counter(world.effects) - everything(meant, world), "an effect was repeated"
    assert all(tool.endswith("put") for tool in witness.asked)


def again(prefix: list[Recorded], world: World, before: Counter[str]) -> Counter[str]:
    """Calls that had finished and were made all the same."""
    keys = {(r.event.step, r.event.item): r.event.key for r in prefix if isinstance(r.event, CallStarted)}
    done = {keys.get((r.event.step, r.event.item), "") for r in prefix if isinstance(r.event, CallFinished)}
    return Counter({key: 1 for key, n in world.by_key.items() if key.partition(".")[0] in done and n > before[key]})


def everything(meant: World, world: World) -> Counter[tuple[str, int]]:
    """At most what has a key of its own: an effect that a key has made twice is not in it."""
    return Counter(world.done.values())


def outcome(run: Run) -> object:
    assert run.ended is not None
    surprise = run.surprises[-1] if run.surprises else None
    return run.status, run.ended.answer, surprise and (surprise.step, surprise.kind, surprise.message)


SHAPES = st.tuples(st.integers(0, 1 << 30), st.integers(1, 6))


@few(4)
@given(scripts(once=True, timers=True, most=7), SHAPES)
def test_a_run_that_waits_polls_and_tries_in_turn_resumes_from_every_prefix(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))


@few(4)
@given(scripts(once=True, loops=True, most=5), SHAPES)
def test_a_run_with_loops_of_models_resumes_from_every_prefix(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))


@few(6)
@given(scripts(once=True, people=True, models=True, most=7), SHAPES)
def test_a_run_of_any_script_resumes_from_every_prefix_of_its_journal(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))


@pytest.mark.proof
@many(0.2)
@given(scripts(once=True, people=True, models=True, timers=True, loops=True, most=12), SHAPES)
def test_runs_of_many_scripts_resume_from_every_prefix_of_their_journals(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))


# -- the demo

GOAL = "Find dental leads in Austin and draft introductions"
FOLDER = Path(tables.__file__).parent / "playbooks"


def database(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
    return engine


def demo(engine: Engine, folder: Path) -> Bench:
    playbooks = Playbooks(read_playbook(p) for p in sorted(FOLDER.glob("*.plan")))
    return Bench(pack(PackHost(engine, folder)).tools, playbooks=playbooks)


def rows(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def resumed_demo(prefix: list[Recorded], path: Path) -> tuple[Run, int]:
    """The demo, carried on from a prefix over the database at that path; its end, and the mails in the outbox then."""
    engine = database(path)
    try:
        bench = demo(engine, path.parent)
        bench.toolset["crm.find_leads"].function(vertical="dental", city="Austin")  # makes the tables
        run = await bench.carry_on(await bench.restore(prefix))
        return run, rows(engine, tables.outbox)
    finally:
        engine.dispose()


async def whole_demo(tmp_path: Path) -> tuple[Run, list[Recorded], Path]:
    engine = database(tmp_path / "whole.db")
    bench = demo(engine, tmp_path)
    run = await bench.run(goal=GOAL)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{tmp_path / 'done.db'}'")
    engine.dispose()
    return run, await bench.events(run.id), tmp_path / "done.db"


def finished(prefix: Sequence[Recorded], step: str) -> int:
    return sum(1 for r in prefix if isinstance(r.event, CallFinished) and r.event.step == step)


@pytest.mark.parametrize("share", [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.proof)])
async def test_the_demo_resumes_from_every_prefix_where_the_world_is_ahead_of_the_journal(tmp_path: Path, share: int) -> None:
    """Everything had happened when the crash came, and only a part of it was written: its keys find it done."""
    end, events, done = await whole_demo(tmp_path)
    drafts = finished(events, "drafts")
    assert drafts > 3
    for length in range(1, len(events) + 1, share):
        path = Path(shutil.copy(done, tmp_path / f"ahead{length}.db"))
        run, mails = await resumed_demo(events[:length], path)
        assert outcome(run) == outcome(end)
        assert mails == drafts


@pytest.mark.parametrize("share", [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.proof)])
async def test_the_demo_resumes_from_every_prefix_and_makes_no_finished_call_again(tmp_path: Path, share: int) -> None:
    """In a world where nothing has happened yet only what is not finished in the journal is done."""
    end, events, _ = await whole_demo(tmp_path)
    drafts = finished(events, "drafts")
    for length in range(1, len(events) + 1, share):
        run, mails = await resumed_demo(events[:length], tmp_path / f"fresh{length}.db")
        assert answer_of(run) == answer_of(end)
        assert mails == drafts - finished(events[:length], "drafts")


def test_now_is_what_it_was_when_the_run_was_submitted(tmp_path: Path) -> None:
    async def told() -> tuple[str, datetime | None]:
        bench = bench_of(World(), 0, 1)
        run = await bench.run("answer(str(now()))\n")
        return answer_of(run), run.now

    answer, now = asyncio.run(told())
    assert now is not None
    assert answer.startswith(now.strftime("%Y-%m-%d"))
