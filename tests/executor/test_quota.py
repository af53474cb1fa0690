"""Quotas: whatever happens at the same time, a principal has no more runs at once, and no more $ a day, than it may."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import PLENTY, Bench, answer_of
from hypothesis import example, given
from hypothesis import strategies as st
from journal_contract import BOUND_S, CANCEL, NOON, go, line
from proofs import few, many
from scripts import scripts
from test_budget_properties import models
from test_sessions import Shop, buys
from worlds import Latency, World, tools_of

from executor.errors import LostOwnership, QuotaExceeded
from executor.events import CallFinished, RunEnded, RunResumed
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal, Receipt
from executor.journal.postgres import PostgresDialect
from executor.journal.sql import SqlJournal
from executor.journal.sqlite import SqliteDialect
from executor.quota import Quota, QuotaUse, Stint, drawn, rested
from executor.submission import Principal, Submission
from executor.tenant import within
from executor.toolset import Toolset
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.prices import FixedPrices, Rates
from planner.usage import Usage
from planner.worst import ModelTerms
from planrail.runs import Runs
from tests.warm import warm_python

ANN = Principal(id="ann")
ACME = within(ANN, "acme")
TODAY = "2026-11-22"


@dataclass
class Clock:
    """The clock of a database, which a test sets."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journals(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sequence[Journal]]:
    """Two that stand for two processes over the same database, whose clock is the test's."""
    if request.param == "memory":
        yield (only := MemoryJournal(clock=clock)), only
        return
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    told = property(lambda _: str(int(clock.at.timestamp() * 1000)))
    for dialect in (SqliteDialect, PostgresDialect):
        monkeypatch.setattr(dialect, "clock_ms", told)
    async with asyncio.timeout(BOUND_S), await SqlJournal.open(url) as one, await SqlJournal.open(url) as other:
        yield one, other


async def begun(
    journal: Journal, run: str, principal: Principal = ANN, *, key: str = "", runs: int | None = None, usd: float | None = None
) -> bool:
    """Whether the run was let in."""
    submission = Submission(goal="g", principal=principal)
    try:
        await journal.create(submission, run=run, key=key or run, now=NOON, quota=Quota(runs=runs, usd=usd))
    except QuotaExceeded:
        return False
    return True


async def taken(journal: Journal, run: str, principal: Principal = ANN) -> int:
    assert await begun(journal, run, principal)
    epoch = await journal.take(run, "w")
    assert epoch is not None
    return epoch


async def draws(journal: Journal, run: str, wanted: float, *, used: float = 0.0, epoch: int = 1, limit: float = 1.0) -> float:
    """What the run may cost in all."""
    recorded = await journal.draw(run, wanted, used=used, limit=limit, epoch=epoch)
    stored = (await journal.read(run))[-1]
    assert stored == recorded
    assert stored.event.type == "quota_granted"
    return stored.event.usd


async def ends(journal: Journal, run: str, usd: float, status: Any = "done", epoch: int = 1) -> None:
    spent = [CallFinished(step="x", usage=Usage(usd=usd))]
    last = [RunEnded(status=status)] if status in ("done", "failed", "cancelled", "partial") else []
    await journal.append(run, [*spent, *last], epoch=epoch, status=status, release=True)


# -- runs at once


async def test_no_more_runs_than_that_are_let_in_at_the_same_time(journals: Sequence[Journal]) -> None:
    names = [f"r{n}" for n in range(12)]
    tenants = (ANN, ACME)
    let_in = await asyncio.gather(*(begun(journals[n % 2], run, tenants[n % 2], runs=5) for n, run in enumerate(names)))
    assert sum(let_in) == 5
    assert (await journals[0].quota("ann")).runs == 5
    assert await begun(journals[0], "other", Principal(id="bob"), runs=1)
    assert await begun(journals[0], "@acme", Principal(id="nna"), runs=1)
    known = names[let_in.index(True)]
    assert await begun(journals[1], "again", tenants[names.index(known) % 2], key=known, runs=5)  # it is there already
    assert await journals[1].get("again") is None


@pytest.mark.parametrize(("status", "frees"), [("done", True), ("failed", True), ("cancelled", True), ("waiting", True),
                                               ("queued", False), (None, False)])  # fmt: skip
async def test_a_run_that_ends_or_parks_makes_room_and_one_that_was_killed_does_not(
    journals: Sequence[Journal], status: Any, frees: bool
) -> None:
    epoch = await taken(journals[0], "a")
    if status is not None:
        await ends(journals[0], "a", 0.0, status, epoch)
    assert await begun(journals[1], "b", runs=1) is frees
    if status is None:  # whoever had it was killed; somebody takes it over, and ends it
        heir = await journals[1].take("a", "heir", dead=["w"], principal_runs=1)
        assert heir == 2
        await ends(journals[1], "a", 0.0, epoch=heir)
        assert await begun(journals[0], "c", runs=1)


async def test_what_is_answered_waits_for_its_turn_in_all_tenants(journals: Sequence[Journal]) -> None:
    for run, principal in (("a", ANN), ("b", ACME), ("c", ANN)):
        assert await begun(journals[0], run, principal)
    took = await asyncio.gather(*(journals[n % 2].take(run, "w", principal_runs=2) for n, run in enumerate("abc")))
    assert Counter(took) == {1: 2, None: 1}


# -- $ a day


async def test_what_one_run_has_reserved_another_cannot(journals: Sequence[Journal]) -> None:
    await taken(journals[0], "a")
    await taken(journals[1], "b", ACME)
    assert await draws(journals[0], "a", 0.75) == 0.75
    assert await draws(journals[1], "b", 0.75) == 0.25
    assert await draws(journals[0], "a", 0.9) == 0.75
    assert await journals[0].quota("ann") == QuotaUse(account="ann", day=TODAY, runs=2, reserved=1.0)
    await ends(journals[0], "a", 0.1)
    assert await journals[1].quota(ACME.id) == QuotaUse(account="ann", day=TODAY, runs=1, used=0.1, reserved=0.25)
    assert await draws(journals[1], "b", 2.0) == 0.9
    late = CallFinished(step="x", usage=Usage(usd=0.3))
    await journals[0].keep_receipt("a", Receipt(key="k", finished=late))
    assert (await journals[1].quota("ann")).used == 0.4
    assert await draws(journals[1], "b", 2.0) == 0.6


async def test_runs_that_have_drawn_alike_are_told_apart(journals: Sequence[Journal]) -> None:
    for run in "ab":
        await taken(journals[0], run)
        assert await draws(journals[1], run, 0.25) == 0.25
    assert await draws(journals[1], "a", 2.0) == 0.75


async def test_what_is_no_run_takes_of_the_day_too(journals: Sequence[Journal]) -> None:
    await taken(journals[0], "a")
    held = await journals[0].hold("ann", "preview 1", 0.7, used=0.0, limit=1.0)
    assert (held.account, held.usd) == ("ann", 0.7)
    assert await draws(journals[1], "a", 1.0) == 0.3
    await journals[1].settle("preview 1", 0.2)
    assert await draws(journals[0], "a", 1.0) == 0.8
    assert await journals[0].quota("ann") == QuotaUse(account="ann", day=TODAY, runs=1, used=0.2, reserved=0.8)


async def test_drawing_at_once_gives_no_more_than_there_is(journals: Sequence[Journal]) -> None:
    for n in range(8):
        await taken(journals[n % 2], f"r{n}")
    found = await asyncio.gather(*(draws(journals[n % 2], f"r{n}", 0.3) for n in range(8)))
    assert sorted(found) == pytest.approx([0.0] * 4 + [0.1] + [0.3] * 3)


async def test_who_has_lost_the_run_draws_nothing(journals: Sequence[Journal]) -> None:
    await taken(journals[0], "a")
    await journals[1].take("a", "v", dead=["w"])
    with pytest.raises(LostOwnership):
        await draws(journals[0], "a", 0.6)
    assert (await journals[0].quota("ann")).reserved == 0.0


async def test_a_run_that_was_killed_holds_what_it_had_reserved_until_it_rests(journals: Sequence[Journal]) -> None:
    await taken(journals[0], "a")
    await taken(journals[0], "b")
    assert await draws(journals[0], "a", 1.0) == 1.0
    assert await journals[1].take("a", "heir", dead=["w"]) == 2
    assert await draws(journals[1], "b", 1.0) == 0.0
    assert await draws(journals[1], "a", 0.5, epoch=2, used=0.2) == 0.5
    await journals[1].append("a", [CANCEL], epoch=2, status="queued", release=True)
    assert await draws(journals[1], "b", 1.0) == 1.0


async def test_what_a_run_that_rested_had_reserved_is_the_others_also_when_it_goes_on(journals: Sequence[Journal]) -> None:
    epoch = await taken(journals[0], "a")
    await taken(journals[1], "b")
    assert await draws(journals[0], "a", 1.0) == 1.0
    await journals[0].append("a", [CANCEL], epoch=epoch, status="waiting", release=True)
    assert await draws(journals[1], "b", 1.0) == 1.0
    await journals[1].append("a", [], epoch=None, status="queued", only_if=["waiting"])
    heir = await journals[1].take("a", "heir")
    assert heir is not None
    assert (await journals[0].quota("ann")).reserved == 1.0
    assert await draws(journals[0], "a", 1.0, epoch=heir) == 0.0


async def test_a_day_that_is_used_up_takes_no_further_run_until_the_next(journals: Sequence[Journal], clock: Clock) -> None:
    await taken(journals[0], "a")
    await draws(journals[0], "a", 1.0)
    assert await begun(journals[1], "b", usd=1.0)  # reserved is not used
    await ends(journals[0], "a", 1.0)
    with pytest.raises(QuotaExceeded) as refused:
        await journals[1].create(Submission(goal="g", principal=ACME), run="c", key="c", now=NOON, quota=Quota(usd=1.0))
    assert (refused.value.what, round(refused.value.again_in_s)) == ("usd", 12 * 3600)
    clock.at = NOON + timedelta(hours=12)
    assert await begun(journals[1], "c", ACME, usd=1.0)


async def test_a_clock_that_is_set_gives_no_day_twice(journals: Sequence[Journal], clock: Clock) -> None:
    for n, jump in enumerate((0, 1, 0, 400, -400, 0, 1)):
        clock.at = NOON + timedelta(days=jump)
        epoch = await taken(journals[n % 2], f"r{n}")
        left = 0.0 if n in (2, 5, 6) else 1.0
        assert await draws(journals[n % 2], f"r{n}", 1.0, epoch=epoch) == left
        await ends(journals[n % 2], f"r{n}", left, epoch=epoch)


async def test_a_run_takes_of_the_day_on_which_it_reserves(journals: Sequence[Journal], clock: Clock) -> None:
    for run in "ab":
        await taken(journals[0], run)
    assert await draws(journals[0], "a", 0.8) == 0.8
    clock.at += timedelta(days=1)
    assert await draws(journals[0], "b", 0.7) == 0.7
    assert await draws(journals[1], "a", 2.0, used=0.5) == pytest.approx(1.1)  # 0.8 of yesterday, and 0.3 that are left
    await ends(journals[0], "a", 0.9)
    assert (await journals[1].quota("ann")).used == pytest.approx(0.1)
    clock.at -= timedelta(days=1)
    assert (await journals[1].quota("ann")).used == 0.8


# -- any interleaving


ACTS = ("submit", "submit", "take", "take", "draw", "draw", "park", "answer", "kill", "end", "cancel", "late", "clock")
ANSWERED = [(act, 0, 0.5) for act in ("submit", "take", "park", "submit", "take", "answer", "take")]  # two would run
RESERVED_AGAIN = [  # what the first run had reserved is the second's, when the first one goes on
    *((act, 0, 1.0) for act in ("submit", "submit", "take", "take", "draw")),
    ("park", 0, 0.0),
    *((act, 0, 1.0) for act in ("draw", "answer", "take")),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 5), st.floats(0, 1.5),
    ),
    min_size=20,
    max_size=60,
)  # fmt: skip


@dataclass
class Office:
    """Runs of one principal over one journal, and what they really cost."""

    journal: Journal
    clock: Clock
    runs: int
    usd: float
    owned: dict[str, int] = field(default_factory=dict)  # by its epoch
    granted: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    days: set[str] = field(default_factory=set)
    count: int = 0

    async def step(self, act: str, number: int, amount: float) -> None:
        journal = self.journal
        fits = {"take": "queued", "answer": "waiting"}.get(act, "running")
        found = sorted(r.id for r in await journal.find(limit=200) if r.status == fits)
        run = found[number % len(found)] if found else ""
        if act == "submit":
            self.count += 1
            await begun(journal, f"r{self.count}", (ANN, ACME)[number % 2], runs=self.runs, usd=self.usd)
        elif act == "clock":
            self.clock.at = NOON + timedelta(days=number % 3)
        elif act in ("take", "kill"):
            dead = ["w"] if act == "kill" else []
            epoch = await journal.take(run, "w", dead=dead, principal_runs=self.runs)
            if epoch is not None:
                self.owned[run] = epoch
                self.granted.pop(run, None)
        elif act == "answer" and run:
            await journal.append(run, [], epoch=None, status="queued", only_if=["waiting"])
        elif run in self.owned:
            await self.owners(act, run, amount)

    async def owners(self, act: str, run: str, amount: float) -> None:
        epoch, spent = self.owned[run], self.spent[run]
        if act == "draw":
            self.days.add(self.clock.at.date().isoformat())
            self.granted[run] = await draws(
                self.journal, run, spent + amount, used=spent, epoch=epoch, limit=self.usd
            )  # fmt: skip
            return
        left = max(self.granted.get(run, spent) - spent, 0.0)
        cost = min(amount, left)
        self.spent[run] += cost
        finished = CallFinished(step="x", usage=Usage(usd=cost))
        status = {"park": "waiting", "end": "done", "cancel": "cancelled", "late": "cancelled"}[act]
        if act == "late":
            await self.journal.append(run, [], epoch=epoch, status="cancelled", release=True)
            await self.journal.keep_receipt(run, Receipt(key=f"late{epoch}", finished=finished))
        else:
            await self.journal.append(run, [finished], epoch=epoch, status=status, release=True)  # type: ignore[arg-type]  # one of three
        del self.owned[run]

    async def holds(self) -> None:
        records = await self.journal.find(limit=200)
        assert sum(r.status == "running" for r in records) <= self.runs
        assert sum(self.spent.values()) <= self.usd * len(self.days) + 1e-6
        use = await self.journal.quota("ann")
        assert use.used + use.reserved <= self.usd + 1e-6
        assert use.runs == sum(r.status in ("queued", "running") for r in records)


async def any_interleaving(steps: list[tuple[str, int, float]], runs: int, usd: float) -> None:
    clock = Clock()
    office = Office(MemoryJournal(clock=clock), clock, runs, usd)
    for step in steps:
        await office.step(*step)
        await office.holds()
    for run, epoch in list(office.owned.items()):
        await office.journal.append(run, [RunEnded(status="failed")], epoch=epoch, status="failed", release=True)
    use = await office.journal.quota("ann")
    assert use.reserved == 0.0


@few(60)
@example(ANSWERED, 1, 1.0)
@example(RESERVED_AGAIN, 2, 1.0)
@given(STEPS, st.integers(1, 2), st.floats(0.1, 2))
def test_no_interleaving_passes_a_quota_or_leaks_any_of_it(steps: list[tuple[str, int, float]], runs: int, usd: float) -> None:
    asyncio.run(any_interleaving(steps, runs, usd))


@pytest.mark.proof
@many()
@given(STEPS, st.integers(1, 2), st.floats(0.1, 2))
def test_none_of_many_interleavings_passes_a_quota(steps: list[tuple[str, int, float]], runs: int, usd: float) -> None:
    asyncio.run(any_interleaving(steps, runs, usd))


async def parallel_runs(plans: list[str], seed: int, usd: float) -> None:
    world, (spoken, _) = World(), models()
    here = Bench(tools_of(world, Latency(seed)), spoken, usd_a_day=usd)
    ids = [await here.submit(script) for script in plans]
    runs = await asyncio.gather(*(here.carry_on(run) for run in ids))
    for run in runs:
        assert run.status != "partial" or run.ceilings[-1].ceiling == "quota_usd"
        if run.status == "partial":
            await here.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
            await here.carry_on(run.id)
    cost = sum([(await here.state(run)).usage.usd for run in ids])
    assert cost <= usd + 1e-8
    use = await here.journal.quota("local")
    assert (use.reserved, use.runs) == (0.0, 0)
    assert use.used == pytest.approx(cost)


PLANS = st.lists(scripts(once=True, models=True, most=5), min_size=1, max_size=4)


@few(20)
@given(PLANS, st.integers(0, 1 << 30), st.floats(0, 1.5))
def test_no_schedule_of_parallel_runs_passes_a_day(plans: list[str], seed: int, usd: float) -> None:
    asyncio.run(parallel_runs(plans, seed, usd))


@pytest.mark.proof
@many(0.5)
@given(PLANS, st.integers(0, 1 << 30), st.floats(0, 1.5))
def test_none_of_many_schedules_of_parallel_runs_passes_a_day(plans: list[str], seed: int, usd: float) -> None:
    asyncio.run(parallel_runs(plans, seed, usd))


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_processes_that_carry_runs_of_one_principal_on_do_not_pass_its_day_together(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/journal.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    log, limit = tmp_path / "log", 20
    log.touch()
    child = str(Path(__file__).parent / "session_child.py")
    processes = [
        await asyncio.create_subprocess_exec(
            warm_python(), child, url, str(log), name, "3", "5", str(limit), "quota",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for name in "ab"
    ]  # fmt: skip
    for process in processes:
        assert await line(process) == "ready"
    for process in processes:
        await go(process)
    statuses = Counter([status for process in processes for status in (await line(process)).split()])
    for process in processes:
        await asyncio.wait_for(process.wait(), BOUND_S)
    calls = len(log.read_text().splitlines())
    assert 5 <= calls <= limit  # 30 are wanted, of which each costs a cent
    assert set(statuses) == {"done", "partial"}


# -- one run


async def test_a_run_ends_at_its_principals_day_and_says_what_to_do() -> None:
    shop = Shop()
    here = Bench(Toolset.of("s", shop), usd_a_day=1.0, budget=PLENTY)
    assert answer_of(await here.run(buys(3))) == 3
    run = await here.run(buys(3))
    assert run.ended is not None
    assert (run.status, run.ceilings[-1].ceiling, shop.calls) == ("partial", "quota_usd", 4)
    assert "The ceiling quota_usd of local ($1 a day) was reached" in run.ended.reason
    assert "or tomorrow (UTC)" in run.ended.hint


async def test_a_preview_takes_of_the_day_what_its_model_costs() -> None:
    rates = Rates(input=1_000.0, cached_input=1_000.0, output=4_000.0)
    model = ScriptedModel(lambda request: f"```python\n{buys(1)}\n```", prices=FixedPrices({"big": rates}))
    shop = Shop()
    planner = Role(model, ModelTerms(model="big", rates=rates, max_output_tokens=100))
    here = Bench(Toolset.of("s", shop), Models(planner=planner), usd_a_day=1.0)
    ids = (f"new{n}" for n in range(9))
    runs = Runs(
        here.journal, artifacts=here.artifacts, planning=here.planning, now=here.now, new_id=lambda: next(ids),
        quota=lambda principal: Quota(usd=5.0),
    )  # fmt: skip
    cost = (await runs.preview(Submission(goal="Buy one.", principal=ANN))).usage.usd
    assert 0.0 < cost < 5.0
    use = await here.journal.quota("ann")
    assert (use.used, use.reserved) == (pytest.approx(cost), 0.0)
    over = [await runs.preview(Submission(goal="Buy one.", principal=ANN)) for _ in range(int(5.0 / cost))][-1]
    assert over.ended is not None
    assert "would pass the ceiling quota_usd" in over.ended.reason
    assert (await here.journal.quota("ann")).used <= 5.0


def test_of_what_a_run_has_reserved_each_day_keeps_what_was_used() -> None:
    first = Stint(1, "d1", 0.0, 0.5, held=True)
    second = drawn("d2", 1.0, 1.2, 0.3, [first], 0.4)
    assert second == Stint(2, "d2", 0.5, 0.6, held=True)
    assert [(s.day, s.usd) for s in rested([first, second], 0.9)] == [("d1", 0.5), ("d2", 0.4)]
    assert [(s.day, s.usd) for s in rested([first, second], 0.2)] == [("d1", 0.2), ("d2", 0.0)]
