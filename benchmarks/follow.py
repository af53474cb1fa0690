"""How soon another process sees an event, and what a follower costs while nothing happens: `python -m benchmarks.follow`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks.child import Child, child
from benchmarks.databases import postgres_server, sqlite
from benchmarks.ours import chain, open_ours
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, latency

STEP_MS = 25
DATABASES = ("SQLite", "PostgreSQL")


class Bench:
    """Both databases, and the latencies that were seen."""

    def __init__(self, postgres: str, lite: str, options: Options) -> None:
        self._url = {"SQLite": lite, "PostgreSQL": postgres}
        self._options = options
        self.seen: dict[str, list[float]] = {name: [] for name in DATABASES}

    async def watched(self, database: str) -> float:
        """The median latency of a run of stamped steps: one process submits, one works, one follows."""
        url = self._url[database]
        async with open_ours(url) as house:
            run = await house.submit(chain(f"stamp,ms={STEP_MS}", self._options.size(80, 40)))
            async with child("follow", url=url, run=run) as follower:
                await follower.line()
                async with child("work", url=url, runs=4) as worker:
                    await worker.line()
                    seconds = (await _lines(follower))[2:]  # the first ones meet a cold follower
        self.seen[database] += seconds
        return statistics.median(seconds)

    async def idle(self, database: str, working: bool) -> float:
        """The share of a core that a follower takes of a run that waits: queued, or in a step of another process."""
        url = self._url[database]
        wait_s = self._options.size(10, 3)
        async with open_ours(url) as house:
            run = await house.submit(f"s = t.wait(x=0, ms={(wait_s + 4) * 1000})\nanswer(s)\n")
            if not working:
                share = await _idle_share(url, run, wait_s)
            else:
                async with child("work", url=url, runs=4) as worker:
                    await worker.line()
                    share = await _idle_share(url, run, wait_s)
            return share


async def measured(options: Options) -> Table:
    with _databases() as (postgres, lite):
        bench = Bench(postgres, lite, options)
        works: dict[str, Measure] = {}
        for database in DATABASES:
            works[f"{database} watched"] = partial(bench.watched, database)
            works[f"{database} queued"] = partial(bench.idle, database, working=False)
            works[f"{database} held"] = partial(bench.idle, database, working=True)
        taken = await interleaved(works, options)
    rows: list[Row] = []
    for database in DATABASES:
        rows.append(latency(f"{database}: another process sees an event, p95", bench.seen[database], Bar("≤", 30, "ms")))
        for name, what in (("queued", "a run that nobody works on"), ("held", "a run in the hands of another process")):
            share = [s * 100 for s in taken[f"{database} {name}"]]
            beside = f"lowest {min(share):.2g} %, highest {max(share):.2g} %"
            rows.append(
                Row(f"{database}: CPU of an idle follower, {what}", statistics.median(share), "%", beside, bar=Bar("≤", 1, "%"))
            )
    notes = (
        "From the return of a step's tool in one process to the event's arrival in the other, which follows it: the commit "
        "and the news of it are within. A third process submits.",
    )
    return Table("Followers", tuple(rows), notes)


async def _idle_share(url: str, run: str, wait_s: float) -> float:
    async with child("idle", url=url, run=run, seconds=wait_s) as follower:
        return float(await follower.line()) / wait_s


async def _lines(follower: Child) -> list[float]:
    found: list[float] = []
    while (line := await follower.line()) is not None:
        found.append(float(line))
    return found


@contextmanager
def _databases() -> Iterator[tuple[str, str]]:
    with postgres_server() as server, sqlite() as lite:
        yield server.new_database(), lite


if __name__ == "__main__":
    main(measured)
