"""Rows: the grid of all systems on all workloads, and each bar of ours against what was measured beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.table import Bar, Row, amount
from benchmarks.thrift.critical import critical_path_s
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.workloads import Workload

ONE, PARALLEL, ONE_CHEAP, PARALLEL_CHEAP = (
    "ReAct, one call",
    "ReAct, parallel",
    "cheap ReAct, one call",
    "cheap ReAct, parallel",
)
COMPILER, FRESH, FRESH_CHEAP, KEPT = "LLMCompiler", "Planrail", "Planrail, cheap planner", "Planrail, kept plan"
TOKEN_BARS = {ONE: Bar("≤", 0.1), PARALLEL: Bar("≤", 0.25), COMPILER: Bar("≤", 0.3)}
LONG, DEAR, SHORT = 10, 12, 4  # calls: from where on the bars of tokens, of a fresh plan's price, of a kept one's hold
OUR_ONE, OUR_PARALLEL = "Planrail --mode react --one-call", "Planrail --mode react"
Results = Mapping[Workload, Mapping[str, Measured]]


def grid(results: Results) -> str:
    """Tokens, $ and seconds of every system on every workload."""
    systems = list(next(iter(results.values())))
    lines = [f"| work | {' | '.join(systems)} |", "|---" * (len(systems) + 1) + "|"]
    lines += [f"| {w.name} | {' | '.join(_cell(by[s]) for s in systems)} |" for w, by in results.items()]
    return "\n".join(lines)


def cost_rows(results: Results) -> list[Row]:
    """The bars of tokens and of prices."""
    tokens = [r for w, by in results.items() if w.calls >= LONG for r in _tokens(w, by)]
    return [*tokens, *(r for w, by in results.items() for r in _prices(w, by))]


def _tokens(workload: Workload, by: Mapping[str, Measured]) -> Iterator[Row]:
    ours = by[FRESH]
    for rival, bar in TOKEN_BARS.items():
        theirs = by[rival]
        apart = ours.without_prefix / theirs.without_prefix
        beside = f"{rival} {_k(theirs.tokens)}; without the fixed prefixes {_k(ours.without_prefix)} of "
        beside += f"{_k(theirs.without_prefix)}: {amount(apart)}×"
        yield Row(f"{workload.name}: tokens", ours.tokens, "", beside, ours.tokens / theirs.tokens, None, bar)


def _prices(workload: Workload, by: Mapping[str, Measured]) -> Iterator[Row]:
    for system, least in ((FRESH, DEAR), (KEPT, SHORT)):
        if workload.calls < least or (system == KEPT and workload.calls >= LONG):
            continue
        ours, theirs = by[system], by[ONE_CHEAP]
        plan = "a fresh plan" if system == FRESH else "a kept plan"
        beside = f"{ONE_CHEAP} ${theirs.usd():.4f}; at 0.1× a cached token ${ours.usd(0.1):.4f} of ${theirs.usd(0.1):.4f}"
        beside += f"; with the cheap model as our planner ${by[FRESH_CHEAP].usd():.4f}" if system == FRESH else ""
        yield Row(f"{workload.name}: $, {plan}", ours.usd(), "$", beside, ours.usd() / theirs.usd(), None, Bar("≤", 1))


def time_rows(workload: Workload, by: Mapping[str, Measured], factor: float, tool_s: float) -> Iterator[Row]:
    """The bars of wall clock, at a pace."""
    fresh, kept, theirs = by[FRESH], by[KEPT], by[COMPILER]
    least = critical_path_s(workload, factor, tool_s, fresh=True)
    least_kept = critical_path_s(workload, factor, tool_s, fresh=False)
    ratios = [s / least for s in fresh.seconds]
    work, pace = workload.name.rpartition(",")[0], "" if factor == 1 else f", × {factor:g}"
    beside = f"critical path {amount(least)} s; a kept plan {amount(kept.median_s)} s of {amount(least_kept)} s: "
    beside += f"{amount(kept.median_s / least_kept)}×"
    spread = (min(ratios), max(ratios))
    yield Row(f"{work}: wall clock{pace}", fresh.median_s, "s", beside, fresh.median_s / least, spread, Bar("≤", 1.1))
    ratio = fresh.median_s / theirs.median_s
    yield Row(
        f"{work}: wall clock{pace}", fresh.median_s, "s", f"{COMPILER} {amount(theirs.median_s)} s", ratio, None, Bar("≤", 1)
    )


def _cell(measured: Measured) -> str:
    return f"{_k(measured.tokens)} · ${measured.usd():.4f} · {amount(measured.median_s)} s"


def _k(tokens: int) -> str:
    return f"{tokens / 1_000:.1f}k" if tokens >= 1_000 else str(tokens)
