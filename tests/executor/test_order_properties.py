"""Any script gives what a reader, going line by line, would have seen; its effects happen in the order he would expect."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from agents import wanderer
from bench import PLENTY, Bench, answer_of, surprise_of
from hypothesis import example, given
from hypothesis import strategies as st
from permitted import Happened
from proofs import few, many
from reference import Outcome, Reference
from scripts import scripts
from worlds import Latency, World, tools_of

from executor.events import Question, QuestionAnswered, Recorded
from executor.run import Run
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models, Role
from planner.program import PERSON_KINDS, Program
from planner.toolspec import Json
from planner.worst import ModelTerms

SHAPES = st.tuples(st.integers(0, 1 << 30), st.integers(1, 8))  # of a schedule: the order of releases, calls at once


def rec(inputs: Json) -> Json:
    x = int(inputs["id"])
    return {"id": x, "n": x % 4, "flag": x % 3 == 0, "seen": 0}


def reply(request: ModelRequest) -> ScriptedReply:
    if request.tools:
        return wanderer(request)
    inputs = request.messages[-1].content.partition("Inputs: ")[2].partition("\n")[0]
    return json.dumps(rec(json.loads(inputs)))


MODELS = Models(executor=Role(ScriptedModel(reply), ModelTerms(model="small")))


def person(question: str) -> Json:
    """Says yes to most, no to some."""
    number = sum(map(ord, question))
    if question.startswith("all of"):
        return number % 5 != 0
    return None if number % 7 == 0 else number % 9


def answers(question: Question) -> QuestionAnswered:
    """What a person says who allows all that a policy asks about, as a reader of the script does."""
    answer = True if question.kind == "flow" else person(question.text)
    return QuestionAnswered(question=question.id, answer=answer, refused=answer is None, by="tester")


async def carried_out(script: str, shape: tuple[int, int]) -> tuple[Run, World, list[Recorded], Bench]:
    seed, parallel = shape
    world = World()
    budget = PLENTY.model_copy(update={"parallel": parallel})
    bench = Bench(tools_of(world, Latency(seed)), MODELS, answers=answers, budget=budget)
    run = await bench.run(script)
    return run, world, await bench.events(run.id), bench


def compare(script: str, shape: tuple[int, int]) -> None:
    run, world, events, bench = asyncio.run(carried_out(script, shape))
    judge(script, run, world, events, bench)


def judge(script: str, run: Run, world: World, events: list[Recorded], bench: Bench, *, more: bool = False) -> None:
    """Hold a run against its script; it may have made `more` calls than a reader would have seen."""
    meant = World()
    expected = Reference(meant, lambda _, inputs: rec(inputs), person).run(script)
    program = bench.program(script)
    if expected.surprise is None:
        assert answer_of(run) == expected.answer
        assert Counter(world.effects) == Counter(meant.effects)
        fewer = "poll(" in script  # one whose time is up: time went by while other calls were in flight
        assert world.calls == meant.calls or (fewer and world.calls <= meant.calls) or (more and world.calls >= meant.calls)
    else:
        unasked = same_surprise(run, program, expected)
        missing = Counter(before(script, unasked or expected.surprise.line)) - Counter(world.effects)
        assert not missing, f"a reader would have seen {missing}"
    Happened(program, events, world, dict(bench.toolset.specs)).check()


def before(script: str, line: int) -> list[tuple[str, int]]:
    """The effects of a script up to the statement that fails."""
    upto = World()
    reference = Reference(upto, lambda _, inputs: rec(inputs), person, until=line)
    reference.run(script)
    return upto.effects


def same_surprise(run: Run, program: Program, expected: Outcome) -> int | None:
    """Check what ended the run; the line of a person or a timer that was not waited for, as the run was to fail anyway."""
    assert expected.surprise is not None
    assert run.ended is not None
    assert run.ended.status == "failed", run.ended
    name, kind = surprise_of(run)
    step = program[name]
    silent = [s.at.line for s in program.steps if s.kind in PERSON_KINDS and s.id not in {*run.answers, *run.skipped}]
    silent += [s.at.line for s in program.steps if s.kind in ("wait", "poll") and not {s.id} & {*run.skipped, *over(run)}]
    if silent and min(silent) < step.at.line:
        return min(silent)
    if kind == "expect" and step.at.line > expected.surprise.line:  # it outranks what follows from the same cause
        cause = [s for s in program.steps if s.at.line == expected.surprise.line]
        assert any(step.reads() & (s.reads() | set(s.to)) for s in cause)
        return None
    lines = {step.at.line, *(g.test.at.line for g in step.guards)}
    assert expected.surprise.line in lines, (name, kind, run.surprises)
    assert kind == expected.surprise.kind, (name, kind, expected.surprise)
    return None


def over(run: Run) -> set[str]:
    """The steps of which the journal says how they ended."""
    return {step for (step, item), call in run.calls.items() if item == "" and (call.finished or call.failed)}


@few(25)
@given(scripts(timers=True), SHAPES)
def test_scripts_that_wait_poll_and_try_in_turn_give_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)


LOOKS_AND_ACTS = """\
v2 = a.put(x=1)
v4 = do("Go v3.", tools=[a.look, a.put], max_calls=2, returns={"id": int, "n": int, "flag": bool, "seen": int}, x=1)
v5 = a.add(x=1)
answer({"v2": v2, "v4": v4, "v5": v5})
"""  # `a.add` commutes with other effects, and not with what `a.look` sees
ALLOWED = """\
v2 = a.fetch(x=1)
v6 = do("Go v5.", tools=[a.look, a.put], max_calls=2, returns={"id": int, "n": int, "flag": bool, "seen": int}, x=v2.id)
answer({"v2": v2, "v6": v6})
"""  # the policy asks whether what `a.fetch` has given may decide that `a.put` is called


@few(25)
@given(scripts(loops=True, most=7), SHAPES)
@example(LOOKS_AND_ACTS, (0, 2))
@example(ALLOWED, (0, 1))
def test_scripts_with_loops_of_models_give_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)


@few(25)
@given(scripts(), SHAPES)
def test_any_script_gives_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)


@few(20)
@given(scripts(people=True, models=True), SHAPES)
def test_scripts_with_people_and_models_give_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)


@pytest.mark.proof
@many()
@given(scripts(most=14), SHAPES)
def test_thousands_of_scripts_give_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)


@pytest.mark.proof
@many()
@given(scripts(people=True, models=True, timers=True, loops=True, most=14), SHAPES)
def test_thousands_of_scripts_with_people_give_what_a_reader_would_have_seen(script: str, shape: tuple[int, int]) -> None:
    compare(script, shape)
