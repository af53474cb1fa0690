"""Steps and runs a second of the engine on SQLite, beside LangGraph's SQLite saver and bare commits, in one run.

    pip install -e '.[bench]' && python benchmarks/engine.py

Every step is a tool that does nothing, so the figures are what the engine itself costs. Rounds are interleaved and the medians
shown; quote the ratios, not the times. LangGraph runs with durability "sync"; all three sync every commit (WAL, FULL).
"""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers, Limits
from executor.events import RunEnded
from executor.journal.artifacts import SqlArtifacts
from executor.journal.sql import SqlJournal
from executor.planning import Planning
from executor.segment import Segments
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.models import Models
from planner.playbook import Playbooks
from planrail.house import new_run_id
from planrail.runs import Runs

ROUNDS = 5
CHAIN = "\n".join(f"s{i} = t.noop(x={'s' + str(i - 1) if i else 0})" for i in range(10)) + "\nanswer(s9)\n"
FAN_OUT = "xs = [t.noop(x=i) for i in range(50)]\nanswer(len(xs))\n"
RUNS = 100
Measure = Callable[[Path], Awaitable[float]]


@tool(effect="read")
async def noop(x: int) -> int:
    """Give back the number."""
    return x


async def ours(folder: Path, script: str, runs: int) -> float:
    """Seconds from the first submit to the last end: planning, checking and following included."""
    toolset = Toolset.of("t", [noop])
    async with await SqlJournal.open(f"sqlite:///{folder}/ours.db") as journal:
        planning = Planning(toolset.specs, Playbooks(), None, Models().terms(parallel=16))
        artifacts = SqlArtifacts(journal.engine)
        segments = Segments(
            journal=journal, artifacts=artifacts, toolset=toolset, models=Models(), planning=planning,
            secrets=lambda name: None, now=lambda: datetime.now(UTC), worker="bench", version="bench",
        )  # fmt: skip
        service = Runs(journal, artifacts=artifacts, planning=planning, now=lambda: datetime.now(UTC), new_id=new_run_id)
        async with LocalEngine(
            journal, segments.advance, liveness=KnownWorkers("bench"), worker="bench", limits=Limits(runs=RUNS)
        ):
            start = time.perf_counter()
            budget = Budget(parallel=64)
            submitted = [await service.submit(Submission(script=script, budget=budget)) for _ in range(runs)]
            await asyncio.gather(*(_ended(service, s.id) for s in submitted))
            return time.perf_counter() - start


async def _ended(service: Runs, run: str) -> None:
    async for recorded in service.events(run, Principal()):
        if isinstance(recorded.event, RunEnded):
            assert recorded.event.status == "done", recorded.event
            return


class State(TypedDict):
    x: int
    xs: Annotated[list[int], operator.add]


async def _node(state: State) -> dict[str, int]:
    return {"x": state["x"]}


async def _item(state: State) -> dict[str, list[int]]:
    return {"xs": [state["x"]]}


async def theirs_chain(folder: Path, runs: int) -> float:
    """LangGraph: ten nodes in a row."""
    graph = StateGraph(State)
    for i in range(10):
        graph.add_node(f"n{i}", _node)
        graph.add_edge(START if i == 0 else f"n{i - 1}", f"n{i}")
    graph.add_edge("n9", END)
    return await _theirs(folder, graph, runs)


async def theirs_fan_out(folder: Path) -> float:
    """LangGraph: fifty nodes at once."""
    graph = StateGraph(State)
    graph.add_node("item", _item)
    graph.add_conditional_edges(START, lambda s: [Send("item", {"x": i}) for i in range(50)])
    graph.add_edge("item", END)
    return await _theirs(folder, graph, 1)


async def _theirs(folder: Path, graph: StateGraph[State], runs: int) -> float:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "theirs.db")) as saver:
        await saver.setup()
        compiled = graph.compile(checkpointer=saver)
        start = time.perf_counter()
        await asyncio.gather(
            *(
                compiled.ainvoke({"x": 1, "xs": []}, {"configurable": {"thread_id": str(i)}}, durability="sync")
                for i in range(runs)
            )
        )
        return time.perf_counter() - start


async def bare(folder: Path) -> float:
    """Ten commits of one row."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table t (n integer primary key, body text)")
    start = time.perf_counter()
    for _ in range(10):
        connection.execute("begin immediate")
        connection.execute("insert into t (body) values (?)", ("x" * 400,))
        connection.execute("commit")
    taken = time.perf_counter() - start
    connection.close()
    return taken


async def measure(work: Measure) -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        return await work(Path(name))


async def main() -> None:
    works: dict[str, Measure] = {
        "bare": bare,
        "ours chain": lambda f: ours(f, CHAIN, 1),
        "theirs chain": lambda f: theirs_chain(f, 1),
        "ours fan": lambda f: ours(f, FAN_OUT, 1),
        "theirs fan": theirs_fan_out,
        "ours 100": lambda f: ours(f, CHAIN, RUNS),
        "theirs 100": lambda f: theirs_chain(f, RUNS),
    }
    for work in works.values():
        await measure(work)  # warm
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(await measure(work))
    t = {name: statistics.median(values) for name, values in taken.items()}
    rows = [
        ("10 steps in a row, ms a step", t["ours chain"] * 100, t["theirs chain"] * 100, t["bare"] * 100),
        ("fan-out of 50, ms", t["ours fan"] * 1e3, t["theirs fan"] * 1e3, None),
        (f"{RUNS} runs of 10 steps, runs/s", RUNS / t["ours 100"], RUNS / t["theirs 100"], None),
    ]
    print("| what | Planrail | LangGraph | bare commit | ratio to LangGraph | to bare |\n|---|---|---|---|---|---|")
    for what, mine, other, floor in rows:
        to_floor = "" if floor is None else f"{mine / floor:.2f}"
        bare_ms = "" if floor is None else f"{floor:.2f}"
        print(f"| {what} | {mine:.2f} | {other:.2f} | {bare_ms} | {mine / other:.2f} | {to_floor} |")


if __name__ == "__main__":
    asyncio.run(main())
