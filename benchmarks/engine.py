"""Steps and runs a second beside LangGraph with its savers and bare commits: `python -m benchmarks.engine`."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

from benchmarks.bare import BareDatabase
from benchmarks.databases import folder, postgres_server
from benchmarks.ours import KINDS, Ours, chain, fan_out, open_ours
from benchmarks.rival import Rival, rival_on_postgres, rival_on_sqlite
from benchmarks.session import CPU, Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared

STEPS = 10
REPEATS = 5  # of the short ones, in each round
SLOTS = 100  # runs that an engine of ours takes at once
NOTES = (
    "Planrail, from submit to the end as a follower sees it: the submission, the plan, its certificate and each step's result "
    "are committed; a step starts when the results it stands on are durable, an effect when its own claim is. Writes that wait "
    "at the same time share one commit.",
    "LangGraph, one `ainvoke`, graph compiled before, durability `sync`: the superstep's checkpoint is committed before the "
    "next superstep starts, and each node's writes in a commit of their own. Nothing is planned, checked or followed.",
    "Bare: ten commits of one row of 400 bytes with `sqlite3`, in WAL.",
)


async def measured(options: Options) -> Table:
    runs = options.size(100, 30)
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        server = stack.enter_context(postgres_server())
        bare = stack.enter_context(BareDatabase(f"{place}/bare.db"))
        lite_rival = await stack.enter_async_context(rival_on_sqlite(f"{place}/rival.db"))
        post_rival = await stack.enter_async_context(rival_on_postgres(server.new_database()))
        lite = await stack.enter_async_context(open_ours(f"sqlite:///{place}/ours.db"))
        post = await stack.enter_async_context(open_ours(server.new_database()))
        works: dict[str, Measure] = {"bare": partial(_bare, bare)}
        for database, house, rival in (("SQLite", lite, lite_rival), ("PostgreSQL", post, post_rival)):
            works |= _theirs(database, rival, runs) | _ours(database, house, runs)
        for work in works.values():
            await work()  # warm: connections, caches, code
        taken = await interleaved(works, options)
        levels = f"SQLite's `pragma synchronous`: Planrail {_level(lite)}, LangGraph {lite_rival.synchronous}, "
        levels += f"bare {bare.synchronous} (2: FULL, every commit synced). PostgreSQL, both: fsync on, `synchronous_commit` "
        levels += f"{post_rival.synchronous}."
    return Table("Engine", tuple(_rows(taken, runs)), (*NOTES, levels))


def _ours(database: str, house: Ours, runs: int) -> dict[str, Measure]:
    works: dict[str, Measure] = {}
    for kind in KINDS:
        works[f"ours chain {kind} {database}"] = partial(_our_seconds, house, chain(kind), REPEATS, 1)
        works[f"ours fan {kind} {database}"] = partial(_our_seconds, house, fan_out(kind), REPEATS, 1)
        works[f"ours many {kind} {database}"] = partial(_our_seconds, house, chain(kind), 1, runs)
    return works


def _theirs(database: str, rival: Rival, runs: int) -> dict[str, Measure]:
    return {
        f"theirs chain {database}": partial(_their_seconds, rival, "chain", REPEATS, 1),
        f"theirs fan {database}": partial(_their_seconds, rival, "fan-out", REPEATS, 1),
        f"theirs many {database}": partial(_their_seconds, rival, "chain", 1, runs),
    }


async def _bare(bare: BareDatabase) -> float:
    return bare.commits(STEPS * REPEATS) / REPEATS


async def _our_seconds(house: Ours, script: str, repeats: int, at_once: int) -> float:
    """Seconds of one repeat: submits, follows to the end. The engine is new each time, so that no other one is awake."""
    async with house.engine(runs=SLOTS):
        await house.ended(await house.submit(script))  # the engine is awake
        start = time.perf_counter()
        for _ in range(repeats):
            submitted = [await house.submit(script) for _ in range(at_once)]
            await asyncio.gather(*(house.ended(run) for run in submitted))
        return (time.perf_counter() - start) / repeats


async def _their_seconds(rival: Rival, name: str, repeats: int, at_once: int) -> float:
    await rival.run(name)
    start = time.perf_counter()
    for _ in range(repeats):
        await rival.run(name, at_once)
    return (time.perf_counter() - start) / repeats


def _rows(taken: dict[str, list[float]], runs: int) -> list[Row]:
    rows: list[Row] = []
    bare = [t / STEPS * 1e3 for t in taken["bare"]]
    for database in ("SQLite", "PostgreSQL"):
        barred = database == "SQLite"
        for kind, called in KINDS.items():
            ours = [t / STEPS * 1e3 for t in taken[f"ours chain {kind} {database}"]]
            theirs = [t / STEPS * 1e3 for t in taken[f"theirs chain {database}"]]
            what = f"{database}: a step of 10 in a row, {called}"
            rows.append(compared(what, ours, "ms", "LangGraph", theirs, Bar("≤", 0.5) if barred else None))
            if barred:
                rows.append(compared(what, ours, "ms", "bare commit", bare, Bar("≤", 3)))
        for kind, called in KINDS.items():
            ours = [t * 1e3 for t in taken[f"ours fan {kind} {database}"]]
            theirs = [t * 1e3 for t in taken[f"theirs fan {database}"]]
            what = f"{database}: fan-out of 50, {called}"
            rows.append(compared(what, ours, "ms", "LangGraph", theirs, Bar("≤", 0.2) if barred else None))
        for kind, called in KINDS.items():
            ours = [runs / t for t in taken[f"ours many {kind} {database}"]]
            theirs = [runs / t for t in taken[f"theirs many {database}"]]
            what = f"{database}: {runs} runs at once of 10 steps, {called}"
            rows.append(compared(what, ours, "runs/s", "LangGraph", theirs, Bar("≥", 4)))
            ours = [t / (runs + 1) * 1e3 for t in taken[f"{CPU}ours many {kind} {database}"]]
            theirs = [t / (runs + 1) * 1e3 for t in taken[f"{CPU}theirs many {database}"]]
            rows.append(compared(f"{what}: CPU of a run, without the server's", ours, "ms", "LangGraph", theirs))
    return rows


def _level(house: Ours) -> str:
    with house.journal.engine.connect() as connection:
        return str(connection.exec_driver_sql("pragma synchronous").scalar())


if __name__ == "__main__":
    main(measured)
