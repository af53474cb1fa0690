"""Sessions: no schedule of runs side by side passes what a conversation shares; what is not used goes back to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench import PLENTY, Bench, answer_of
from hypothesis import given
from hypothesis import strategies as st
from journal_contract import BOUND_S, CANCEL, go, line
from proofs import few, many
from scripts import scripts
from test_budget_properties import models
from worlds import Latency, World, tools_of

from executor.errors import LostOwnership, SessionSpent
from executor.events import CallFinished, QuestionAnswered, RunEnded, RunResumed
from executor.journal import sessions
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal, Receipt
from executor.journal.postgres import PostgresDialect
from executor.journal.sql import SqlJournal
from executor.journal.sqlite import SqliteDialect
from executor.run import Run
from executor.session import SessionLimits, SessionUse, Share
from executor.submission import Principal, Submission
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.prices import FixedPrices, Rates
from planner.usage import Usage
from planner.worst import ModelTerms
from planrail.runs import Runs
from tests.warm import warm_python

LOCAL = Principal()


class Shop:
    """Tools that cost, and count how often they are called."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails = 0

    @tool(effect="read", usd=0.25)
    async def buy(self, x: int) -> int | ToolFailed:
        """Costs a quarter."""
        self.calls += 1
        if self.fails:
            self.fails -= 1
            return ToolFailed("Busy.", "transient")
        return x


def bench(shop: Shop, **limits: Any) -> Bench:
    return Bench(Toolset.of("s", shop), session=SessionLimits(**limits))


def buys(number: int) -> str:
    return f"bs = [s.buy(x=i) for i in range({number})]\nanswer(len(bs))\n"


def service(here: Bench) -> Runs:
    ids = iter(f"new{n}" for n in range(99))
    return Runs(
        here.journal, artifacts=here.artifacts, planning=here.planning, now=here.now, new_id=lambda: next(ids),
        session=here.session,
    )  # fmt: skip


def partial_at(run: Run, ceiling: str) -> str:
    assert run.ended is not None
    assert (run.status, run.ceilings[-1].ceiling) == ("partial", ceiling), run.ended
    return f"{run.ended.reason} {run.ended.hint}"


# -- any schedule

LIMITS = st.fixed_dictionaries({}, optional={"calls": st.integers(0, 25), "usd": st.floats(0, 1.5)})


async def held(plans: list[str], seed: int, limits: dict[str, Any], *, further: bool) -> None:
    world, (spoken, model) = World(), models()
    here = Bench(tools_of(world, Latency(seed)), spoken, session=SessionLimits(**limits))
    ids = [await here.submit(script, session="talk") for script in plans]
    runs = await asyncio.gather(*(here.carry_on(run) for run in ids))
    for run in runs if further else ():
        if run.status == "partial":  # what the others have not used is there for it now
            await here.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
            await here.carry_on(run.id)
    runs = [await here.state(run) for run in ids]
    calls, usd = sum(world.by_key.values()) + len(model.requests), sum(run.usage.usd for run in runs)
    assert calls <= limits.get("calls", calls)
    assert usd <= limits.get("usd", usd) + 1e-8
    for run in runs:
        assert run.status != "partial" or run.ceilings[-1].ceiling in ("session_calls", "session_usd")
    use = await here.journal.session("local", "talk")
    assert (use.used.calls, use.reserved) == (calls, Share())
    assert use.used.usd == pytest.approx(usd)


PLANS = st.lists(scripts(once=True, models=True, most=5), min_size=1, max_size=4)


@few(25)
@given(PLANS, st.integers(0, 1 << 30), LIMITS, st.booleans())
def test_no_schedule_of_parallel_runs_passes_a_sessions_ceiling(
    plans: list[str], seed: int, limits: dict[str, Any], further: bool
) -> None:
    asyncio.run(held(plans, seed, limits, further=further))


@pytest.mark.proof
@many(0.5)
@given(PLANS, st.integers(0, 1 << 30), LIMITS, st.booleans())
def test_none_of_many_schedules_of_parallel_runs_passes_a_sessions_ceiling(
    plans: list[str], seed: int, limits: dict[str, Any], further: bool
) -> None:
    asyncio.run(held(plans, seed, limits, further=further))


@few(15)
@given(scripts(once=True, models=True, most=6), st.integers(0, 1 << 30))
def test_a_session_that_has_exactly_what_a_run_takes_does_not_stop_it(script: str, seed: int) -> None:
    async def same() -> None:
        whole = Bench(tools_of(World(), Latency(seed)), models()[0])
        meant = await whole.run(script)
        calls = meant.tool_calls + meant.usage.model_calls
        here = Bench(tools_of(World(), Latency(seed)), models()[0], session=SessionLimits(calls=calls))
        run = await here.run(script, session="talk")
        assert (run.status, run.tool_calls) == (meant.status, meant.tool_calls)

    asyncio.run(same())


# -- several processes over one database


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_processes_that_carry_runs_of_one_session_on_do_not_pass_its_ceiling_together(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/journal.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    log, limit = tmp_path / "log", 40
    log.touch()

    async def begun(name: str, runs: int, items: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            warm_python(), str(Path(__file__).parent / "session_child.py"), url, str(log), name,
            str(runs), str(items), str(limit), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert await line(process) == "ready"
        return process

    async def ended(process: asyncio.subprocess.Process) -> list[str]:
        told = (await line(process)).split()
        await asyncio.wait_for(process.wait(), BOUND_S)
        return told

    processes = [await begun(name, 4, 7) for name in "abc"]  # 84 calls are wanted
    for process in processes:
        await go(process)
    statuses = Counter([s for process in processes for s in await ended(process)])
    calls = len(log.read_text().splitlines())
    assert 7 <= calls <= limit
    assert set(statuses) <= {"done", "partial"}
    assert 1 <= statuses["done"] <= limit // 7
    last = await begun("z", 1, 60)
    await go(last)
    assert await ended(last) == (["partial"])
    assert len(log.read_text().splitlines()) == limit  # what nobody has used was there, and no more


# -- what a run reserves, over every journal


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url) as opened:
            yield opened


async def taken(journal: Journal, run: str, *, session: str = "s", principal: str = "local") -> int:
    submission = Submission(goal="g", session=session, principal=Principal(id=principal))
    await journal.create(submission, run=run, key=run, now=datetime.now(UTC))
    await journal.create(submission, run=run, key=run, now=datetime.now(UTC))
    epoch = await journal.take(run, "w")
    assert epoch is not None
    return epoch


async def reserved(journal: Journal, run: str, epoch: int, calls: int, *, usd: float = 0.0, used: int = 0) -> tuple[Any, Any]:
    limits = SessionLimits(calls=10, usd=1.0)
    wanted = Share(calls=calls, usd=usd)
    recorded = await journal.reserve(run, "s", wanted, used=Share(calls=used), limits=limits, epoch=epoch)
    stored = (await journal.read(run))[-1]
    assert stored == recorded
    assert stored.event.type == "session_granted"
    return stored.event.calls, stored.event.usd


async def test_what_one_run_has_reserved_another_cannot(journal: Journal) -> None:
    a, b = await taken(journal, "a"), await taken(journal, "b")
    assert await reserved(journal, "a", a, 6, usd=0.9) == (6, 0.9)
    assert await reserved(journal, "b", b, 6, usd=0.9) == (4, 0.1)
    assert await reserved(journal, "a", a, 7) == (6, 0.0)
    use = await journal.session("local", "s")
    assert use == SessionUse(name="s", runs=2, reserved=Share(calls=10, usd=0.1))


async def test_reserving_at_once_gives_no_more_than_there_is(journal: Journal) -> None:
    epochs = [await taken(journal, f"r{i}") for i in range(8)]
    granted = await asyncio.gather(*(reserved(journal, f"r{i}", epoch, 3) for i, epoch in enumerate(epochs)))
    assert sorted(calls for calls, _ in granted) == [0, 0, 0, 0, 1, 3, 3, 3]


@pytest.mark.parametrize("status", ["done", "waiting", "queued"])
async def test_a_run_that_rests_counts_with_what_it_has_used(journal: Journal, status: Any) -> None:
    a, b = await taken(journal, "a"), await taken(journal, "b")
    await reserved(journal, "a", a, 10, usd=1.0)
    assert await reserved(journal, "b", b, 1) == (0, 0.0)
    spent = CallFinished(step="x", usage=Usage(model_calls=2, usd=0.5))
    await journal.append("a", [spent], epoch=a, status=status, release=True)
    assert (await journal.session("local", "s")).used == Share(calls=2, usd=0.5)
    assert await reserved(journal, "b", b, 10, usd=1.0) == (8, 0.5)


async def test_a_receipt_of_a_run_that_has_ended_is_counted(journal: Journal) -> None:
    a, b = await taken(journal, "a"), await taken(journal, "b")
    await reserved(journal, "a", a, 10)
    await journal.append("a", [RunEnded(status="cancelled")], epoch=a, status="cancelled", release=True)
    assert await reserved(journal, "b", b, 10) == (10, 0.0)
    late = CallFinished(step="x", usage=Usage(model_calls=3, usd=0.25))
    await journal.keep_receipt("a", Receipt(key="k", finished=late))
    assert await reserved(journal, "b", b, 10, usd=1.0) == (7, 0.75)


def asking(run: str, calls: int, epoch: int) -> sessions.Reservation:
    return sessions.Reservation(run, "local", "s", Share(calls=calls), Share(), SessionLimits(calls=10), epoch)


async def test_a_reservation_waits_for_one_that_is_under_way_in_another_process(postgres_url: str) -> None:
    async with await SqlJournal.open(postgres_url) as journal, asyncio.timeout(BOUND_S):
        a, b = await taken(journal, "a"), await taken(journal, "b")
        with journal.engine.begin() as connection:
            sessions.reserve(connection, PostgresDialect(), asking("a", 6, a), [], datetime.now(UTC))
            waiting = asyncio.create_task(reserved(journal, "b", b, 6))
            while not await asyncio.to_thread(_somebody_waits, journal):
                assert not waiting.done()
        assert (await waiting)[0] == 4


def _somebody_waits(journal: SqlJournal) -> bool:
    with journal.engine.connect() as connection:
        return bool(connection.exec_driver_sql("select count(*) from pg_locks where not granted").scalar_one())


async def test_what_a_run_reserves_after_it_was_looked_at_is_not_given_away(tmp_path: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        a, b = await taken(journal, "a"), await taken(journal, "b")
        await reserved(journal, "a", a, 5)
        await journal.append("a", [CANCEL], epoch=a, status="queued", release=True)
        with journal.engine.connect() as connection:
            seen = sessions.rested(connection, "local", "s")
        assert [one.run for one in seen] == ["a"]
        again = await journal.take("a", "w")
        assert again is not None
        await reserved(journal, "a", again, 9)
        with journal.engine.begin() as connection:
            granted = sessions.reserve(connection, SqliteDialect(), asking("b", 9, b), seen, datetime.now(UTC)).event
        assert granted.type == "session_granted"
        assert granted.calls == 1


async def test_who_has_lost_the_run_reserves_nothing(journal: Journal) -> None:
    a = await taken(journal, "a")
    await journal.take("a", "v", dead=["w"])
    with pytest.raises(LostOwnership):
        await reserved(journal, "a", a, 6)
    assert await journal.session("local", "s") == SessionUse(name="s", runs=1)


async def test_sessions_of_one_name_are_not_shared_by_two_principals(journal: Journal) -> None:
    a, b = await taken(journal, "a"), await taken(journal, "b", principal="eve")
    assert await reserved(journal, "a", a, 10) == (10, 0.0)
    assert await reserved(journal, "b", b, 10) == (10, 0.0)
    await taken(journal, "c", session="t")
    assert [r.id for r in await journal.find(session="s")] in (["a", "b"], ["b", "a"])
    assert [r.id for r in await journal.find(session="s", principal="eve", statuses=["running"])] == ["b"]
    assert (await journal.session("local", "t")).runs == 1


# -- runs, one after the other


async def test_the_second_run_of_a_session_has_what_the_first_has_left() -> None:
    shop = Shop()
    here = bench(shop, calls=10)
    assert answer_of(await here.run(buys(7), session="talk")) == 7
    second = await here.run(buys(7), session="talk")
    told = partial_at(second, "session_calls")
    assert shop.calls == 10
    assert "The ceiling session_calls (10) of the session talk was reached: 3 of it were left for this run." in told
    assert "raise PLANRAIL_SESSION_CALLS" in told
    assert answer_of(await here.run(buys(7), session="another")) == 7
    assert answer_of(await here.run(buys(7))) == 7


async def test_money_is_shared_too() -> None:
    shop = Shop()
    here = bench(shop, usd=1.5)
    assert answer_of(await here.run(buys(4), session="talk")) == 4
    partial_at(await here.run(buys(4), session="talk"), "session_usd")
    assert shop.calls == 6


async def test_a_partial_run_goes_on_when_the_session_is_given_more() -> None:
    shop = Shop()
    here = bench(shop, calls=5)
    run = await here.run(buys(7), session="talk")
    partial_at(run, "session_calls")
    here.session = SessionLimits(calls=7)
    await here.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    assert answer_of(await here.carry_on(run.id)) == 7
    assert shop.calls == 7


async def test_retries_take_what_the_session_has_left_and_no_more() -> None:
    shop = Shop()
    shop.fails = 2
    assert answer_of(await bench(shop, calls=3).run("b = s.buy(x=1)\nanswer(b)\n", session="talk")) == 1
    shop.fails = 2
    partial_at(await bench(shop, calls=2).run("b = s.buy(x=1)\nanswer(b)\n", session="talk"), "session_calls")
    assert shop.calls == 5


async def test_a_run_that_waits_for_a_person_holds_nothing_back() -> None:
    shop = Shop()
    here = bench(shop, calls=12)
    here.answers = None
    first, last = "as_ = [s.buy(x=i) for i in range(4)]", "bs = [s.buy(x=i + n) for i in range(2)]"
    waiting = await here.run(f'{first}\nn = len(as_) + ask_user("N?", returns=int)\n{last}\nanswer(bs)\n', session="talk")
    assert waiting.status == "waiting"
    assert waiting.granted is not None
    assert waiting.granted.calls == 12  # with retries
    assert answer_of(await here.run(buys(8), session="talk")) == 8
    here.answers = lambda q: QuestionAnswered(question=q.id, answer=1, by="ann")
    partial_at(await here.carry_on(waiting.id), "session_calls")
    assert shop.calls == 12


async def test_the_planners_own_calls_count() -> None:
    rates = Rates(input=1_000.0, cached_input=1_000.0, output=4_000.0)
    replies = ["bs = nothing.at_all(", buys(3), buys(3)]
    model = ScriptedModel(lambda request: f"```python\n{replies.pop(0)}\n```", prices=FixedPrices({"big": rates}))
    planner = Role(model, ModelTerms(model="big", rates=rates, max_output_tokens=100))
    shop = Shop()

    def of(**limits: Any) -> Bench:
        return Bench(Toolset.of("s", shop), Models(planner=planner), session=SessionLimits(**limits))

    here = of(calls=4)
    run = await here.run(None, goal="Buy three.", session="talk")
    partial_at(run, "session_calls")
    assert (len(model.requests), shop.calls) == (2, 2)  # a plan, its repair, and two calls of three
    assert (await here.journal.session("local", "talk")).used.calls == 4
    run = await here.run(None, goal="Buy three.", session="talk")
    assert "Asking the planner would pass the ceiling session_calls" in partial_at(run, "session_calls")
    assert len(model.requests) == 2
    partial_at(await of(usd=0.0).run(None, goal="Buy three.", session="talk"), "session_usd")
    assert len(model.requests) == 2


async def test_a_session_that_is_used_up_takes_no_further_run_but_knows_those_it_has() -> None:
    shop = Shop()
    here = bench(shop, calls=3)
    runs = service(here)
    asked = Submission(script=buys(3), session="talk", budget=PLENTY)
    first = await runs.submit(asked, key="k")
    assert answer_of(await here.carry_on(first.id)) == 3
    with pytest.raises(
        SessionSpent, match=r"The session talk has nothing left: its runs took 3 calls, .* session_calls"
    ) as caught:
        await runs.submit(asked)
    assert "PLANRAIL_SESSION_CALLS" in caught.value.hint
    assert (await runs.submit(asked, key="k")).id == first.id
    await runs.submit(asked.model_copy(update={"session": "another"}))
    assert [r.id for r in await runs.find(LOCAL, session="talk")] == [first.id]
    use = await runs.session("talk", LOCAL)
    assert (use.runs, use.used.calls, use.left()) == (1, 3, SessionLimits(calls=0))


async def test_without_ceilings_a_session_counts_and_stops_nothing() -> None:
    here = bench(Shop())
    for _ in range(2):
        assert answer_of(await here.run(buys(5), session="talk")) == 5
    use = await here.journal.session("local", "talk")
    assert use == SessionUse(name="talk", runs=2, used=Share(calls=10, usd=2.5))


async def test_a_submission_without_a_session_has_the_digest_that_it_had() -> None:
    assert Submission(goal="g").digest() == "941a39549842c4fe50ecfdcf60d171d3e22cb710f40fa7275cb144608e49650f"
    assert Submission(goal="g", session="s").digest() != Submission(goal="g").digest()


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "\udc80"])
def test_a_session_has_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(ValueError):
        Submission(goal="g", session=name)
