"""What tracing costs a run of 1,000 calls: `python -m benchmarks.traces`."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.databases import folder
from benchmarks.hook import Hook
from benchmarks.session import CPU, Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table
from executor.run import is_over
from executor.submission import Principal, Submission
from planner.budget import Budget
from planrail.house import open_house
from planrail.settings import Settings
from planrail.telemetry_settings import TelemetrySettings

LOCAL = Principal()
_MOST = 1.1
_MOST_MS = 0.2


async def measured(options: Options) -> Table:
    calls = options.size(1_000, 200)
    with collector(silent=False) as answering, collector(silent=True) as silent, folder() as place:
        works: dict[str, Measure] = {
            name: partial(run, calls, TelemetrySettings(**telemetry), place)  # type: ignore[arg-type]  # by its own names
            for name, telemetry in (
                ("not traced", {}),
                ("traced", {"endpoint": answering}),
                ("traced, with content", {"endpoint": answering, "content": True}),
                ("traced, to a collector that never answers", {"endpoint": silent}),
            )
        }
        taken = await interleaved(works, options)
    rows = []
    for name in list(works)[1:]:
        rows.append(_row(name, taken[name], taken["not traced"]))
        used, usual = taken[f"{CPU}{name}"], taken[f"{CPU}not traced"]
        more = statistics.median(ours - plain for ours, plain in zip(used, usual, strict=True)) / calls * 1_000
        beside = f"{statistics.median(usual) / calls * 1_000:.3g} ms not traced"
        rows.append(Row(f"{name}: CPU that is more, a call", more, "ms", beside, bar=Bar("≤", _MOST_MS, "ms")))
    notes = (
        f"One run with a map of {calls:,} calls of a tool that takes no time, on SQLite, from its submission to its end: "
        f"{calls + 2:,} spans. The collector is another process.",
    )
    return Table(f"A run of {calls:,} calls, traced and not", tuple(rows), notes)


def _row(what: str, ours: Sequence[float], usual: Sequence[float]) -> Row:
    ratios = [traced / plain for traced, plain in zip(ours, usual, strict=True)]
    beside, spread = f"{statistics.median(usual):.3g} s not traced", (min(ratios), max(ratios))
    return Row(what, statistics.median(ours), "s", beside, statistics.median(ratios), spread, Bar("≤", _MOST, "×"))


async def run(calls: int, telemetry: TelemetrySettings, place: Path) -> float:
    """Seconds of one run in a house of its own, which is open before and closed after."""
    home = Path(tempfile.mkdtemp(dir=place))
    script = f'n = [data.count(rows=[{{"n": i}}]) for i in range({calls})]\nanswer(len(n))\n'
    budget = Budget(calls=2 * calls, calls_per_step=calls, fan_out=calls)
    async with open_house(Settings(home=home, packs=(), telemetry=telemetry)) as house, house.engine():
        loop = asyncio.get_running_loop()
        begun = loop.time()
        submitted = await house.runs.submit(Submission(script=script, budget=budget))
        async for _ in house.journal.changes(submitted.id):
            if is_over((await house.runs.record(submitted.id, LOCAL)).status):
                break
        seconds = loop.time() - begun
        ended = (await house.runs.get(submitted.id, LOCAL)).ended
        assert ended is not None
        assert ended.answer == calls, ended
    return seconds


@contextmanager
def collector(*, silent: bool) -> Iterator[str]:
    """Another process that takes what is sent, or only ever the connection; its address."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_collect, args=(theirs, silent), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _collect(told: Connection, silent: bool) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol if silent else lambda: Hook(lambda _: None), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main(measured)
