"""A journal of 100,000 events and a database of 100,000 runs beside small ones: `python -m benchmarks.scale`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial

from benchmarks.copies import LEFT, SCRIPT, cancelled_runs, long_run
from benchmarks.databases import folder, postgres_server
from benchmarks.ours import NOBODY, Ours, open_ours
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared
from executor.events import CallFinished

SMALL_RUNS, SMALL_ITEMS = 100, 500
TIMES = 50  # of the quick ones, in each round
BAR = Bar("≤", 2)
Act = Callable[[Ours, str], Awaitable[object]]


async def listed(house: Ours, run: str) -> object:
    return await house.runs.find(NOBODY, limit=20)


async def listed_by_status(house: Ours, run: str) -> object:
    return await house.runs.find(NOBODY, statuses=("waiting", "failed"), limit=20)


async def shown(house: Ours, run: str) -> object:
    return await house.runs.get(run, NOBODY)


async def followed(house: Ours, run: str) -> object:
    async with aclosing(house.runs.events(run, NOBODY)) as events:  # type: ignore[type-var]  # a generator it is
        return await anext(events)


async def submitted(house: Ours, run: str) -> object:
    return await house.ended(await house.submit(SCRIPT))


async def resumed(house: Ours, run: str) -> object:
    again = await house.submit(SCRIPT.replace("1", "2"))
    await house.runs.cancel(again, NOBODY)
    await house.runs.resume(again, NOBODY)
    return await house.ended(again)


OF_RUNS: dict[str, Act] = {
    "list": listed,
    "list two statuses that no run has": listed_by_status,
    "show one": shown,
    "follow one: its first event": followed,
}
MOVED: dict[str, Act] = {"submit one and follow it to its end": submitted, "cancel one, resume it, to its end": resumed}


async def measured(options: Options) -> Table:
    runs, items = options.size(100_000, 10_000), options.size(50_000, 5_000)
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgres_server())
        for database in ("SQLite", "PostgreSQL"):
            place = stack.enter_context(folder())
            urls = [server.new_database() if database == "PostgreSQL" else f"sqlite:///{place}/{n}.db" for n in range(2)]
            small, large = [await stack.enter_async_context(open_ours(url)) for url in urls]
            rows += await _databases(database, small, large, runs, options)
            rows += await _long_runs(database, small, large, items, options)
    notes = (
        f"`many` is a database of {runs:,} runs beside one of {SMALL_RUNS}: absolute times.",
        f"`long` is a run of {2 * items:,} events beside one of {2 * SMALL_ITEMS:,}, a map with {LEFT} items left: times an "
        "event, as all of them have to be read, but for following on from the last one, which is absolute. Each stands in the "
        "database of its size.",
    )
    return Table("Many runs, long runs", tuple(rows), notes)


async def _databases(database: str, small: Ours, large: Ours, runs: int, options: Options) -> list[Row]:
    some, many = await cancelled_runs(small, SMALL_RUNS), await cancelled_runs(large, runs)
    works: dict[str, Measure] = {}
    for what, act in OF_RUNS.items():
        works[f"{what} small"] = partial(_seconds, act, small, some)
        works[f"{what} large"] = partial(_seconds, act, large, many)
    for what, act in MOVED.items():
        works[f"{what} small"] = partial(_moved, act, small, some)
        works[f"{what} large"] = partial(_moved, act, large, many)
    taken = await interleaved(works, options)
    return [_row(f"{database}, many: {what}", taken, what, 1e3, "ms") for what in (*OF_RUNS, *MOVED)]


async def _long_runs(database: str, small: Ours, large: Ours, items: int, options: Options) -> list[Row]:
    show, tail, resume = "show", "follow on from the last event", "resume to its end"
    taken: dict[str, list[float]] = {}
    for _ in range(options.size(3, 1)):
        for size, house, count in (("small", small, SMALL_ITEMS), ("large", large, items)):
            run = await long_run(house, count)
            seq = (await house.runs.record(run, NOBODY)).seq
            for what, seconds in (
                (show, await _seconds(shown, house, run, times=2) / seq),
                (tail, await _seconds(partial(_caught_up, seq=seq), house, run)),
                (resume, await _resumed(house, run) / seq),
            ):
                taken.setdefault(f"{what} {size}", []).append(seconds)
    return [
        _row(f"{database}, long: {show}", taken, show, 1e6, "µs an event"),
        _row(f"{database}, long: {tail}", taken, tail, 1e3, "ms"),
        _row(f"{database}, long: {resume}", taken, resume, 1e6, "µs an event"),
    ]


def _row(title: str, taken: dict[str, list[float]], what: str, factor: float, unit: str) -> Row:
    large, small = ([s * factor for s in taken[f"{what} {size}"]] for size in ("large", "small"))
    return compared(title, large, unit, "small", small, BAR)


async def _seconds(act: Act, house: Ours, run: str, times: int = TIMES) -> float:
    await act(house, run)
    start = time.perf_counter()
    for _ in range(times):
        await act(house, run)
    return (time.perf_counter() - start) / times


async def _moved(act: Act, house: Ours, run: str) -> float:
    async with house.engine():
        return await _seconds(act, house, run, TIMES // 5)


async def _caught_up(house: Ours, run: str, *, seq: int) -> None:
    async for _ in house.runs.events(run, NOBODY, after=seq - 1, follow=False):
        pass


async def _resumed(house: Ours, run: str) -> float:
    """Seconds from when an engine begins with the rest of it; what it has done stays."""
    begun = time.perf_counter()
    async with house.engine(only=frozenset((run,))):
        await house.ended(run, (await house.runs.record(run, NOBODY)).seq)
        taken = time.perf_counter() - begun
    done = [r.event for r in await house.journal.read(run) if isinstance(r.event, CallFinished) and r.event.how == "call"]
    assert len({(e.step, e.item) for e in done}) == len(done), "something was done twice"
    return taken


if __name__ == "__main__":
    main(measured)
