"""The estimate of what ReAct would have read, beside a ReAct agent that really reads it, over a real socket."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmarks.thrift.workloads import FUNCTIONS, Kind, Outputs, Workload
from planner.llm.function import ToolFunction
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, ModelRequest, complete
from planner.usage import NO_USAGE, Usage
from planrail.react import INSTRUCTIONS, ReactEstimate
from planrail.view import Viewer
from tests.model_server import Called, ModelServer, Received, Reply
from tests.rig import answer_of, rig


def perfect(workload: Workload) -> Any:
    """A model that never errs: one call a turn, then the answer."""
    calls = list(chain.from_iterable(workload.waves))

    def reply(request: Received) -> Reply:
        done = sum(1 for m in request.messages if m.role == "tool")
        if done == len(calls):
            return Reply(text=workload.sentence)
        return Reply(calls=(Called(name=calls[done].tool.replace(".", "-"), arguments=calls[done].arguments),))

    return reply


async def really(workload: Workload, url: str) -> Usage:
    """What ReAct takes, one call a turn."""
    model, spent = OpenAIModel("key", url), NO_USAGE
    specs = workload.tools.specs.values()
    tools = tuple(ToolFunction(name=s.name, description=s.description, parameters=s.input_schema) for s in specs)
    messages = [Message(role="system", content=INSTRUCTIONS), Message(role="user", content=workload.goal)]
    while True:
        reply = await complete(model, ModelRequest(model="big", messages=tuple(messages), tools=tools, parallel_calls=False))
        spent += reply.usage
        if not reply.calls:
            assert workload.answer in reply.text
            return spent
        messages.append(Message(role="assistant", content=reply.text, calls=reply.calls))
        for call in reply.calls:
            given = await FUNCTIONS[call.name.replace(".", "_")](**json.loads(call.arguments))
            messages.append(Message(role="tool", content=given.model_dump_json(), call_id=call.id))


async def estimated(workload: Workload, folder: Path) -> ReactEstimate:
    """What the run of a plan says that ReAct would have taken."""
    async with rig(folder, workload.tools) as house:
        run = await house.carried(workload.script, goal=workload.goal)
        assert workload.answer in answer_of(run)
        view = Viewer(run, house.toolset.specs, house.planning.terms, house.segments.load).view()
    assert view.cost.react is not None
    return view.cost.react


@pytest.mark.parametrize("kind", ["chain", "fan-out", "leads"])
@pytest.mark.parametrize("size", [30, 200, 1_000])
async def test_the_estimate_is_within_a_tenth_of_what_react_really_takes(
    kind: Kind, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outputs, "size", size)
    workload = Workload(kind, 10, size)
    async with ModelServer(perfect(workload)) as server:
        real = await really(workload, server.url)
    estimate = await estimated(workload, tmp_path)
    assert estimate.turns == real.model_calls
    assert estimate.input_tokens == pytest.approx(real.input_tokens, rel=0.1)
    assert estimate.output_tokens == pytest.approx(real.output_tokens, rel=0.1)
