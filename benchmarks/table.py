"""Table: what a benchmark found, row by row: our figure, what stands beside it, the bar, and whether it was met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HEADING = "| what | Planrail | beside it | ratio (lowest–highest) | bar | met |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Bar:
    """A limit. In the unit `×` it is held against the ratio, in any other one against our own figure."""

    sign: Literal["≤", "≥"]
    limit: float
    unit: str = "×"

    def __str__(self) -> str:
        return f"{self.sign} {amount(self.limit)}{_suffix(self.unit)}"

    def met_by(self, value: float) -> bool:
        return value <= self.limit if self.sign == "≤" else value >= self.limit


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is the median over the rounds of ours to what was measured beside it in the same round."""

    what: str
    ours: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    spread: tuple[float, float] | None = None  # of the rounds' ratios
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar was met; None where there is none."""
        if self.bar is None:
            return None
        value = self.ratio if self.bar.unit == "×" else self.ours
        return value is not None and self.bar.met_by(value)

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{amount(self.ratio)}×"
        if self.spread is not None:
            ratio += f" ({amount(self.spread[0])}–{amount(self.spread[1])})"
        bar = "" if self.bar is None else str(self.bar)
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return f"| {self.what} | {amount(self.ours)}{_suffix(self.unit)} | {self.beside} | {ratio} | {bar} | {met} |"


@dataclass(frozen=True)
class Table:
    """What one benchmark prints: its rows, and the facts without which they mean nothing."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())
    grid: str = ""  # a table of its own, that stands before the rows
    plots: Mapping[str, str] = field(default_factory=dict)  # drawings (SVG) by name

    def __str__(self) -> str:
        notes = "".join(f"* {note}\n" for note in self.notes)
        before = f"{self.grid}\n\n" if self.grid else ""
        return before + "\n".join([HEADING, *map(str, self.rows)]) + f"\n\n{notes}"

    def document(self) -> dict[str, Any]:  # as JSON
        rows = [{**asdict(row), "met": row.met} for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "grid": self.grid, "plots": dict(self.plots)}


def table_of(document: dict[str, Any]) -> Table:
    """The table that `document` wrote."""
    rows = tuple(_row(row) for row in document["rows"])
    return Table(document["title"], rows, tuple(document["notes"]), document["grid"], document["plots"])


def compared(
    what: str, ours: Sequence[float], unit: str, name: str, theirs: Sequence[float], bar: Bar | None = None
) -> Row:  # fmt: skip
    """A row of two things that were measured in the same rounds."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    beside = f"{name} {amount(statistics.median(theirs))}{_suffix(unit)}"
    spread = (min(ratios), max(ratios))
    return Row(what, statistics.median(ours), unit, beside, statistics.median(ratios), spread, bar)


def latency(what: str, seconds: Iterable[float], bar: Bar | None = None) -> Row:
    """A row of the 95th percentile, in ms, with the median and the slowest beside it."""
    ms = sorted(s * 1e3 for s in seconds)
    p95 = ms[min(len(ms) - 1, int(len(ms) * 0.95))]
    return Row(what, p95, "ms", f"median {amount(statistics.median(ms))} ms, slowest {amount(ms[-1])} ms, n={len(ms)}", bar=bar)


def amount(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def _suffix(unit: str) -> str:
    return unit if unit in ("×", "") else f" {unit}"


def _row(row: dict[str, Any]) -> Row:
    bar = None if row["bar"] is None else Bar(**row["bar"])
    spread = None if row["spread"] is None else (row["spread"][0], row["spread"][1])
    return Row(row["what"], row["ours"], row["unit"], row["beside"], row["ratio"], spread, bar)
