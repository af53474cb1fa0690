"""Tokens, $ and wall clock beside what one would take instead, one perfect model for all: `python -m benchmarks.thrift`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from benchmarks.databases import folder
from benchmarks.session import Options, main
from benchmarks.table import Table, amount
from benchmarks.thrift.bench import LIFE, TENTH, Bench, Pace
from benchmarks.thrift.door import CHEAP, STRONG, TEMPI, open_door
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.plots import Plot
from benchmarks.thrift.rows import Results, clocks, cost_rows, costs, time_rows
from benchmarks.thrift.system import COMPILER, FRESH, KEPT, OURS_IN_REACT
from benchmarks.thrift.systems import systems
from benchmarks.thrift.workloads import Kind, Workload

SHORT: tuple[tuple[Kind, int], ...] = (("chain", 4), ("fan-out", 4), ("leads", 4))
LONG: tuple[tuple[Kind, int], ...] = (("chain", 10), ("fan-out", 20), ("leads", 10), ("import", 10), ("surprise", 10))
QUICK: tuple[tuple[Kind, int], ...] = (("chain", 10), ("surprise", 5))
SIZES, SHOWN = (200, 1_000, 4_000), 1_000  # tokens of an output; those of the plots
OFTEN = (COMPILER, FRESH, KEPT)  # those whose seconds have bars
NOTES = (
    "The first table: tokens in and out, all told · $ without prefix caches · $ with them. *Planrail* is a first run, "
    "*kept plan* a cache hit: three goals of the same form had been asked before, with smaller and larger numbers (in "
    "the fan-out, whose list of cities is no slot, the same goal). Counted at the door with o200k_base, alike for "
    "all: messages with three tokens of template each, calls, and the offered tools by OpenAI's own recipe, which "
    "leaves nested schemas out.",
    "$ per million tokens: strong 2.50 in, 10.00 out; cheap 0.15 in, 0.60 out. Prefix caches as vendors have them: "
    "what an earlier request of the same system and model began with, in steps of 128 tokens from 1,024 on, at 0.5× "
    "(in the rows below also at 0.1×, as other vendors charge). Each system had been asked another goal of the same "
    "form before.",
    f"The second table, at life's own pace: strong {TEMPI[STRONG].first_token_s} s to the first token and "
    f"{TEMPI[STRONG].tokens_s:.0f} tokens/s, cheap {TEMPI[CHEAP].first_token_s} s and {TEMPI[CHEAP].tokens_s:.0f} "
    f"tokens/s; a tool waits {LIFE.tool_s} s; outputs of 200 tokens. One after the other; LLMCompiler, Planrail and the "
    "kept plan so many rounds, the others once. The critical path: nothing but the first token, the line that is needed "
    "last and the steps takes time.",
    "Ratios are those of the smallest outputs, which is the worst case for us; in brackets those of all sizes, or of "
    "the rounds. Our own ReAct mode shows its model 2,000 tokens of an output, LangGraph's all of it.",
    "The scripted model never errs, and writes no thoughts. ReAct is LangGraph's agent, in memory. Plan → exec → "
    "replan is the graph of its tutorial, with the strong model as planner and replanner, the cheap one as executor, "
    "a call a step; *parallel* is told to make one step of what can be done at once. LLMCompiler is written after its "
    "repository, in memory, with its shortest examples; it is handed whole outputs by text substitution and may act "
    "while its plan is still streaming. Planrail checks the plan, and every step is durable (SQLite, synced).",
    "The import hands rows on by value, as tools do that know nothing of handles: who has no other way than to write "
    "them writes them out. In the surprise one of the accounts fails and says what would help: ReAct and the executor "
    "of the classic graph read it and do it, LLMCompiler and Planrail plan again.",
    "What each system is sent and answers: `perfect.py`, `plan_execute.py`, `llm_compiler.py`, `react.py` and a file "
    "for each kind of goal in `benchmarks/thrift/`.",
)


async def measured(options: Options) -> Table:
    """All of it: counts first, then seconds."""
    works = _workloads(QUICK if options.quick else (*SHORT, *LONG), SIZES[:1] if options.quick else SIZES)
    timed = [w for w in works if w.size == SIZES[0] and (w.kind, w.width) in (QUICK if options.quick else LONG)]
    with open_door() as door, folder() as place:
        bench, pace = Bench(door, place), TENTH if options.quick else LIFE
        results = {}
        for work in works:
            results[work] = await bench.counted(systems(), work)
            print(f"counted: {work.name}", file=sys.stderr)
        seconds = {w: await _seconds(bench, w, pace, options.rounds) for w in timed}
    rows = (*cost_rows(results), *time_rows(seconds, pace.factor, pace.tool_s))
    grid = f"{costs(_without_our_react(results))}\n\n{clocks(seconds, pace.factor, pace.tool_s)}"
    return Table("Thrift", rows, NOTES, grid, _plots(_without_our_react(results), seconds))


def _workloads(widths: Iterable[tuple[Kind, int]], sizes: Sequence[int]) -> list[Workload]:
    """Each size of a form is another goal."""
    return [Workload(kind, width, size, seed) for kind, width in widths for seed, size in enumerate(sizes, 1)]


async def _seconds(bench: Bench, work: Workload, pace: Pace, rounds: int) -> dict[str, Measured]:
    """One system after the other; those that have bars so many times, the others once."""
    taken: dict[str, list[Measured]] = {}
    for number in range(rounds):
        for system in systems():
            if system.name in OFTEN or (number == 0 and system.name not in OURS_IN_REACT):
                taken.setdefault(system.name, []).append(await bench.taken(system, work, pace, number))
    print(f"timed: {work.name}", file=sys.stderr)
    return {name: Measured(each[0].exchanges, [s for m in each for s in m.seconds]) for name, each in taken.items()}


def _without_our_react(results: Results) -> Results:
    """It stands in rows of its own."""
    return {w: {name: m for name, m in by.items() if name not in OURS_IN_REACT} for w, by in results.items()}


def _plots(results: Results, timed: Results) -> dict[str, str]:
    """The drawings, by name."""
    shown = {w.form.name: by for w, by in results.items() if w.size == SHOWN and (w.kind, w.width) in LONG}
    if not shown:
        return {}
    what = f"outputs of {SHOWN:,} tokens; logarithmic"
    clocks = {w.form.name: {s: m.median_s for s, m in by.items()} for w, by in timed.items()}
    tokens = {name: {s: float(m.tokens) for s, m in by.items()} for name, by in shown.items()}
    usd = {name: {s: m.usd() for s, m in by.items()} for name, by in shown.items()}
    plots = {
        "tokens": Plot("Tokens of a goal", what, tokens, lambda v: f"{v:,.0f}"),
        "usd": Plot("$ of a goal", f"with vendors' prefix caches; {what}", usd, lambda v: f"${v:.4f}"),
        "seconds": Plot(
            "Seconds of a goal", "at life's own pace; outputs of 200 tokens; logarithmic", clocks, lambda v: f"{amount(v)} s"
        ),
    }
    return {f"thrift-{name}": plot.svg() for name, plot in plots.items()}


if __name__ == "__main__":
    main(measured)
