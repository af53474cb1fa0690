"""Any run, replayed from any prefix of its journal, is the same; a fork of it calls its cone, and repeats nothing unasked."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from bench import PLENTY, Bench, starts
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many
from scripts import scripts
from test_order_properties import MODELS, answers
from worlds import Latency, World, tools_of

from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    EffectsInherited,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
)
from executor.fork import cone_of, steps_named
from executor.inner import is_told
from executor.opening import loader
from executor.run import Run
from planner.order import has_effect, waits
from planner.program import MODEL_KINDS, TOOL_KINDS
from planner.toolspec import digest
from planrail.forking import ForkWish
from planrail.replay import ReplayGround, replay
from planrail.runs import Runs

SHAPES = st.tuples(st.integers(0, 1 << 30), st.integers(1, 6))


def answered(question: Question) -> QuestionAnswered:
    """The person of the other properties, who lets half of the repeats be."""
    if question.kind == "repeat":
        return QuestionAnswered(question=question.id, answer=sum(map(ord, question.of)) % 2 == 0, by="tester")
    return answers(question)


def bench_of(seed: int, parallel: int) -> Bench:
    budget = PLENTY.model_copy(update={"parallel": parallel})
    return Bench(tools_of(World(), Latency(seed)), MODELS, answers=answered, budget=budget)


def clean(bench: Bench, run: str, events: list[Recorded], script: str) -> None:
    again = replay(run, events, ReplayGround(bench.planning, None, loader(bench.artifacts)))
    assert again.findings == (), f"{len(events)} events of\n{script}\n{again.findings}"
    assert again.uncompared == ()


async def replays_from_every_prefix(script: str, seed: int, parallel: int) -> None:
    bench = bench_of(seed, parallel)
    run = await bench.run(script)
    events = await bench.events(run.id)
    for length in range(len(events) + 1):
        clean(bench, run.id, events[:length], script)


async def forks(script: str, seed: int, parallel: int) -> None:
    bench = bench_of(seed, parallel)
    original = await bench.run(script)
    assert original.certified is not None
    before = await bench.events(original.id)
    runs = Runs(bench.journal, artifacts=bench.artifacts, planning=bench.planning, now=bench.now, new_id=lambda: "fork")
    steps = bench.program(script).steps
    step = steps[seed % len(steps)].id
    record = await runs.fork(original.id, original.submission.principal, ForkWish(step))
    fork = await bench.carry_on(record.id)
    events = await bench.events("fork")
    calls_its_cone_alone(bench, script, step, original, events)
    repeats_nothing_unasked(events)
    clean(bench, fork.id, events, script)
    assert await bench.events(original.id) == before


def calls_its_cone_alone(bench: Bench, script: str, step: str, original: Run, events: list[Recorded]) -> None:
    """Outside of the cone only what the original had not finished is called, or what hangs on that."""
    program = bench.program(script)
    cone = cone_of(program, waits(program, bench.toolset.specs), steps_named(program, step))
    adopted = {(r.event.step, r.event.item) for r in events if isinstance(r.event, CallFinished) and r.event.how == "fork"}
    early = next(n for n, r in enumerate(events) if isinstance(r.event, EffectsInherited))
    adopted |= {(r.event.step, r.event.item) for r in events[:early] if isinstance(r.event, CallFailed)}  # of a `do`
    models = MODEL_KINDS | {"do"}
    called = {(s.step, s.item) for s in starts(events) if s.key or program[s.step].kind in models} - adopted
    for address in called - {a for a in called if a[0] in cone}:
        assert original.call(*address).finished is None or original.status != "done", f"{address} is outside of {cone}"
    if original.status == "done":
        kinds = TOOL_KINDS | models
        ended = {a for a, c in original.calls.items() if c.finished is not None or is_told(original.calls, *a)}
        settled = {a for a in ended if program[a[0]].kind in kinds}
        first = {(s.step, s.item) for s in starts(events[:early])}
        assert first == {a for a in settled if a[0] not in cone and original.call(*a).started is not None}
        effects = {s.id for s in program.steps if has_effect(s, bench.toolset.specs)}
        assert first.isdisjoint({a for a in called if a[0] in effects})


def repeats_nothing_unasked(events: list[Recorded]) -> None:
    """An effect that was inherited is made again only after a question that showed it, and a yes."""
    inherited: Counter[str] = Counter()
    allowed: dict[tuple[str, str], bool] = {}
    shown: dict[str, list[tuple[str, str]]] = {}
    for record in events:
        match record.event:
            case EffectsInherited(effects=effects):
                inherited.update(digest([e.call, e.arguments]) for e in effects)
            case QuestionAsked(question=question) if question.kind == "repeat":
                shown[question.id] = [(question.of, s["item"]) for s in question.shown]
                assert all(digest([s["tool"], s["arguments"]]) in inherited for s in question.shown)
            case QuestionAnswered(question=name, answer=answer) if name in shown:
                allowed |= dict.fromkeys(shown[name], answer is True)
            case CallStarted(step=step, item=item, key=key) as event if key:
                same = digest([event.call, event.arguments])
                if (step, item) in allowed:
                    assert allowed[step, item]
                    inherited[same] -= 1
                else:  # a further call than the original made
                    assert inherited[same] <= sum(1 for a in allowed if a != (step, item)), f"{event} was not asked about"


@few(12)
@given(scripts(people=True, models=True, loops=True, timers=True, most=7), SHAPES)
def test_a_replay_of_every_prefix_of_a_run_finds_nothing(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(replays_from_every_prefix(script, *shape))


@few(25)
@given(scripts(people=True, models=True, loops=True, most=7), SHAPES)
def test_a_fork_from_any_step_calls_its_cone_and_asks_before_it_repeats(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(forks(script, *shape))


@pytest.mark.proof
@many(0.3)
@given(scripts(people=True, models=True, loops=True, timers=True, most=12), SHAPES)
def test_replays_of_many_runs_find_nothing(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(replays_from_every_prefix(script, *shape))


@pytest.mark.proof
@many(0.5)
@given(scripts(people=True, models=True, loops=True, most=12), SHAPES)
def test_forks_of_many_runs_call_their_cones_and_ask(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(forks(script, *shape))
