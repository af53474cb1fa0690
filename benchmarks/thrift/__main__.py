"""Tokens, $ and wall clock beside ReAct and LLMCompiler, one perfect model behind one door: `python -m benchmarks.thrift`."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.databases import folder
from benchmarks.session import Options, main
from benchmarks.table import Table
from benchmarks.thrift.door import CHEAP, STRONG, TEMPI, OpenDoor, open_door
from benchmarks.thrift.llm_compiler import llm_compiler
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.meter import Exchange
from benchmarks.thrift.planrail_runs import RUNS, open_planrail, planrail
from benchmarks.thrift.react import react
from benchmarks.thrift.rows import (
    COMPILER,
    FRESH,
    FRESH_CHEAP,
    KEPT,
    LONG,
    ONE,
    ONE_CHEAP,
    OUR_ONE,
    OUR_PARALLEL,
    PARALLEL,
    PARALLEL_CHEAP,
    cost_rows,
    grid,
    time_rows,
)  # fmt: skip
from benchmarks.thrift.workloads import Kind, Outputs, Workload

WIDTHS: tuple[tuple[Kind, int], ...] = (
    ("chain", 4), ("fan-out", 4), ("chain", 10), ("leads", 4), ("chain", 20), ("fan-out", 20), ("leads", 10),
)  # fmt: skip
EVERYBODY = frozenset((ONE, PARALLEL, ONE_CHEAP, PARALLEL_CHEAP, OUR_ONE, OUR_PARALLEL, COMPILER, FRESH, FRESH_CHEAP, KEPT))
PLANNERS = frozenset((COMPILER, FRESH, KEPT))
QUICK: tuple[tuple[Kind, int], ...] = (("chain", 10), ("leads", 4))
NOTES = (
    "Cells: tokens in and out, all told · $ · median seconds. Counted at the door with o200k_base, alike for all: messages "
    "with three tokens of template each, calls, and the offered tools by OpenAI's own recipe. The fixed prefix (prompt and "
    "tools, the same for every goal) is in all of them; the rows with bars show the ratio without it, too.",
    "$ per million tokens: strong 2.50 in, 10.00 out; cheap 0.15 in, 0.60 out. Prefix caches as vendors have them: what an "
    "earlier request of the same system and model began with, in steps of 128 tokens from 1,024 on, at 0.5× (beside it: at "
    "0.1×, as other vendors charge). Each system had been asked another goal of the same form before.",
    f"Latencies: strong {TEMPI[STRONG].first_token_s} s to the first token and {TEMPI[STRONG].tokens_s:.0f} "
    f"tokens/s, cheap {TEMPI[CHEAP].first_token_s} s and {TEMPI[CHEAP].tokens_s:.0f} tokens/s; a tool waits "
    "0.5 s. The grid and the rows marked × 0.1 are at ten times that speed. The critical path: nothing but the first token, "
    "the line that is needed last and the steps takes time.",
    "The scripted model never errs, and writes no thoughts. ReAct is LangGraph's agent, in memory. LLMCompiler is written "
    "after its repository, in memory, with its shortest examples; it is handed whole outputs by text substitution and may act "
    "while its plan is still streaming. Planrail checks the plan, and every step is durable (SQLite, synced).",
    "What each system is sent and answers: `benchmarks/thrift/workloads.py` (`script`, `lines`), and `perfect.py`, "
    "`llm_compiler.py`, `react.py` beside it.",
)
Run = Callable[[Workload], Awaitable[str]]


@dataclass(frozen=True)
class Pace:
    """How fast life is: the models' latencies are scaled, and a tool waits so long."""

    factor: float
    tool_s: float


TENTH, LIFE = Pace(0.1, 0.05), Pace(1.0, 0.5)
AT_ONCE = Pace(0.0, 0.0)


async def measured(options: Options) -> Table:
    sizes = (200,) if options.quick else (200, 1_000)
    workloads = [Workload(kind, width, size) for kind, width in (QUICK if options.quick else WIDTHS) for size in sizes]
    timed = [w for w in workloads if w.size == sizes[0] and w.calls >= LONG]
    with open_door() as door, folder() as place:
        bench = Bench(door, place)
        results = {w: await bench.measured(w, options.rounds, TENTH) for w in workloads}
        slow = {} if options.quick else {w: await bench.measured(w, min(options.rounds, 2), LIFE, PLANNERS) for w in timed}
    times = [r for w in timed for r in time_rows(w, results[w], TENTH.factor, TENTH.tool_s)]
    times += [r for w, by in slow.items() for r in time_rows(w, by, LIFE.factor, LIFE.tool_s)]
    return Table("Thrift", (*cost_rows(results), *times), NOTES, grid(results))


@dataclass(frozen=True)
class Bench:
    """The door, and a folder for our databases."""

    door: OpenDoor
    place: Path

    async def measured(
        self, workload: Workload, rounds: int, pace: Pace, systems: frozenset[str] = EVERYBODY
    ) -> dict[str, Measured]:
        """Every system on the workload, interleaved; each has been asked another goal of its form before."""
        Outputs.size = workload.size
        exchanges: dict[str, list[Exchange]] = {}
        seconds: dict[str, list[float]] = {}
        for number in range(rounds + 1):
            goal = replace(workload, seed=number)
            async with AsyncExitStack() as stack:
                for system, run in (await self._systems(stack, goal, pace)).items():
                    if system not in systems:
                        continue
                    for _ in range(RUNS if system == KEPT and number else 0):
                        await self._timed(system, goal, run, AT_ONCE)
                    taken = await self._timed(system, goal, run, pace if number else AT_ONCE)
                    if number:
                        exchanges.setdefault(system, self.door.end())
                        seconds.setdefault(system, []).append(taken)
            print(f"{workload.name}, × {pace.factor:g}: round {number} of {rounds}", file=sys.stderr)
        return {system: Measured(exchanges[system], seconds[system]) for system in seconds}

    async def _timed(self, system: str, goal: Workload, run: Run, pace: Pace) -> float:
        """Seconds from the goal to the answer, which has to be right."""
        Outputs.seconds = pace.tool_s
        self.door.begin(system, goal, pace.factor)
        begun = time.perf_counter()
        answer = await run(goal)
        taken = time.perf_counter() - begun
        if goal.answer not in answer:
            raise RuntimeError(f"{system} answers {answer!r} and not {goal.answer!r}")
        return taken

    async def _systems(self, stack: AsyncExitStack, goal: Workload, pace: Pace) -> dict[str, Run]:
        """Everybody, opened: what is timed is from the goal to the answer."""
        url, database = self.door.url, self.place / f"{goal.kind}-{goal.width}-{goal.size}-{goal.seed}-{pace.factor:g}"
        opened = {
            FRESH: open_planrail(url, database.with_suffix(".fresh"), goal),
            FRESH_CHEAP: open_planrail(url, database.with_suffix(".cheap"), goal, model=CHEAP),
            KEPT: open_planrail(url, database.with_suffix(".kept"), goal, kept=True),
            OUR_ONE: open_planrail(url, database.with_suffix(".one"), goal),
            OUR_PARALLEL: open_planrail(url, database.with_suffix(".react"), goal),
        }
        modes = {OUR_ONE: {"mode": "react", "one_call": True}, OUR_PARALLEL: {"mode": "react"}}
        ours = {
            name: partial(planrail, await stack.enter_async_context(house), **modes.get(name, {}))
            for name, house in opened.items()
        }
        return {
            ONE: partial(react, url, model=STRONG, parallel=False),
            PARALLEL: partial(react, url, model=STRONG, parallel=True),
            ONE_CHEAP: partial(react, url, model=CHEAP, parallel=False),
            PARALLEL_CHEAP: partial(react, url, model=CHEAP, parallel=True),
            COMPILER: partial(llm_compiler, url, model=STRONG),
            **ours,
        }


if __name__ == "__main__":
    main(measured)
