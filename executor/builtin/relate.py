"""Relations between rows: joined on a key, grouped by keys, sorted across types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from executor.builtin.aggregate import Aggregate
from executor.builtin.tables import Row
from planner.toolspec import Json

How = Literal["inner", "left", "outer"]
Key = tuple[str, Json]


def key(value: Json) -> Key:
    """A hashable that is equal for equal JSON values: 1 and 1.0 are, 1 and true or "1" are not."""
    match value:
        case bool() | str() | None:
            return type(value).__name__, value
        case int() | float():
            return "number", value
        case _:
            return "json", json.dumps(value, sort_keys=True)


def joined(left: Iterable[Row], right: Sequence[Row], *, left_on: str, right_on: str, how: How) -> Iterator[Row]:
    """The rows of both that have the same key, with null never the same; `outer` adds what is on one side only."""
    by_key: dict[Key, list[int]] = {}
    for index, row in enumerate(right):
        if row.get(right_on) is not None:
            by_key.setdefault(key(row[right_on]), []).append(index)
    matched: set[int] = set()
    for row in left:
        found = by_key.get(key(row.get(left_on)), [])
        matched.update(found)
        for index in found:
            yield _merged(row, right[index], right_on, same_key=left_on == right_on)
        if not found and how != "inner":
            yield row
    if how == "outer":
        yield from (row for index, row in enumerate(right) if index not in matched)


def _merged(left: Row, right: Row, right_on: str, *, same_key: bool) -> Row:
    merged = dict(left)
    for column, value in right.items():
        if column == right_on and same_key:
            continue
        name = column
        while name in merged:
            name += "_right"
        merged[name] = value
    return merged


def grouped(rows: Iterable[Row], by: Sequence[str], aggregates: Mapping[str, Aggregate]) -> Iterator[Row]:
    """One row for each combination of the `by` values, in the order of appearance."""
    firsts: dict[tuple[Key, ...], Row] = {}
    values: dict[tuple[Key, ...], dict[str, list[Json]]] = {}
    for row in rows:
        at = tuple(key(row.get(column)) for column in by)
        firsts.setdefault(at, {column: row.get(column) for column in by})
        gathered = values.setdefault(at, {name: [] for name in aggregates})
        for name, wanted in aggregates.items():
            gathered[name].append(None if wanted.column is None else row.get(wanted.column))
    for at, first in firsts.items():
        yield first | {name: wanted.of(values[at][name]) for name, wanted in aggregates.items()}


def sort_key(value: Json, descending: bool) -> tuple[int, Json]:
    """An order over values of any type: numbers, text, the rest as JSON; null comes last either way."""
    match value:
        case None:
            return (-1 if descending else 9), 0
        case bool() | int() | float():
            return 1, value
        case str():
            return 2, value
        case _:
            return 3, json.dumps(value, sort_keys=True)
