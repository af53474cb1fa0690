"""The estimate of what ReAct would have read, beside what a run in ReAct mode really reads, over a real socket."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmarks.thrift.form import Form
from benchmarks.thrift.outputs import Outputs
from benchmarks.thrift.workloads import Kind, Workload
from planner.budget import Budget
from planner.llm.openai import OpenAIModel
from planner.models import Models, Role
from planner.usage import Usage
from planner.worst import ModelTerms
from planrail.react import ReactEstimate
from planrail.view import Viewer
from tests.model_server import Called, ModelServer, Received, Reply
from tests.rig import answer_of, rig


def perfect(form: Form) -> Any:
    """A model that never errs: one call a turn, then the answer."""
    calls = list(chain.from_iterable(form.waves))

    def reply(request: Received) -> Reply:
        done = sum(1 for m in request.messages if m.role == "tool")
        if done == len(calls):
            return Reply(text=form.sentence)
        return Reply(calls=(Called(name=calls[done].tool.replace(".", "-"), arguments=calls[done].arguments),))

    return reply


def in_waves(form: Form) -> Any:
    """The same with several calls a turn: all whose inputs are known."""

    def reply(request: Received) -> Reply:
        turn = sum(1 for m in request.messages if m.role == "assistant")
        if turn == len(form.waves):
            return Reply(text=form.sentence)
        return Reply(calls=tuple(Called(name=c.tool.replace(".", "-"), arguments=c.arguments) for c in form.waves[turn]))

    return reply


async def really(form: Form, url: str, folder: Path) -> Usage:
    """What a run in ReAct mode takes, one call a turn."""
    planner = Role(OpenAIModel("key", url), ModelTerms(model="big", max_input_tokens=100_000))
    async with rig(folder, form.tools, models=Models(planner=planner)) as house:
        run = await house.carried(goal=form.goal, mode="react", one_call=True)
        assert form.answer in answer_of(run)
    return run.usage


async def estimated(form: Form, folder: Path) -> ReactEstimate:
    """What the run of a plan says that ReAct would have taken."""
    async with rig(folder, form.tools) as house:
        run = await house.carried(form.plans[0].script, goal=form.goal)
        assert form.answer in answer_of(run)
        view = Viewer(run, house.toolset.specs, house.planning.terms, house.segments.load).view()
    assert view.cost.react is not None
    return view.cost.react


@pytest.mark.parametrize("kind", ["chain", "fan-out", "leads"])
@pytest.mark.parametrize("size", [30, 200, 1_000, 5_000])
async def test_the_estimate_is_within_a_tenth_of_what_react_really_takes(
    kind: Kind, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outputs, "size", size)
    form = Workload(kind, 10, size).form
    (tmp_path / "react").mkdir()  # a test's own folder
    async with ModelServer(perfect(form)) as server:
        real = await really(form, server.url, tmp_path / "react")
    estimate = await estimated(form, tmp_path)
    assert estimate.turns == real.model_calls
    assert estimate.input_tokens == pytest.approx(real.input_tokens, rel=0.01)  # what is read is known to the token
    assert estimate.output_tokens == pytest.approx(real.output_tokens, rel=0.1)


@pytest.mark.parametrize("kind", ["chain", "fan-out", "leads"])
async def test_a_plan_a_loop_and_react_with_parallel_calls_give_the_same_answer(kind: Kind, tmp_path: Path) -> None:
    form = Workload(kind, 10, 30).form
    listed = ", ".join(form.tools.specs)
    script = f'answer(do("{form.goal}", tools=[{listed}], max_calls=40, model="planner"))\n'
    async with ModelServer(in_waves(form)) as server:
        planner = Role(OpenAIModel("key", server.url), ModelTerms(model="big", max_input_tokens=20_000))
        async with rig(tmp_path, form.tools, models=Models(planner=planner)) as house:
            runs = [
                await house.carried(form.plans[0].script, goal=form.goal),
                await house.carried(script, goal=form.goal, budget=Budget(usd=100)),
                await house.carried(goal=form.goal, mode="react"),
            ]
    assert all(form.answer in answer_of(run) for run in runs)
    assert len({run.tool_calls for run in runs}) == 1
    assert runs[2].usage.model_calls == len(form.waves) + 1
