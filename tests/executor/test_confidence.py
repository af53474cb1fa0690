"""Confidence: an answer below its floor does not count, whatever said so; its step takes its `otherwise`, or fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from bench import PLENTY, Bench

from executor.ask import ask_prompt
from executor.confidence import Floors
from executor.events import CallFailed, CallFinished, CallRetried, ConfidenceFell, Event
from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.compiler import compile_script
from planner.errors import CompileError, ModelRefused
from planner.llm.function import ToolCall
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models
from planner.tokens import count_messages
from planrail.forking import ForkWish
from planrail.view import Viewer
from tests.doc_tables import ROOT
from tests.rig import ANN, answer_of, reason_of, rig, role

INT = 'n = ask("How many?", returns=int{more})\nanswer(n)\n'


class Asked:
    """What a script's run came to, with a model of those replies."""

    def __init__(self, folder: Path, *replies: Any, **more: Any) -> None:
        self.folder, self.more = folder, more
        self.model = ScriptedModel(list(replies))
        self.events: list[Event] = []

    async def run(self, script: str) -> Run:
        async with rig(self.folder, models=Models(executor=role(self.model)), **self.more) as house:
            run = await house.carried(script)
            self.events = await house.events(run.id)
            return run

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]


async def test_an_answer_that_is_sure_enough_keeps_its_type_and_says_how_sure(tmp_path: Path) -> None:
    asked = Asked(tmp_path, '{"value": {"n": 5}, "sure": 0.9}')
    run = await asked.run('x = ask("How many?", returns={"n": int}, sure=0.8)\nanswer(x.n + 1)\n')
    assert answer_of(run) == 6
    assert [f.sure for f in asked.of(CallFinished) if f.step == "x"] == [0.9]
    assert asked.of(ConfidenceFell) == []


@pytest.mark.parametrize("sure", [0, 0.79])
async def test_an_unsure_answer_gives_way_to_otherwise(tmp_path: Path, sure: float) -> None:
    asked = Asked(tmp_path, f'{{"value": 5, "sure": {sure}}}')
    run = await asked.run(INT.format(more=", sure=0.8, otherwise=7"))
    assert answer_of(run) == 7
    finished = run.call("n").finished
    assert finished is not None
    assert (finished.how, finished.reason) == (
        "otherwise", f"unsure: The model is {sure:g} sure of its answer; 0.8 is the floor.",
    )  # fmt: skip
    assert finished.usage == run.usage != 0
    assert asked.of(ConfidenceFell) == [ConfidenceFell(step="n", measure="sure", value=sure, floor=0.8)]


async def test_an_unsure_answer_without_otherwise_is_a_surprise(tmp_path: Path) -> None:
    asked = Asked(tmp_path, '{"value": "a tree", "sure": 0.4}')
    run = await asked.run('x = ask("What is it?", sure=0.8)\nanswer(x)\n')
    assert reason_of(run) == "x: The model is 0.4 sure of its answer; 0.8 is the floor."
    assert [f.kind for f in asked.of(CallFailed)] == ["unsure"]


async def test_the_setting_is_the_floor_of_every_answer_that_names_none(tmp_path: Path) -> None:
    asked = Asked(tmp_path, '{"value": 5, "sure": 0.4}', '{"value": 1, "sure": 0.4}', floors=Floors(answers=0.5))
    run = await asked.run(
        'n = ask("How many?", returns=int, otherwise=0)\nc = choose("Which?", ["a", "b"], sure=0.3)\nanswer([n, c])\n'
    )
    assert answer_of(run) == [0, "b"]


async def test_nobody_is_asked_how_sure_it_is_without_a_floor(tmp_path: Path) -> None:
    asked = Asked(tmp_path, '{"value": 5}', "plain")
    run = await asked.run('n = ask("How many?", returns=int)\nt = ask("Say it.", about=n)\nanswer([n, t])\n')
    assert answer_of(run) == [5, "plain"]
    assert all("sure" not in m.content for r in asked.model.requests for m in r.messages)


@pytest.mark.parametrize("bad", ['{"value": 5}', '{"value": 5, "sure": 90}', '{"value": 5, "sure": "very"}'])
async def test_a_reply_that_does_not_say_how_sure_is_asked_for_again(tmp_path: Path, bad: str) -> None:
    asked = Asked(tmp_path, bad, '{"value": 5, "sure": 1}')
    assert answer_of(await asked.run(INT.format(more=", sure=0.8"))) == 5
    assert len(asked.of(CallRetried)) == 1


async def test_answers_that_never_fit_and_refusals_fall_below_every_floor(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "five", "five", ModelRefused("I will not."))
    run = await asked.run(
        'n = ask("How many?", returns=int, otherwise=0)\nt = ask("Say it.", about=n, otherwise="")\nanswer(t)\n'
    )
    assert answer_of(run) == ""
    assert asked.of(ConfidenceFell) == [
        ConfidenceFell(step="n", measure="invalid", value=0.0, floor=0.0),
        ConfidenceFell(step="t", measure="refused", value=0.0, floor=0.0),
    ]


async def test_one_item_of_a_map_may_be_unsure_and_the_view_tells(tmp_path: Path) -> None:
    model = ScriptedModel([f'{{"value": {n}, "sure": {s}}}' for n, s in ((1, 0.9), (2, 0.4), (3, 0.95))])
    async with rig(tmp_path, models=Models(executor=role(model))) as house:
        run = await house.carried(
            'ns = [ask("How many?", i=i, returns=int, sure=0.8, otherwise=0) for i in [1, 2, 3]]\nanswer(sum(ns))\n'
        )
        view = Viewer(run, house.toolset.specs, house.planning.terms, house.segments.load).view()
    assert view.answer == 4
    step = view.steps[0]
    assert (step.unsure, step.sure, step.instead) == (1, 0.4, 1)
    assert [(f.item, f.value, f.floor) for f in view.confidence] == [("1", 0.4, 0.8)]


SPREAD = 'ns = [ask("How many?", i=i, returns=int, otherwise=0) for i in range(6)]\nanswer(ns)\n'


def replies(good: int, bad: int) -> list[str]:
    return ['{"value": 5}'] * good + ["five"] * 2 * bad


async def test_a_run_most_of_whose_answers_do_not_count_stops_and_says_so(tmp_path: Path) -> None:
    asked = Asked(tmp_path, *replies(1, 9))
    run = await asked.run(f"{SPREAD}")
    assert reason_of(run) == "Only 17% of the models' answers count; the floor is 50% (share)."
    assert asked.of(ConfidenceFell)[-1] == ConfidenceFell(measure="share", value=0.1667, floor=0.5)
    assert not [e for e in asked.of(CallFinished) if e.step == "answer"]


@pytest.mark.parametrize(
    ("good", "bad", "floors"), [(3, 9, Floors()), (0, 9, Floors(share=0)), (0, 9, Floors(after=7))]
)  # fmt: skip
async def test_a_run_goes_on_while_enough_answers_count(tmp_path: Path, good: int, bad: int, floors: Floors) -> None:
    asked = Asked(tmp_path, *replies(good, bad), floors=floors)
    assert answer_of(await asked.run(SPREAD)).count(0) == 6 - good


async def test_where_no_otherwise_stands_it_is_the_step_that_is_told(tmp_path: Path) -> None:
    asked = Asked(tmp_path, *replies(0, 9))
    assert reason_of(await asked.run(SPREAD.replace(", otherwise=0", ""))).startswith("ns[0]: There is no JSON document")


async def test_a_resume_relies_on_the_models_anew(tmp_path: Path) -> None:
    model = ScriptedModel([*replies(0, 4), *replies(9, 0)])
    async with rig(tmp_path, models=Models(executor=role(model))) as house, house.engine():
        first = await house.rests(await house.submit(SPREAD, budget=Budget(parallel=4)))
        assert first.status == "failed"
        await house.runs.resume(first.id, ANN)
        run = await house.rests(first.id)
    assert answer_of(run) == [0, 0, 0, 0, 5, 5]


async def test_a_fork_with_a_higher_floor_asks_again(tmp_path: Path) -> None:
    model = ScriptedModel(['{"value": 5}', '{"value": 6, "sure": 0.9}'])
    async with rig(tmp_path, models=Models(executor=role(model))) as house, house.engine():
        first = await house.rests(await house.submit(INT.format(more="")))
        wish = ForkWish(step="answer", script=INT.format(more=", sure=0.8"))
        second = await house.rests((await house.runs.fork(first.id, ANN, wish)).id)
    assert (answer_of(first), answer_of(second)) == (5, 6)


LOOPS = 'x = do("How many?", tools=[t.look], max_calls=2, returns=int, sure=0.8{more})\nanswer(x)\n'


@tool(effect="read")
async def look() -> int:
    """Look."""
    return 4


@pytest.mark.parametrize(
    ("reply", "more", "ends", "fell"),
    [
        ('{"value": 4, "sure": 0.9}', "", 4, []),
        ('{"value": 4, "sure": 0.5}', ", otherwise=0", 0, [("sure", 0.5)]),
        ("four", ", otherwise=0", 0, [("invalid", 0.0)]),
        ('{"value": 4, "sure": 0.5}', "", "x: The model is 0.5 sure of its answer; 0.8 is the floor.", [("sure", 0.5)]),
    ],
)
async def test_the_answer_of_a_loop_has_its_floor_too_and_its_turns_are_no_answers(
    reply: str, more: str, ends: Any, fell: list[tuple[str, float]]
) -> None:
    def said(request: ModelRequest) -> ScriptedReply:
        looked = any(m.role == "tool" for m in request.messages)
        return reply if looked else ToolCall(id="c", name="t.look")

    bench = Bench(Toolset.of("t", [look]), Models(executor=role(ScriptedModel(said))), budget=PLENTY)
    run = await bench.run(LOOPS.format(more=more))
    assert run.ended is not None
    assert (run.ended.answer if run.status == "done" else run.ended.reason) == ends
    assert [(f.measure, f.value) for f in run.fell] == fell
    assert (run.counted, len(run.uncounted)) == (1 - len(fell), len(fell))
    events = await bench.events(run.id)
    for length in range(1, len(events)):
        again = Bench(Toolset.of("t", [look]), Models(executor=role(ScriptedModel(said))), budget=PLENTY)
        resumed = await again.carry_on(await again.restore(events[:length]))
        assert resumed.ended is not None
        assert (resumed.ended.answer, resumed.ended.reason) == (run.ended.answer, run.ended.reason)


def by_number(request: ModelRequest) -> str:
    """Sure of what is asked with an even number, unsure of one, silly about the others."""
    (number,) = re.findall(r'"i":(\d)', request.messages[1].content)
    return {"1": '{"value": 1, "sure": 0.1}'}.get(number, '{"value": 5, "sure": 0.9}' if int(number) % 2 == 0 else "five")


@pytest.mark.parametrize(
    ("items", "ends"), [([0, 1, 2, 3, 4, 5], "done"), ([1, 3, 5, 7, 0], "failed"), ([0, 2, 1, 3, 5], "failed")]
)  # fmt: skip
async def test_a_run_goes_on_from_every_prefix_of_its_journal_to_the_same_confidence(items: list[int], ends: str) -> None:
    script = SPREAD.replace("otherwise", "sure=0.5, otherwise").replace("range(6)", str(items))
    budget = PLENTY.model_copy(update={"parallel": 1})

    def bench_of() -> tuple[Bench, ScriptedModel]:
        model = ScriptedModel(by_number)
        return Bench(Toolset(), Models(executor=role(model)), budget=budget), model

    bench, _ = bench_of()
    end = await bench.run(script)
    assert end.status == ends
    events = await bench.events(end.id)
    for length in range(1, len(events)):
        again, model = bench_of()
        resumed = await again.carry_on(await again.restore(events[:length]))
        assert (resumed.ended and (resumed.ended.status, resumed.ended.answer, resumed.ended.reason)) == (
            end.ended and (end.ended.status, end.ended.answer, end.ended.reason)
        )
        assert resumed.uncounted == end.uncounted
        over = {r.event.item for r in events[:length] if isinstance(r.event, CallFinished)}
        asked = {number for request in model.requests for number in re.findall(r'"i":(\d)', request.messages[1].content)}
        assert not asked & {str(items[int(item)]) for item in over if item}


@pytest.mark.parametrize("floor", ["2", '"high"', "True", "x", "-0.1"])
def test_a_floor_is_written_as_a_number_from_0_to_1(floor: str) -> None:
    with pytest.raises(CompileError, match=r"`sure` is a number from 0 to 1"):
        compile_script(f'x = 1\nn = ask("?", sure={floor})\nanswer(n)\n', {})


@pytest.mark.parametrize(("returns", "told"), [("integer", "29 tokens"), ("string", "63 tokens")])
def test_what_a_floor_costs_is_what_the_docs_say(returns: str, told: str) -> None:
    plain, sure = (ask_prompt("Count.", {}, {"type": returns}, sure=sure) for sure in (False, True))
    assert f"{count_messages(sure.messages) - count_messages(plain.messages)} tokens" == told
    assert told in (ROOT / "docs" / "confidence.md").read_text(encoding="utf-8")


def test_a_journal_of_a_version_without_floors_still_loads() -> None:
    assert CallFinished.model_validate({"step": "x", "value": 1}).sure is None
