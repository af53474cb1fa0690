"""Rows: what all systems took on all workloads, and each bar of ours against what was measured beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.table import Bar, Row, amount
from benchmarks.thrift.critical import critical_path_s
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.system import (
    CLASSIC,
    CLASSIC_TOGETHER,
    COMPILER,
    FRESH,
    FRESH_CHEAP,
    KEPT,
    ONE,
    ONE_CHEAP,
    OURS_IN_REACT,
    PARALLEL,
)
from benchmarks.thrift.workloads import Workload

TOKEN_BARS = {
    ONE: Bar("≤", 0.1), PARALLEL: Bar("≤", 0.25), COMPILER: Bar("≤", 0.3), CLASSIC: None, CLASSIC_TOGETHER: None,
}  # fmt: skip
LONG, DEAR, SHORT = 10, 12, 4  # calls: from where on the bars of tokens, of a fresh plan's price, of a kept one's hold
NO_CACHE, CACHE, CHEAPER_CACHE = 1.0, 0.5, 0.1  # what a cached token costs, as a share of one that is not
Results = Mapping[Workload, Mapping[str, Measured]]


def costs(results: Results) -> str:
    """Tokens and $ of every system on every workload."""
    return _lines({w.name: by for w, by in results.items()}, _cost)


def clocks(timed: Results, factor: float, tool_s: float) -> str:
    """Seconds of every system on every workload."""
    by_name = {f"{w.form.name} ({_critical(w, factor, tool_s)})": by for w, by in timed.items()}
    return _lines(by_name, lambda m: f"{amount(m.median_s)} s")


def cost_rows(results: Results) -> list[Row]:
    """The bars of tokens and of prices; where there are several sizes, the ratios of all stand in brackets."""
    rows: list[Row] = []
    for name, by_size in _by_form(results).items():
        calls = next(iter(by_size)).form.calls
        if calls >= LONG:
            rows += [_tokens(name, by_size, rival, bar) for rival, bar in TOKEN_BARS.items()]
        if calls >= DEAR:
            rows += [_price(name, by_size, FRESH), _price(name, by_size, FRESH_CHEAP)]
        if calls >= SHORT:
            rows.append(_price(name, by_size, KEPT))
    return [*rows, *(_react(results, ours, theirs) for ours, theirs in OURS_IN_REACT.items())]


def time_rows(timed: Results, factor: float, tool_s: float) -> Iterator[Row]:
    """The bars of wall clock."""
    for workload, by in timed.items():
        fresh, kept, theirs = by[FRESH], by[KEPT], by[COMPILER]
        least = critical_path_s(workload.form, factor, tool_s, fresh=True)
        least_kept = critical_path_s(workload.form, factor, tool_s, fresh=False)
        what, ratios = f"{workload.form.name}: wall clock", [s / least for s in fresh.seconds]
        beside = f"critical path {amount(least)} s; a kept plan {amount(kept.median_s)} s of {amount(least_kept)} s: "
        beside += f"{amount(kept.median_s / least_kept)}×"
        spread = (min(ratios), max(ratios))
        yield Row(what, fresh.median_s, "s", beside, fresh.median_s / least, spread, Bar("≤", 1.1))
        rounds = [a / b for a, b in zip(fresh.seconds, theirs.seconds, strict=True)]
        told = f"{COMPILER} {amount(theirs.median_s)} s"
        yield Row(what, fresh.median_s, "s", told, fresh.median_s / theirs.median_s, (min(rounds), max(rounds)), Bar("≤", 1))


def _by_form(results: Results) -> Mapping[str, Results]:
    """The results of each form, by size."""
    found: dict[str, dict[Workload, Mapping[str, Measured]]] = {}
    for workload, by in results.items():
        found.setdefault(workload.form.name, {})[workload] = by
    return found


def _tokens(name: str, by_size: Results, rival: str, bar: Bar | None) -> Row:
    """At the smallest size, which is the worst for us."""
    ratios = [by[FRESH].tokens / by[rival].tokens for by in by_size.values()]
    first = next(iter(by_size.values()))
    ours, theirs = first[FRESH], first[rival]
    apart = ours.without_prefix / theirs.without_prefix
    beside = f"{rival} {_k(theirs.tokens)}; without the fixed prefixes {_k(ours.without_prefix)} of "
    beside += f"{_k(theirs.without_prefix)}: {amount(apart)}×"
    return Row(f"{name}: tokens", ours.tokens, "", beside, ratios[0], _spread(ratios), bar)


def _price(name: str, by_size: Results, system: str) -> Row:
    ratios = [by[system].usd() / by[ONE_CHEAP].usd() for by in by_size.values()]
    first = next(iter(by_size.values()))
    ours, theirs = first[system], first[ONE_CHEAP]
    plan = {FRESH: "a fresh plan", FRESH_CHEAP: "a fresh plan by the cheap model", KEPT: "a kept plan"}[system]
    beside = f"{ONE_CHEAP} ${theirs.usd():.4f}; without caches ${ours.usd(NO_CACHE):.4f} of ${theirs.usd(NO_CACHE):.4f}; "
    beside += f"at 0.1× a cached token ${ours.usd(CHEAPER_CACHE):.4f} of ${theirs.usd(CHEAPER_CACHE):.4f}"
    bar = None if system == FRESH_CHEAP else Bar("≤", 1)
    return Row(f"{name}: $, {plan}", ours.usd(), "$", beside, ratios[0], _spread(ratios), bar)


def _react(results: Results, ours: str, theirs: str) -> Row:
    """Our ReAct mode beside LangGraph's, over all workloads."""
    ratios = [by[ours].tokens / by[theirs].tokens for by in results.values()]
    own, rival = (sum(by[s].tokens for by in results.values()) for s in (ours, theirs))
    return Row(f"all of them by `{ours}`: tokens", own, "", f"{theirs} {_k(rival)}", own / rival, _spread(ratios))


def _spread(ratios: Sequence[float]) -> tuple[float, float]:
    return min(ratios), max(ratios)


def _critical(workload: Workload, factor: float, tool_s: float) -> str:
    return f"critical path {amount(critical_path_s(workload.form, factor, tool_s, fresh=True))} s"


def _lines(by_name: Mapping[str, Mapping[str, Measured]], cell: Callable[[Measured], str]) -> str:
    systems = list(next(iter(by_name.values())))
    lines = [f"| work | {' | '.join(systems)} |", "|---" * (len(systems) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cell(by[s]) for s in systems)} |" for name, by in by_name.items()]
    return "\n".join(lines)


def _cost(measured: Measured) -> str:
    return f"{_k(measured.tokens)} · ${measured.usd(NO_CACHE):.4f} · ${measured.usd(CACHE):.4f}"


def _k(tokens: int) -> str:
    if tokens >= 1_000_000:
        return f"{tokens / 1e6:.2f}M"
    return f"{tokens / 1_000:.1f}k" if tokens >= 1_000 else str(tokens)
