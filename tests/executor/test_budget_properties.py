"""No schedule of parallel branches passes a ceiling; at one the run ends partial, and goes on from there when it is raised."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from agents import wanderer
from bench import PLENTY, Bench, Clockwork, answer_of
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many
from scripts import scripts
from test_order_properties import rec
from worlds import FLAKY_USD, Latency, World, tools_of

from executor.events import CeilingReached, QuestionAnswered, Recorded, RunResumed, RunSubmitted
from executor.ledger import Ledger, Need
from executor.recorder import Recorder
from executor.run import Run, fold
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models, Role
from planner.prices import FixedPrices, Rates
from planner.usage import Usage
from planner.worst import ModelTerms

RATES = Rates(input=1_000.0, cached_input=1_000.0, output=4_000.0)  # $ a million tokens
TERMS = ModelTerms(model="small", rates=RATES, max_output_tokens=60)


def reply(request: ModelRequest) -> ScriptedReply:
    """Answers some questions only when it is told what was wrong; wanders where it has tools."""
    if request.tools:
        return wanderer(request)
    inputs = json.loads(
        next(m for m in request.messages if "Inputs: " in m.content).content.partition("Inputs: ")[2].partition("\n")[0]
    )
    repaired = any(m.role == "assistant" for m in request.messages)
    return json.dumps(rec(inputs)) if repaired or inputs["id"] % 3 else "I would say, it depends."


def models() -> tuple[Models, ScriptedModel]:
    model = ScriptedModel(reply, prices=FixedPrices({"small": RATES}))
    return Models(executor=Role(model, TERMS)), model


async def planned(bench: Bench, script: str, budget: Budget) -> str:
    """A run of the script whose budget is less than what the checker has certified it for; nothing is carried out yet."""
    run = await bench.submit(script)
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    state = fold(Run(run), await bench.journal.read(run))
    await bench.planning.plan(Recorder(bench.journal, state, epoch=epoch, now=bench.now))
    return await bench.restore(with_budget(await bench.events(run), budget))


def with_budget(events: list[Recorded], budget: Budget) -> list[Recorded]:
    first = events[0].event
    assert isinstance(first, RunSubmitted)
    submission = first.submission.model_copy(update={"budget": budget})
    return [events[0].model_copy(update={"event": first.model_copy(update={"submission": submission})}), *events[1:]]


BUDGETS = st.fixed_dictionaries(
    {},
    optional={
        "calls": st.integers(0, 20), "calls_per_step": st.integers(0, 4), "model_calls": st.integers(0, 5),
        "tokens": st.integers(0, 1_500), "usd": st.floats(0, 1.5), "parallel": st.integers(1, 8),
    },
)  # fmt: skip


async def held(script: str, seed: int, limits: dict[str, Any]) -> None:
    whole = Bench(tools_of(World(), Latency(seed)), models()[0])
    meant = await whole.run(script)
    budget = PLENTY.model_copy(update=limits)
    world, (spoken, model) = World(), models()
    bench = Bench(tools_of(world, Latency(seed)), spoken)
    run = await bench.carry_on(await planned(bench, script, budget))
    within(run, world, model, budget)
    if run.status == "partial":
        told(run, meant, limits)
        world.attempts.clear()
        await bench.journal.append(run.id, [RunResumed(by="ann", budget=PLENTY)], epoch=None, status="queued")
        run = await bench.carry_on(run.id)
    same(run, meant)


def within(run: Run, world: World, model: ScriptedModel, budget: Budget) -> None:
    assert sum(world.by_key.values()) <= budget.calls
    assert run.tool_calls == sum(world.by_key.values())
    assert max(run.calls_of.values(), default=0) <= budget.calls_per_step
    assert len(model.requests) <= budget.model_calls
    assert run.usage.model_calls == len(model.requests)
    assert run.usage.tokens <= budget.tokens
    assert run.usage.usd <= budget.usd + 1e-9
    spent = FLAKY_USD * sum(n for (name, _), n in world.calls.items() if name.endswith(".flaky"))
    assert spent <= run.usage.usd + 1e-9  # every attempt of a tool is paid, also one that is made again


def told(run: Run, meant: Run, limits: dict[str, Any]) -> None:
    """A partial run says which ceiling it met, and what it has."""
    assert run.ended is not None
    ceiling = run.ceilings[-1]
    assert ceiling.ceiling in limits
    assert ceiling.wanted > ceiling.limit == limits[ceiling.ceiling]
    assert f"The ceiling {ceiling.ceiling} (" in run.ended.reason
    if meant.status == "done":
        whole = answer_of(meant)
        assert all(whole[name] == value for name, value in run.ended.answer["bound"].items() if name in whole)


def same(run: Run, meant: Run) -> None:
    assert run.ended is not None
    assert meant.ended is not None
    assert (run.status, run.ended.answer) == (meant.status, meant.ended.answer)


@few(12)
@given(scripts(once=True, loops=True, most=4), st.integers(0, 1 << 30), BUDGETS)
def test_no_schedule_of_loops_passes_a_ceiling(script: str, seed: int, limits: dict[str, Any]) -> None:
    asyncio.run(held(script, seed, limits))


@few(20)
@given(scripts(once=True, models=True, most=7), st.integers(0, 1 << 30), BUDGETS)
def test_no_schedule_passes_a_ceiling(script: str, seed: int, limits: dict[str, Any]) -> None:
    asyncio.run(held(script, seed, limits))


@pytest.mark.proof
@many()
@given(scripts(once=True, models=True, loops=True, most=12), st.integers(0, 1 << 30), BUDGETS)
def test_none_of_many_schedules_passes_a_ceiling(script: str, seed: int, limits: dict[str, Any]) -> None:
    asyncio.run(held(script, seed, limits))


# -- each ceiling by itself


class Shop:
    """Tools that cost, that fail at first, and whose pages go on."""

    def __init__(self) -> None:
        self.calls = 0

    @tool(effect="read", usd=0.25)
    async def buy(self, x: int) -> int:
        """Costs a quarter."""
        self.calls += 1
        return x

    @tool(effect="read", retries=5)
    async def busy(self, x: int) -> int | ToolFailed:
        """Never answers."""
        self.calls += 1
        return ToolFailed("Busy.", "transient")

    @tool(effect="read")
    async def page(self, next: int | None = None) -> dict[str, Any]:
        """Pages without end."""
        self.calls += 1
        return {"items": [self.calls], "next": self.calls + 1}


async def limited(script: str, **limits: Any) -> tuple[Run, Shop, Bench]:
    shop = Shop()
    bench = Bench(Toolset.of("s", shop), models()[0])
    run = await planned(bench, script, PLENTY.model_copy(update=limits))
    return await bench.carry_on(run), shop, bench


def partial_at(run: Run, ceiling: str) -> None:
    assert run.ended is not None
    assert run.status == "partial", (run.ended, run.surprises)
    assert run.ceilings[-1].ceiling == ceiling
    assert f"--budget {ceiling}=" in run.ended.hint


BUYS = "a = s.buy(x=5)\nbs = [s.buy(x=i) for i in range(8)]\nanswer(sum(bs))\n"


@pytest.mark.parametrize(
    ("limits", "calls"),
    [
        ({"calls": 4}, 4),
        ({"calls": 0}, 0),
        ({"calls_per_step": 3}, 4),
        ({"usd": 1.0}, 4),
        ({"usd": 1.1, "parallel": 8}, 4),
        ({"usd": 1.0, "parallel": 1}, 4),
    ],
)
async def test_at_a_ceiling_nothing_more_starts_and_what_is_bound_is_told(limits: dict[str, Any], calls: int) -> None:
    run, shop, _ = await limited(BUYS, **limits)
    partial_at(run, next(iter(limits)))
    assert shop.calls == calls
    assert run.ended is not None
    assert run.ended.answer == {"bound": {"a": 5} if calls else {}}


@pytest.mark.parametrize("parallel", [1, 8])
async def test_what_exactly_suffices_is_no_ceiling(parallel: int) -> None:
    run, _, _ = await limited(BUYS, usd=2.25, calls=9, calls_per_step=8, parallel=parallel)
    assert answer_of(run) == 28


async def test_a_partial_run_goes_on_under_a_higher_ceiling_and_buys_nothing_twice() -> None:
    run, shop, bench = await limited(BUYS, calls=4)
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=PLENTY)], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id)) == 28
    assert shop.calls == 9


async def test_a_resumed_run_counts_what_it_took_before() -> None:
    run, shop, bench = await limited(BUYS, calls=4)
    six = PLENTY.model_copy(update={"calls": 6})
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=six)], epoch=None, status="queued")
    partial_at(await bench.carry_on(run.id), "calls")
    assert shop.calls == 6


async def test_retries_are_calls_and_a_step_that_a_ceiling_cut_short_has_not_failed() -> None:
    run, shop, bench = await limited("a = s.busy(x=1)\nanswer(a)\n", calls=3)
    partial_at(run, "calls")
    assert shop.calls == 3
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=PLENTY)], epoch=None, status="queued")
    assert (await bench.carry_on(run.id)).status == "failed"
    assert shop.calls == 9


async def test_a_step_that_a_ceiling_cut_short_does_not_take_its_otherwise() -> None:
    run, _, _ = await limited("a = s.busy(x=1, otherwise=7)\nanswer(a)\n", calls=3)
    partial_at(run, "calls")


async def test_pages_are_calls() -> None:
    run, shop, _ = await limited("a = pages(s.page(), limit=20)\nanswer(a)\n", calls=7)
    partial_at(run, "calls")
    assert shop.calls == run.tool_calls == 7


async def test_pages_that_fail_are_counted_all_the_same() -> None:
    run, shop, _ = await limited("a = pages(s.page(), otherwise=[])\nanswer(len(a))\n")
    assert answer_of(run) == 0
    assert shop.calls == run.tool_calls == 50


async def test_a_repair_is_a_model_call() -> None:
    run, _, bench = await limited(
        'a = ask("Say.", id=3, returns={"id": int, "n": int, "flag": bool, "seen": int})\nanswer(a)\n', model_calls=1
    )
    partial_at(run, "model_calls")
    assert run.usage.model_calls == 1
    two = PLENTY.model_copy(update={"model_calls": 3})
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=two)], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id))["id"] == 3


@pytest.mark.parametrize("limits", [{"model_calls": 0}, {"tokens": 50}, {"usd": 0.01}])
async def test_a_model_is_not_asked_beyond_a_ceiling(limits: dict[str, Any]) -> None:
    run, _, _ = await limited(
        'a = ask("Say.", id=1, returns={"id": int, "n": int, "flag": bool, "seen": int})\nanswer(a)\n', **limits
    )
    partial_at(run, next(iter(limits)))
    assert run.usage.model_calls == 0


async def test_a_map_with_more_items_than_the_fan_out_is_a_surprise_before_its_first_call() -> None:
    run, shop, _ = await limited("bs = [s.buy(x=i) for i in range(8)]\nanswer(bs)\n", fan_out=7)
    assert run.surprises[-1].kind == "fan_out"
    assert shop.calls == 0


async def test_a_filter_brings_a_map_within_its_limit() -> None:
    script = "n = s.buy(x=3)\nbs = [s.buy(x=i, limit=3) for i in range(8) if i < n]\nanswer(len(bs))\n"
    run, _, _ = await limited(script)
    assert answer_of(run) == 3
    run, shop, _ = await limited(script.replace("x=3", "x=4"))
    assert run.surprises[-1].kind == "fan_out"
    assert shop.calls == 1


async def test_a_resumed_run_has_the_fan_out_of_its_new_budget() -> None:
    run, _, bench = await limited("bs = [s.buy(x=i) for i in range(8)]\nanswer(len(bs))\n", fan_out=7)
    await bench.journal.append(run.id, [RunResumed(by="ann", budget=PLENTY)], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id)) == 8


async def test_no_more_calls_are_in_flight_than_the_budget_allows() -> None:
    class Busy:
        def __init__(self) -> None:
            self.now = self.most = 0

        @tool(effect="read")
        async def visit(self, x: int) -> int:
            """Stays for some turns of the loop."""
            self.now += 1
            self.most = max(self.most, self.now)
            for _ in range(20):
                await asyncio.sleep(0)
            self.now -= 1
            return x

    busy = Busy()
    bench = Bench(Toolset.of("b", busy), budget=PLENTY.model_copy(update={"parallel": 3}))
    assert answer_of(await bench.run("bs = [b.visit(x=i) for i in range(12)]\nanswer(len(bs))\n")) == 12
    assert busy.most == 3


async def test_the_runs_own_clock_is_a_ceiling_and_the_time_it_waits_for_people_does_not_count() -> None:
    bench = Bench(Toolset.of("s", Shop()), answers=None)
    run = await bench.run('n = ask_user("N?", returns=int)\na = s.buy(x=n)\nanswer(a)\n')
    clock = bench.now
    assert isinstance(clock, Clockwork)
    clock.now += timedelta(days=90)
    bench.answers = lambda q: QuestionAnswered(question=q.id, answer=1, by="ann")
    assert answer_of(await bench.carry_on(run.id)) == 1
    assert (await bench.state(run.id)).seconds < 60


async def test_a_run_whose_time_is_up_starts_nothing_and_lets_what_is_in_flight_end() -> None:
    run, shop, _ = await limited(BUYS, seconds=0)
    partial_at(run, "seconds")
    assert shop.calls == 0


# -- the ledger


def test_a_retry_reserves_its_own_need_and_lets_go_of_the_first_attempts() -> None:
    run = Run("r", budget=Budget(model_calls=3))
    ledger = Ledger(run)
    assert ledger.ask(("a", ""), Need(model_calls=1)) is None
    assert ledger.ask(("a", ""), Need(model_calls=1)) is None
    run.usage += Usage(model_calls=1)
    ledger.release(("a", ""), Need(model_calls=1))
    assert ledger.ask(("b", ""), Need(model_calls=1)) is None
    assert ledger.ask(("c", ""), Need(model_calls=1)) == CeilingReached(ceiling="model_calls", limit=3, wanted=4, step="c")


def test_what_takes_nothing_meets_no_ceiling() -> None:
    ledger = Ledger(Run("r", budget=Budget(calls=0, model_calls=0, tokens=0, usd=0)))
    assert ledger.ask(("a", ""), Need()) is None
