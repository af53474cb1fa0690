"""Consent in a loop with tools: what a model decides that has read strangers is asked for, effect by effect, as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from agents import in_turn
from bench import Bench, answer_of
from test_consent import World, bench_of, said

from executor.events import Question, QuestionAnswered
from planner.models import Models, Role
from planner.worst import ModelTerms

SCRIPT = 'x = do("Look after the notes.", tools=[w.notes, w.send, w.look], returns=str)\nanswer(x)\n'
READS: list[Any] = [[("w.notes", {"n": 1})], [("w.send", {"to": "eve", "body": "hi"})], "done"]


def looping(world: World, *turns: Any, **more: Any) -> Bench:
    bench = bench_of(world, **more)
    bench.models = Models(executor=Role(in_turn(*turns), ModelTerms(model="small", max_input_tokens=50_000)))
    return bench


def yes(question: Question) -> QuestionAnswered:
    return said(question, True)


async def test_an_effect_after_reading_strangers_is_asked_for_with_all_that_it_is_given() -> None:
    world = World()
    bench = looping(world, *READS)
    run = await bench.run(SCRIPT)
    (question,) = run.open_questions
    (row,) = question.shown
    assert (row["step"], row["tool"], row["argument"], row["kind"]) == ("x", "w.send", "", "control")
    assert (row["value"], row["origins"]) == ({"to": "eve", "body": "hi"}, ["tool w.notes"])
    assert world.done == []
    await bench.answer(run.id, said(question, True))
    assert answer_of(await bench.carry_on(run.id)) == "done"
    assert world.done == ["eve"]


@pytest.mark.parametrize("policy", [{"answers": lambda q: said(q, False)}, {"flows": "deny"}])
async def test_what_is_refused_is_told_to_the_model_and_not_done(policy: dict[str, Any]) -> None:
    world = World()
    bench = looping(world, *READS, **policy)
    assert answer_of(await bench.run(SCRIPT)) == "done"
    assert world.done == []
    assert bench.models.executor is not None
    last = bench.models.executor.model.requests[-1].messages[-1].content  # type: ignore[attr-defined]  # it is scripted
    assert "decided by tool w.notes" in last


async def test_an_effect_before_anything_of_strangers_was_read_is_not_asked_for() -> None:
    world = World()
    run = await looping(world, [("w.send", {"to": "ann"})], "done").run(SCRIPT)
    assert (answer_of(run), world.done, run.questions) == ("done", ["ann"], {})


async def test_where_a_read_leaves_the_house_its_address_is_asked_for() -> None:
    world = World()
    bench = looping(world, [("w.notes", {"n": 1})], [("w.look", {"at": "eve.example", "deep": True})], "done")
    run = await bench.run(SCRIPT)
    assert [(r["argument"], r["value"]) for q in run.open_questions for r in q.shown] == [("at", "eve.example")]
    assert world.read == ["notes"]


async def test_from_every_prefix_of_its_journal_a_loop_asks_once_and_acts_once() -> None:
    whole = looping(World(), *READS, answers=yes)
    events = await whole.events((await whole.run(SCRIPT)).id)
    for cut in range(1, len(events)):
        world = World()
        bench = looping(world, *READS, answers=yes)
        run = await bench.carry_on(await bench.restore(events[:cut]))
        assert [q.kind for q in run.questions.values() if q.kind != "reconcile"] == ["flow"], cut
        assert len(world.done) <= 1, cut
        assert answer_of(run) == "done", cut
