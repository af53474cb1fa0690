"""One, two and three workers on one PostgreSQL, and the way from a submit to its first step: `python -m benchmarks.workers`."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from functools import partial

from sqlalchemy import func, select

from benchmarks.child import Child, child
from benchmarks.databases import DurableServer, postgres_server
from benchmarks.machine import busy_seconds, busy_share
from benchmarks.ours import NOBODY, Ours, chain, open_ours
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, amount, latency
from executor.events import CallFinished
from executor.journal.tables import event_table

WORKERS = (1, 2, 3)
STEP_MS = 50
STEPS = 10
MOST_A_SECOND = 1_000  # steps that all workers together could make; so many are queued
START_S = 2  # of work, for the first workers while the others start
SLOTS = {"4 runs a worker": 4, "64 runs a worker": 64}
LINEAR = 0.8  # of N times the speed of one worker counts as linear


class Bench:
    """One server, and what was seen beside the speeds."""

    def __init__(self, server: DurableServer, options: Options) -> None:
        self._server = server
        self._options = options
        self.cpu_ms: dict[str, list[float]] = {}  # of all workers, a step
        self.busy: dict[str, list[float]] = {}  # share of the machine

    async def speed(self, load: str, workers: int) -> float:
        """Steps a second of so many workers, over some seconds in which all of them have enough to do."""
        slots, window_s = SLOTS[load], self._options.size(4, 2)
        name, url = f"{load} {workers}", self._server.new_database()
        most = min(workers * slots * 1000 // STEP_MS, MOST_A_SECOND)
        async with open_ours(url) as house, AsyncExitStack() as stack:
            queued = most // STEPS * (window_s + START_S)
            await asyncio.gather(*(house.submit(chain(f"wait,ms={STEP_MS}")) for _ in range(queued)))
            hands = [await stack.enter_async_context(child("work", url=url, runs=slots)) for _ in range(workers)]
            await asyncio.gather(*(hand.line() for hand in hands))
            await _under_way(house, slots * workers)
            before, cpu, busy, begun = _steps(house), await _cpu(hands), busy_seconds(), time.perf_counter()
            await asyncio.sleep(window_s)
            done, taken = max(1, _steps(house) - before), time.perf_counter() - begun
            self.busy.setdefault(name, []).append(busy_share(busy_seconds() - busy, taken))
            self.cpu_ms.setdefault(name, []).append((await _cpu(hands) - cpu) / done * 1e3)
        return done / taken


async def measured(options: Options) -> Table:
    with postgres_server() as server:
        bench = Bench(server, options)
        works: dict[str, Measure] = {f"{load} {n}": partial(bench.speed, load, n) for load in SLOTS for n in WORKERS}
        taken = await interleaved(works, options)
        seconds = [s for _ in range(options.rounds) for s in await first_steps(server.new_database(), options.size(100, 25))]
    rows = [_row(load, n, taken, bench) for load in SLOTS for n in WORKERS]
    rows.append(latency("submit to the first step, another process working", seconds, Bar("≤", 40, "ms")))
    notes = (
        f"Each run has {STEPS} steps in a row that wait {STEP_MS} ms, so one run alone makes at most {1000 // STEP_MS} steps a "
        "second. Enough are queued before; counted is what is done in some seconds once every slot has had its first step.",
        f"Linear is taken as: at least {LINEAR} × N times one worker's speed. Where the machine is busy beyond 90 %, its cores "
        "are what bounds, for the workers, PostgreSQL and whatever else runs on it together.",
    )
    return Table("Workers on one PostgreSQL", tuple(rows), notes)


async def first_steps(url: str, count: int) -> list[float]:
    """Seconds from before the submit to when the run's first tool runs, in another process."""
    seconds = []
    async with open_ours(url) as house, child("work", url=url, runs=64) as worker:
        await worker.line()
        for number in range(count + 3):
            start = time.monotonic()
            run = await house.submit("s = t.stamp()\nanswer(s)\n")
            await house.ended(run)
            async for recorded in house.runs.events(run, NOBODY, follow=False):
                event = recorded.event
                if number >= 3 and isinstance(event, CallFinished) and event.step == "s" and isinstance(event.value, float):
                    seconds.append(event.value - start)
    return seconds


def _row(load: str, workers: int, taken: dict[str, list[float]], bench: Bench) -> Row:
    name = f"{load} {workers}"
    ratios = [a / b for a, b in zip(taken[name], taken[f"{load} 1"], strict=True)]
    cpu, busy = statistics.median(bench.cpu_ms[name]), statistics.median(bench.busy[name])
    ideal = workers * SLOTS[load] * 1000 // STEP_MS
    beside = f"ideal {ideal:,}; workers {amount(cpu)} ms CPU a step; machine {busy:.0%} busy"
    bar = Bar("≥", LINEAR * workers) if workers > 1 else None
    what = f"{load}, {workers} worker{'s' if workers > 1 else ''}"
    return Row(
        what, statistics.median(taken[name]), "steps/s", beside, statistics.median(ratios), (min(ratios), max(ratios)), bar
    )


async def _under_way(house: Ours, steps: int) -> None:
    """Wait until so many steps are done: the first wave of runs is planned."""
    async for _ in house.journal.changes():
        if _steps(house) >= steps:
            return
        await asyncio.sleep(0.05)


async def _cpu(hands: list[Child]) -> float:
    return float(sum(await asyncio.gather(*(hand.asked() for hand in hands))))


def _steps(house: Ours) -> int:
    """The tool calls that have been finished."""
    finished = select(func.count()).where(
        event_table.c.type == "call_finished", event_table.c.body.not_like('%"step":"answer"%')
    )
    with house.journal.engine.connect() as connection:
        return int(connection.execute(finished).scalar_one())


if __name__ == "__main__":
    main(measured)
