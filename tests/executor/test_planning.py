"""Planning: where a plan comes from, what becomes of one that is refused, and that no model is asked twice for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from bench import BOUND_S, PLENTY, Bench, answer_of

from executor.events import Event, PlanCertified, PlannerCalled, PlanProposed, PlanRefused, RunResumed
from executor.journal.memory import MemoryJournal
from executor.run import Run
from executor.submission import Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.errors import ModelRefused, ModelUnavailable
from planner.llm.openai import OpenAIModel
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models, Role
from planner.parse import parse_script
from planner.plan import Plan
from planner.playbook import Playbooks, parse_playbook
from planner.script import plan_of
from planner.usage import Usage
from planner.worst import ModelTerms
from tests.model_server import ModelServer, in_order

GOOD = "xs = t.find(n=2)\nanswer(len(xs))\n"
BAD = "xs = t.fnid(n=2)\nanswer(len(xs))\n"
WORSE = "answer(\n"

PLAYBOOKS = Playbooks(
    parse_playbook(name, text)
    for name, text in {
        "list": '---\ngoal: "List {n} things"\nparams: {n: int = 2}\n---\nxs = t.find(n=n)\nanswer(len(xs))\n',
        "broken": '---\ngoal: "Break {n} things"\nparams: {n: int = 2}\nfallback: list.plan\n---\nanswer(t.gone(n=n))\n',
        "lost": '---\ngoal: "Lose {n} things"\nparams: {n: int = 2}\nfallback: nowhere.plan\n---\nanswer(t.gone(n=n))\n',
    }.items()
)


@tool(effect="read")
async def find(n: int) -> list[int]:
    """So many things."""
    return list(range(n))


def bench_of(*replies: ScriptedReply, journal: MemoryJournal | None = None, **more: Any) -> tuple[Bench, ScriptedModel]:
    model = ScriptedModel(list(replies))
    terms = ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=400)
    models = Models(planner=Role(model, terms)) if replies else Models()
    bench = Bench(Toolset.of("t", [find]), models, playbooks=PLAYBOOKS, journal=journal or MemoryJournal(), **more)
    return bench, model


async def kinds(bench: Bench, run: Run) -> list[str]:
    return [r.event.type for r in await bench.events(run.id)]


def reason(run: Run) -> str:
    assert run.ended is not None
    assert run.status == "failed", run.ended
    return run.ended.reason


# -- where plans come from


async def test_a_script_is_the_plan() -> None:
    bench, _ = bench_of()
    assert answer_of(await bench.run(GOOD)) == 2


async def test_a_typed_plan_is_the_plan() -> None:
    bench, _ = bench_of()
    run = await bench.run(plan=plan_of(parse_script(GOOD)))
    assert answer_of(run) == 2
    assert run.certified is not None
    assert run.certified.plan == plan_of(parse_script(GOOD))


async def test_a_typed_plan_that_holds_no_expression_is_refused_in_words() -> None:
    bench, _ = bench_of()
    plan = Plan.model_validate({"statements": [{"kind": "let", "to": ["x"], "value": "1 +"}]})
    assert "does not compile" in reason(await bench.run(plan=plan))


async def test_a_playbook_is_taken_by_name_with_its_parameters() -> None:
    bench, _ = bench_of()
    run = await bench.run(playbook="list", params={"n": 5})
    assert answer_of(run) == 5
    assert run.certified is not None
    assert run.certified.params == {"n": 5}


async def test_a_goal_that_has_a_playbooks_structure_needs_no_model() -> None:
    bench, _ = bench_of()
    run = await bench.run(goal="List 3 things")
    assert answer_of(run) == 3
    assert run.usage == Usage()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"playbook": "lists"}, "lists"),
        ({"playbook": "list", "params": {"m": 1}}, "no parameter m"),
    ],
)
async def test_a_playbook_that_cannot_be_used_says_why(asked: dict[str, Any], told: str) -> None:
    bench, _ = bench_of()
    assert told in reason(await bench.run(**asked))


async def test_a_goal_that_nothing_fits_lists_the_nearest_playbooks_and_the_settings_that_add_a_model() -> None:
    bench, _ = bench_of()
    told = reason(await bench.run(goal="List all the things there are"))
    assert "list: List {n} things" in told
    assert "OPENAI_API_KEY" in told
    assert "OPENAI_BASE_URL" in told


async def test_the_model_writes_a_plan_for_any_other_goal() -> None:
    bench, model = bench_of(f"Here it is:\n```python\n{GOOD}```\n")
    run = await bench.run(goal="Count things for me")
    assert answer_of(run) == 2
    assert "Count things for me" in "".join(m.content for m in model.requests[0].messages)
    assert "t.find" in "".join(m.content for m in model.requests[0].messages)
    assert run.usage.model_calls == 1


# -- refusals and repairs


async def test_a_refused_plan_is_repaired_with_the_diagnostics_and_both_answers_are_billed() -> None:
    bench, model = bench_of(BAD, GOOD)
    run = await bench.run(goal="Count things for me")
    assert answer_of(run) == 2
    told = "".join(m.content for m in model.requests[1].messages)
    assert "t.fnid" in told
    assert "There is no tool" in told
    assert [c.purpose for c in run.planner_calls] == ["write", "repair"]
    assert run.usage == sum((c.usage for c in run.planner_calls), Usage())
    assert run.usage.model_calls == 2


@pytest.mark.parametrize("repairs", [0, 1, 2])
async def test_after_so_many_repairs_the_run_fails_and_everything_is_billed(repairs: int) -> None:
    bench, model = bench_of(*[BAD] * 9)
    run = await bench.run(goal="Count things for me", budget=PLENTY.model_copy(update={"repairs": repairs}))
    assert "t.fnid" in reason(run)
    assert len(model.requests) == repairs + 1
    assert run.usage.model_calls == repairs + 1
    assert [(f.measure, f.step) for f in run.fell] == [("repairs", "")]
    assert "\n  list: List {n} things" in (run.ended.hint if run.ended else "")


async def test_an_answer_that_is_no_script_is_repaired() -> None:
    bench, _ = bench_of("I am sorry, I cannot do that.", WORSE, GOOD)
    run = await bench.run(goal="Count things for me")
    assert answer_of(run) == 2
    assert len(run.refusals) == 2


async def test_an_answer_that_was_cut_off_is_repaired_and_the_model_is_told_so() -> None:
    long = "# a long word\n" * 300 + GOOD
    bench, model = bench_of(long, GOOD)
    run = await bench.run(goal="Count things for me")
    assert answer_of(run) == 2
    assert "cut off" in "".join(m.content for m in model.requests[1].messages)
    assert run.usage.model_calls == 2
    assert run.usage.output_tokens > 400


@pytest.mark.parametrize("error", [ModelRefused, ModelUnavailable])
async def test_a_model_that_gives_no_plan_ends_the_run_and_is_billed(error: type[ModelRefused]) -> None:
    bench, _ = bench_of(error("Not today.", usage=Usage(model_calls=1, input_tokens=50)))
    run = await bench.run(goal="Count things for me")
    assert "Not today." in reason(run)
    assert run.usage.input_tokens == 50


async def test_a_script_that_is_refused_is_not_sent_to_a_model() -> None:
    bench, model = bench_of(GOOD)
    assert "t.fnid" in reason(await bench.run(BAD))
    assert model.requests == []


async def test_a_playbook_that_is_refused_gives_way_to_its_fallback() -> None:
    bench, _ = bench_of()
    run = await bench.run(goal="Break 4 things")
    assert answer_of(run) == 4
    assert run.proposed is not None
    assert (run.proposed.source, run.proposed.playbook) == ("fallback", "list")


async def test_a_fallback_that_is_not_there_ends_the_run_with_both_reasons() -> None:
    bench, _ = bench_of()
    told = reason(await bench.run(goal="Lose 4 things"))
    assert "t.gone" in told
    assert "nowhere" in told


async def test_a_planner_that_a_ceiling_forbids_is_not_asked() -> None:
    bench, model = bench_of(GOOD)
    run = await bench.run(goal="Count things for me", budget=PLENTY.model_copy(update={"tokens": 100}))
    assert run.status == "partial"
    assert run.ceilings[-1].ceiling == "tokens"
    assert model.requests == []


async def test_a_repair_that_a_ceiling_forbids_ends_the_run_partial() -> None:
    bench, model = bench_of(BAD, GOOD)
    run = await bench.run(goal="Count things for me", budget=PLENTY.model_copy(update={"model_calls": 1}))
    assert run.status == "partial"
    assert len(model.requests) == 1
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=PLENTY)], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id)) == 2


# -- structured output


async def test_a_model_may_answer_in_the_schema_of_plans() -> None:
    bench, model = bench_of(plan_of(parse_script(GOOD)).model_dump_json(), as_json=True)
    assert answer_of(await bench.run(goal="Count things for me")) == 2
    assert model.requests[0].response_schema is not None


@pytest.mark.parametrize(
    "reply", ["no JSON", '{"version": 1}', '{"version": 1, "statements": [{"kind": "let", "to": ["x"], "value": "1 +"}]}']
)
async def test_a_structured_answer_that_is_no_plan_is_repaired(reply: str) -> None:
    bench, _ = bench_of(reply, plan_of(parse_script(GOOD)).model_dump_json(), as_json=True)
    run = await bench.run(goal="Count things for me")
    assert answer_of(run) == 2
    assert run.usage.model_calls == 2


async def test_a_plan_comes_through_a_real_server_and_its_own_figures_are_billed() -> None:
    async with ModelServer(in_order(BAD, GOOD)) as server:
        role = Role(OpenAIModel("sk-test", server.url), ModelTerms(model="big", max_input_tokens=50_000))
        bench = Bench(Toolset.of("t", [find]), Models(planner=role))
        run = await bench.run(goal="Count things for me")
        assert answer_of(run) == 2
        billed = [server.requests[i].usage(r)["total_tokens"] for i, r in enumerate(in_order_replies(BAD, GOOD))]
        assert run.usage.tokens == sum(billed)


def in_order_replies(*texts: str) -> list[Any]:
    choose = in_order(*texts)
    return [choose(None) for _ in texts]  # type: ignore[arg-type]  # replies in order look at no request


# -- crashes


class Crashed(BaseException):
    """The process is killed."""


class Dying(MemoryJournal):
    """A journal whose process dies at one of its writes, before it or after it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.dies_before, self.dies_after = 0, -1, -1

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        self.writes += 1
        if self.writes == self.dies_before:
            raise Crashed
        seq = await super().append(run, events, **more)
        if self.writes == self.dies_after:
            raise Crashed
        return seq


async def crash(at: int, *replies: ScriptedReply, **submission: Any) -> tuple[Run, ScriptedModel, bool]:
    """A run that dies after its write of that number, and is carried on by another owner."""
    journal = Dying()
    bench, model = bench_of(*replies, journal=journal)
    run = await bench.submit(**submission)
    journal.dies_after = at
    died = False
    async with asyncio.timeout(BOUND_S):
        try:
            await bench.segment(run)
        except Crashed:
            died = True
        return await bench.carry_on(run), model, died


@pytest.mark.parametrize(
    ("replies", "submission"),
    [
        ((GOOD,), {"goal": "Count things for me"}),
        ((BAD, GOOD), {"goal": "Count things for me"}),
        ((BAD, BAD, GOOD), {"goal": "Count things for me"}),
        (("words", GOOD), {"goal": "Count things for me"}),
        ((), {"goal": "Break 2 things"}),
        ((), {"script": GOOD}),
    ],
)
async def test_a_run_that_dies_between_two_planning_events_goes_on_without_asking_again(
    replies: tuple[str, ...], submission: dict[str, Any]
) -> None:
    deaths = 0
    for at in range(1, 14):
        run, model, died = await crash(at, *replies, **submission)
        deaths += died
        assert answer_of(run) == 2
        assert len(model.requests) == len(replies)
        assert run.usage.model_calls == len(replies)
    assert deaths >= 3


async def test_a_model_that_failed_is_not_asked_again_after_a_crash() -> None:
    for at in range(1, 6):
        run, model, _ = await crash(at, ModelRefused("No.", usage=Usage(model_calls=1)), goal="Count things for me")
        assert run.status == "failed"
        assert len(model.requests) == 1
        assert run.usage.model_calls == 1


async def test_the_stages_of_planning_stand_in_the_journal_in_their_order() -> None:
    bench, _ = bench_of(BAD, GOOD)
    run = await bench.run(goal="Count things for me")
    wanted = (PlannerCalled, PlanProposed, PlanRefused, PlanCertified)
    stages = [type(r.event) for r in await bench.events(run.id) if isinstance(r.event, wanted)]
    assert stages == [PlannerCalled, PlanProposed, PlanRefused, PlannerCalled, PlanProposed, PlanCertified]


async def test_a_plan_whose_tool_has_changed_since_is_not_carried_out() -> None:
    @tool(effect="read", name="find")
    async def other(n: int, m: int = 1) -> list[int]:
        """So many things."""
        return []

    bench, _ = bench_of()
    events = await bench.events((await bench.run(GOOD)).id)
    cut = next(i for i, r in enumerate(events) if isinstance(r.event, PlanCertified))
    changed = Bench(Toolset.of("t", [other]))
    assert "has changed" in reason(await changed.carry_on(await changed.restore(events[: cut + 1])))


def test_a_submission_names_one_plan_at_most_and_a_goal_at_least() -> None:
    for wrong in ({}, {"goal": "  "}, {"script": GOOD, "playbook": "list"}, {"goal": "\ud800"}):
        with pytest.raises(ValueError):
            Submission(**wrong)  # type: ignore[arg-type]  # that is the point
    assert Submission(script=GOOD).goal == ""
