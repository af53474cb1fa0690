"""500 runs at once of 10 steps that wait 50 ms, in one process: time and memory: `python -m benchmarks.makespan`."""

from __future__ import annotations

import statistics
from functools import partial

from benchmarks.child import child
from benchmarks.databases import postgres_server, sqlite
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, amount

IDEAL_S = 10 * 0.05
MB = 400


async def measured(options: Options) -> Table:
    runs = options.size(500, 100)
    cpu: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    with postgres_server() as server:

        async def burst(name: str, on_postgres: bool, followed: bool) -> float:
            with sqlite() as file:
                url = server.new_database() if on_postgres else file
                async with child("burst", url=url, runs=runs, followed=followed) as process:
                    seconds, used, peak = await process.line()
            cpu.setdefault(name, []).append(used)
            peaks.setdefault(name, []).append(peak)
            return float(seconds)

        works: dict[str, Measure] = {}
        for database in ("SQLite", "PostgreSQL"):
            for followed in (False, True):
                name = f"{database}, {'every run followed' if followed else 'no run followed'}"
                works[name] = partial(burst, name, database == "PostgreSQL", followed)
        taken = await interleaved(works, options)
    rows: list[Row] = []
    for name in works:
        seconds = taken[name]
        ratios = [s / IDEAL_S for s in seconds]
        beside = f"ideal {IDEAL_S} s; {amount(statistics.median(cpu[name]))} s CPU"
        spread = (min(ratios), max(ratios))
        what = f"{runs} runs: {name}: makespan"
        rows.append(Row(what, statistics.median(seconds), "s", beside, statistics.median(ratios), spread, Bar("≤", 1.5)))
        rows.append(Row(f"{runs} runs: {name}: peak memory", max(peaks[name]), "MB", bar=Bar("≤", MB, "MB")))
    notes = (
        "One process submits, plans, checks, runs and (where it says so) follows all. The ideal: nothing but the waiting "
        f"takes time; {runs * 10:,} durable steps in 1.5 × {IDEAL_S} s would be {runs * 10 / IDEAL_S / 1.5:,.0f} a second.",
    )
    return Table(f"{runs} runs at once in one process", tuple(rows), notes)


if __name__ == "__main__":
    main(measured)
