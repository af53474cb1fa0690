"""A plan that is read ahead while it is written gives what it gives when it is submitted; only early reads go before it."""

from __future__ import annotations

import asyncio

import pytest
from bench import PLENTY, Bench
from dripping import Dripping, Pour
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many
from scripts import scripts
from test_order_properties import MODELS, answers, judge
from test_resume_properties import Camera, Witness, again, outcome
from worlds import Latency, World, tools_of

from executor.events import CallStarted, PlanCertified, Recorded
from executor.run import Run
from planner.budget import Budget
from planner.models import Models, Role
from planner.worst import ModelTerms

EARLY = ("look", "some", "find", "broken")  # the world's reads that are free, closed-world, and one call
TERMS = ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=8_000)
ROOM = PLENTY.model_copy(update={"reserve": 0.5, "replans": 0, "model_calls": 1_000_000, "tokens": 10**10, "usd": 1e7})
STREAMS = st.tuples(st.integers(0, 1 << 30), st.integers(1, 6), st.lists(st.integers(1, 120), min_size=1, max_size=12))


def poured(text: str, sizes: list[int]) -> list[Pour]:
    """The text in pieces of these sizes, over and over, with some turns of the loop after each."""
    pours: list[Pour] = []
    while text:
        size = sizes[len(pours) // 2 % len(sizes)]
        pours += [text[:size], size % 17]
        text = text[size:]
    return pours


def bench_of(world: World, stream: tuple[int, int, list[int]], *replies: str, budget: Budget = ROOM) -> Bench:
    seed, parallel, sizes = stream
    model = Dripping(*(poured(reply, sizes) for reply in replies))
    models = Models(planner=Role(model, TERMS), executor=MODELS.executor)
    return Bench(
        tools_of(world, Latency(seed)), models, answers=answers, budget=budget.model_copy(update={"parallel": parallel})
    )  # fmt: skip


async def streamed(
    stream: tuple[int, int, list[int]], *replies: str, budget: Budget = ROOM
) -> tuple[Run, World, list[Recorded], Bench]:
    """A run whose planner writes these replies, one after the other."""
    world = World()
    bench = bench_of(world, stream, *replies, budget=budget)
    run = await bench.run(goal="Do it")
    events = await bench.events(run.id)
    planned = next((r.seq for r in events if isinstance(r.event, PlanCertified)), 1 << 60)
    early = [r.event.call for r in events if isinstance(r.event, CallStarted) and r.seq < planned]
    assert all(call.partition(".")[2] in EARLY for call in early), early
    return run, world, events, bench


def compare(script: str, stream: tuple[int, int, list[int]]) -> None:
    run, world, events, bench = asyncio.run(streamed(stream, script))
    judge(script, run, world, events, bench)


def compare_repaired(refused: str, cut: int, script: str, stream: tuple[int, int, list[int]]) -> None:
    lines = refused.splitlines()
    broken = "\n".join([*lines[: cut % len(lines)], "oops(", ""])
    run, world, events, bench = asyncio.run(streamed(stream, broken, script))
    judge(script, run, world, events, bench, more=True)


@few(12)
@given(scripts(timers=True), STREAMS)
def test_any_script_that_is_still_being_written_gives_what_a_reader_would_have_seen(
    script: str, stream: tuple[int, int, list[int]]
) -> None:
    compare(script, stream)


@few(8)
@given(scripts(people=True, models=True), STREAMS)
def test_scripts_with_people_and_models_give_the_same_while_they_are_written(
    script: str, stream: tuple[int, int, list[int]]
) -> None:
    compare(script, stream)


@few(10)
@given(scripts(), st.integers(0, 20), scripts(), STREAMS)
def test_a_repaired_script_gives_what_it_gives_without_the_refused_one(
    refused: str, cut: int, script: str, stream: tuple[int, int, list[int]]
) -> None:
    compare_repaired(refused, cut, script, stream)


@few(8)
@given(scripts(), st.integers(0, 20), STREAMS)
def test_a_script_that_is_refused_at_a_line_and_written_again_is_read_once(
    script: str, cut: int, stream: tuple[int, int, list[int]]
) -> None:
    compare_repaired(script, cut, script, stream)


@pytest.mark.proof
@many()
@given(scripts(people=True, models=True, timers=True, most=14), STREAMS)
def test_thousands_of_scripts_give_the_same_while_they_are_written(script: str, stream: tuple[int, int, list[int]]) -> None:
    compare(script, stream)


@pytest.mark.proof
@many()
@given(scripts(people=True, models=True, most=10), st.integers(0, 20), scripts(people=True, models=True, most=10), STREAMS)
def test_thousands_of_repaired_scripts_give_what_they_give_alone(
    refused: str, cut: int, script: str, stream: tuple[int, int, list[int]]
) -> None:
    compare_repaired(refused, cut, script, stream)


# -- ceilings


def within_ceilings(refused: str, script: str, calls: int, stream: tuple[int, int, list[int]]) -> None:
    budget = ROOM.model_copy(update={"calls": calls, "fan_out": 4})
    run, world, _, _ = asyncio.run(streamed(stream, refused + "oops(\n", script, script, budget=budget))
    assert world.calls.total() <= calls
    assert run.tool_calls <= calls


@few(8)
@given(scripts(), scripts(), st.integers(0, 40), STREAMS)
def test_what_is_read_early_passes_no_ceiling(
    refused: str, script: str, calls: int, stream: tuple[int, int, list[int]]
) -> None:
    within_ceilings(refused, script, calls, stream)


@pytest.mark.proof
@many(0.5)
@given(scripts(most=12), scripts(most=12), st.integers(0, 80), STREAMS)
def test_in_many_schedules_what_is_read_early_passes_no_ceiling(
    refused: str, script: str, calls: int, stream: tuple[int, int, list[int]]
) -> None:
    within_ceilings(refused, script, calls, stream)


# -- crashes


async def resumes_from_every_prefix(script: str, stream: tuple[int, int, list[int]], every: int = 1) -> None:
    world = World()
    whole = bench_of(world, stream, script)
    camera = whole.journal = Camera(world)
    end = await whole.run(goal="Do it")
    events = await whole.events(end.id)
    for length in range(1, len(events) + 1, every):
        picture = camera.pictures[length - 1].after_a_crash()
        before = picture.by_key.copy()
        bench = bench_of(picture, stream, script)
        bench.answers = Witness(bench, picture)  # a claimed effect may have happened, of which a person has to say
        resumed = await bench.carry_on(await bench.restore(events[:length]))
        assert outcome(resumed) == outcome(end)
        assert not picture.by_key & again(events[:length], picture, before), "a finished call was made again"


@few(4)
@given(scripts(once=True, models=True, most=7), STREAMS)
def test_a_run_that_reads_ahead_resumes_from_every_prefix_of_its_journal(
    script: str, stream: tuple[int, int, list[int]]
) -> None:
    asyncio.run(resumes_from_every_prefix(script, stream))


@pytest.mark.proof
@many(0.2)
@given(scripts(once=True, models=True, timers=True, most=12), STREAMS)
def test_many_runs_that_read_ahead_resume_from_every_prefix_of_their_journals(
    script: str, stream: tuple[int, int, list[int]]
) -> None:
    asyncio.run(resumes_from_every_prefix(script, stream))
