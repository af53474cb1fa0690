"""Aggregates over a column: what `sum amount` and its like mean, exactly."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal, cast, get_args

from executor.builtin.csv_text import number
from executor.builtin.handle import Unfit
from planner.toolspec import Json

Operation = Literal["count", "sum", "mean", "median", "min", "max", "first", "last", "distinct"]
Number = int | float


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`operation` over the values of `column` that are not null; `count` without a column counts rows."""

    operation: Operation
    column: str | None

    def of(self, values: Sequence[Json]) -> Json:
        """The aggregate of these values; raises Unfit when they are of the wrong kind."""
        present = [value for value in values if value is not None and value != ""]
        match self.operation:
            case "count":
                return len(values) if self.column is None else len(present)
            case "distinct":
                return len({repr(value) for value in present})
            case "first" | "last":
                return (present[0] if self.operation == "first" else present[-1]) if present else None
            case "min" | "max":
                return self._extreme(present)
            case _:
                return self._computed(numbers(present, f"`{self.column}`"))

    def _extreme(self, values: Sequence[Json]) -> Json:
        pick = min if self.operation == "min" else max
        if values and all(isinstance(v, str) for v in values) and any(number(v) is None for v in values):
            return pick(values)
        return pick(numbers(values, f"`{self.column}`"), default=None)

    def _computed(self, values: Sequence[Number]) -> Number | None:
        match self.operation:
            case "sum":
                return total(values)
            case "mean":
                return mean(values)
            case _:
                return median(values)


def parsed(text: str) -> Aggregate:
    """The aggregate that `sum amount` or `count` names; raises Unfit."""
    operation, _, column = text.strip().partition(" ")
    if operation not in get_args(Operation) or not (column or operation == "count"):
        raise Unfit(f"`{text}` is no aggregate. Write `sum amount`, with one of {', '.join(get_args(Operation))}.")
    return Aggregate(cast("Operation", operation), column.strip() or None)


def numbers(values: Sequence[Json], what: str) -> list[Number]:
    """The values as numbers, those in text too; raises Unfit that names the first that is none."""
    return [_number(value, what) for value in values]


def _number(value: Json, what: str) -> Number:
    found = number(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise Unfit(f"{what} holds {str(value)[:40]!r}, which is no number.")
    return found


def total(values: Sequence[Number]) -> Number:
    """The exact decimal sum: 0.1 + 0.2 is 0.3, and a whole sum is an integer."""
    with localcontext(prec=60):
        return _plain(sum((_decimal(v) for v in values), Decimal()))


def mean(values: Sequence[Number]) -> Number | None:
    """The mean, or None of nothing."""
    with localcontext(prec=60):
        return _plain(sum((_decimal(v) for v in values), Decimal()) / len(values)) if values else None


def median(values: Sequence[Number]) -> Number | None:
    """The median, or None of nothing."""
    return _plain(statistics.median([_decimal(v) for v in values])) if values else None


def _decimal(value: Number) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _plain(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else float(value)
