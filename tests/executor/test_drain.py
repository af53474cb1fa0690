"""Drain: a worker that is stopped starts nothing new, lets what is in flight settle, and gives its runs back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bench import BOUND_S, Bench, answer_of, starts, surprise_of

from executor.engine.jobs import Deferral, bring_jobs_to_head
from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers
from executor.engine.procrastinate import ProcrastinateEngine
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal
from executor.run import is_over
from executor.tool import tool
from executor.toolset import Toolset

CHAIN = "a = p.slow()\nb = p.quick(n=a)\nanswer(b)\n"


@dataclass
class Work:
    """A read that lasts until it is let go, one that does not last, and one that fails when it is let go."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    called: list[str] = field(default_factory=list)

    @tool(effect="read")
    async def slow(self) -> int:
        """A number, in the end."""
        self.called.append("slow")
        self.begun.set()
        await self.go.wait()
        return 7

    @tool(effect="read")
    async def quick(self, n: int) -> int:
        """A number."""
        self.called.append("quick")
        return n + 1

    @tool(effect="read", retries=0)
    async def broken(self) -> int:
        """Fails, in the end."""
        await self.go.wait()
        raise ValueError("broken")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    elif request.param == "sqlite":
        async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as opened:
            yield opened
    else:
        async with await SqlJournal.open(request.getfixturevalue("postgres_url"), queued=Deferral()) as opened:
            await asyncio.to_thread(bring_jobs_to_head, opened.engine)
            yield opened


@dataclass
class Site:
    """A bench with engines over its journal."""

    bench: Bench
    work: Work

    def engine(self, worker: str, *, drain_s: float = BOUND_S) -> AbstractAsyncContextManager[object]:
        journal, advance = self.bench.journal, self.bench.segments(worker=worker).advance
        if isinstance(journal, SqlJournal) and journal.engine.name == "postgresql":
            return ProcrastinateEngine(journal, advance, database=journal.engine, worker=worker, drain_s=drain_s)
        return LocalEngine(journal, advance, liveness=KnownWorkers("w", "w2"), worker=worker, drain_s=drain_s)

    async def drained(self, script: str, *, drain_s: float = BOUND_S, let_go: bool = True) -> str:
        """A run whose worker was stopped while it had calls in flight; they settle after the worker was told so."""
        run = await self.bench.submit(script)
        async with asyncio.timeout(BOUND_S):
            engine = self.engine("w", drain_s=drain_s)
            await engine.__aenter__()
            await self.work.begun.wait()
            leaving = asyncio.create_task(engine.__aexit__(None, None, None))
            for _ in range(50):  # turns of the loop: the worker drains by now
                await asyncio.sleep(0)
            if let_go:
                self.work.go.set()
            await leaving
        return run

    async def carried_on(self, run: str) -> None:
        self.work.go.set()
        async with asyncio.timeout(BOUND_S), self.engine("w2"):
            async for _ in self.bench.journal.changes():
                record = await self.bench.journal.get(run)
                if record is not None and is_over(record.status):
                    return


@pytest.fixture
def site(journal: Journal) -> Site:
    work = Work()
    return Site(Bench(Toolset.of("p", work), journal=journal), work)


async def status_of(site: Site, run: str) -> tuple[str, str | None]:
    record = await site.bench.journal.get(run)
    assert record is not None
    return record.status, record.owner


async def test_what_is_in_flight_settles_nothing_new_starts_and_another_worker_goes_on(site: Site) -> None:
    run = await site.drained(CHAIN)
    assert await status_of(site, run) == ("queued", None)
    assert site.work.called == ["slow"]
    assert [e.step for e in starts(await site.bench.events(run))] == ["a"]
    await site.carried_on(run)
    assert answer_of(await site.bench.state(run)) == 8
    assert site.work.called == ["slow", "quick"]


async def test_a_run_whose_last_call_settles_meanwhile_is_done(site: Site) -> None:
    run = await site.drained("a = p.slow()\nanswer(a)\n")
    assert answer_of(await site.bench.state(run)) == 7


async def test_what_does_not_settle_in_time_is_cut_off_and_made_again(site: Site) -> None:
    run = await site.drained(CHAIN, drain_s=0.2, let_go=False)
    assert await status_of(site, run) == ("queued", None)
    await site.carried_on(run)
    assert answer_of(await site.bench.state(run)) == 8
    assert site.work.called == ["slow", "slow", "quick"]


async def test_a_failure_ends_the_run_only_when_what_stands_before_it_has_run(site: Site) -> None:
    run = await site.drained(f"{CHAIN.partition('answer')[0]}c = p.broken()\nanswer([b, c])\n")
    assert await status_of(site, run) == ("queued", None)
    assert site.work.called == ["slow"]
    await site.carried_on(run)
    assert surprise_of(await site.bench.state(run)) == ("c", "failed")
    assert site.work.called == ["slow", "quick"]


async def test_an_approval_is_not_asked_for_while_what_comes_first_is_held_back(site: Site) -> None:
    run = await site.drained('a = p.slow()\nb = p.quick(n=a)\napprove("go on?")\nanswer(b)\n')
    state = await site.bench.state(run)
    assert (await status_of(site, run), state.questions) == (("queued", None), {})
