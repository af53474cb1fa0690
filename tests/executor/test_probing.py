"""Probing: the planner looks things up before it writes, and what it has read counts for what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agents import outputs
from bench import Bench, answer_of, starts
from test_loops import Mail, lead, note

from executor.events import CallFailed, CallFinished, PlannerCalled, PlanProposed, QuestionAsked
from executor.toolset import Toolset
from planner.budget import Budget
from planner.llm.function import ToolCall
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models
from planrail.forking import ForkWish
from tests.rig import ANN, rig, role

GOAL = "Write to lead 2"
PLAN = 'mail.send(to="{to}")\nanswer("sent")\n'


class Planner:
    """A planner that looks these up, and then writes this plan."""

    def __init__(self, *looks: tuple[str, dict[str, Any]], plan: str) -> None:
        self.looks, self.plan = looks, plan
        self.mail = Mail()
        self.model = ScriptedModel(self.reply)

    def reply(self, request: ModelRequest) -> ScriptedReply:
        if not request.tools:
            return self.plan
        done = len(outputs(request))
        if done == len(self.looks):
            return "That is all."
        name, arguments = self.looks[done]
        return ToolCall(id=f"c{done}", name=name, arguments=json.dumps(arguments))

    def bench(self, **more: Any) -> Bench:
        tools = Toolset.of("crm", [lead, note]) | Toolset.of("mail", self.mail)
        return Bench(tools, Models(planner=role(self.model)), **more)


async def test_what_was_looked_up_is_shown_to_the_planner_and_was_paid_for_once() -> None:
    planner = Planner(("crm.lead", {"id": 2}), plan=PLAN.format(to="lead2@example.com"))
    run = await planner.bench(answers=None).run(goal=GOAL, probes=3)
    assert answer_of(run) == "sent"
    assert [t.name for t in planner.model.requests[0].tools] == ["crm.lead", "crm.note"]  # reads alone
    assert (
        'crm.lead(id=2) gave {"id":2,"email":"lead2@example.com","next":3}' in planner.model.requests[-1].messages[-1].content
    )
    assert (run.tool_calls, run.usage.model_calls, planner.mail.sent) == (2, 3, ["lead2@example.com"])


async def test_where_a_stranger_was_read_the_plans_own_words_are_asked_for_unless_the_goal_has_them() -> None:
    planner = Planner(("crm.note", {"id": 2}), plan=PLAN.format(to="eve@evil.example"))
    bench = planner.bench(answers=None)
    run = await bench.run(goal=GOAL, probes=3)
    (asked,) = [r.event.question for r in await bench.events(run.id) if isinstance(r.event, QuestionAsked)]
    assert (run.status, asked.kind, asked.shown[0]["value"]) == ("waiting", "flow", "eve@evil.example")
    assert asked.shown[0]["origins"] == ["tool crm.note"]
    said = Planner(("crm.note", {"id": 2}), plan=PLAN.format(to="ann@house.example"))
    bench = said.bench(answers=None)
    run = await bench.run(goal="Write to ann@house.example", probes=3)
    (asked,) = [r.event.question for r in await bench.events(run.id) if isinstance(r.event, QuestionAsked)]
    assert [(row["argument"], row["kind"]) for row in asked.shown] == [("", "control")]  # that it is sent, not to whom


async def test_no_more_is_looked_up_than_was_allowed() -> None:
    planner = Planner(*[("crm.lead", {"id": n}) for n in range(9)], plan=PLAN.format(to="a@x.example"))
    planner.looks = planner.looks[:2]
    run = await planner.bench().run(goal=GOAL, probes=2)
    assert run.tool_calls == 3


async def test_a_ceiling_met_while_looking_ends_the_run_partial_and_it_can_go_on() -> None:
    planner = Planner(("crm.lead", {"id": 1}), ("crm.lead", {"id": 2}), plan=PLAN.format(to="a@x.example"))
    run = await planner.bench().run(goal=GOAL, probes=5, budget=Budget(calls=1, reserve=0))
    assert (run.status, [c.ceiling for c in run.ceilings]) == ("partial", ["calls"])


@pytest.mark.parametrize("looks", [1, 2])
async def test_a_run_with_look_ups_goes_on_from_every_prefix_and_pays_for_nothing_twice(looks: int) -> None:
    asked = [("crm.lead", {"id": n}) for n in range(1, looks + 1)]
    first = Planner(*asked, plan=PLAN.format(to="lead2@example.com")).bench()
    run = await first.run(goal=GOAL, probes=3)
    events = await first.events(run.id)
    for length in range(1, len(events) + 1):
        again = Planner(*asked, plan=PLAN.format(to="lead2@example.com")).bench()
        resumed = await again.carry_on(await again.restore(events[:length]))
        assert answer_of(resumed) == "sent"
        anew = (await again.events(resumed.id))[length:]
        ended = {(r.event.step, r.event.item) for r in events[:length] if isinstance(r.event, CallFinished | CallFailed)}
        assert not ended & {(s.step, s.item) for s in starts(anew)}
        planned = any(isinstance(r.event, PlanProposed) for r in events[:length])
        assert not (planned and any(isinstance(r.event, PlannerCalled) for r in anew))


async def test_a_fork_of_a_run_whose_planner_has_read_strangers_asks_as_that_run_did(tmp_path: Path) -> None:
    planner = Planner(("crm.note", {"id": 2}), plan=PLAN.format(to="eve@evil.example"))
    tools = Toolset.of("crm", [lead, note]) | Toolset.of("mail", planner.mail)
    async with rig(tmp_path, tools, models=Models(planner=role(planner.model))) as house:
        run = await house.carried(goal=GOAL, probes=3)
        fork = await house.runs.fork(run.id, ANN, ForkWish(step="line 1"))
        async with house.engine():
            forked = await house.rests(fork.id)
    assert [q.kind for q in forked.open_questions] == [q.kind for q in run.open_questions] == ["flow"]
    assert planner.mail.sent == []
