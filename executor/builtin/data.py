"""The namespace `data`: tables read, joined, grouped and written, without a model and without bulk in expressions.

A table goes in as a list of objects or as a handle; it comes out as a list when it is short and no input was a handle. All
are pure reads. They declare no labels: the executor joins the labels of a call's inputs into its output.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Literal, TextIO

from pydantic import BaseModel, Field

from executor.artifacts import Artifacts
from executor.builtin import aggregate
from executor.builtin.csv_text import CsvText, Rejected, written
from executor.builtin.handle import Handle, Text, Unfit, content_of, failing, kept_text
from executor.builtin.relate import How, grouped, joined, sort_key
from executor.builtin.tables import MAX_INLINE_ROWS, Row, Table, columns_of, kept, refuse_constant, rows_of
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json

Delimiter = Literal[",", ";", "\t", "|"]
Encoding = Literal["utf-8", "utf-16", "cp1252", "latin-1"]


class ReadTable(BaseModel):
    """A table that was read; `rejected` holds what did not fit: line, reason, text."""

    rows: Table
    columns: list[str]
    count: int
    rejected: Table


class Statistics(BaseModel):
    count: int
    sum: float | int
    min: float | int | None
    max: float | int | None
    mean: float | int | None
    median: float | int | None


@tool(effect="read", timeout_s=120)
@failing
def read_csv(
    text: Text,
    context: ToolContext,
    numbers: Annotated[bool, Field(description="numeric columns become numbers")] = False,
    delimiter: Delimiter | None = None,
    encoding: Encoding = "utf-8",
) -> ReadTable | ToolFailed:
    """Read CSV with a header line into a table; cells stay text unless `numbers`."""
    content = content_of(text, context.artifacts)
    decoded = "utf-8-sig" if encoding == "utf-8" or isinstance(text, str) else encoding

    def opened() -> TextIO:
        return io.TextIOWrapper(io.BytesIO(content), decoded, newline="")

    try:
        parsed = CsvText(opened, delimiter)
        return _read(parsed.records(numbers=numbers), parsed.columns, context.artifacts)
    except UnicodeError as error:
        raise Unfit(f"The bytes are not {encoding}; say another `encoding`.") from error


@tool(effect="read", timeout_s=120)
@failing
def read_json(text: Text, context: ToolContext) -> ReadTable | ToolFailed:
    """Read a JSON list of objects, or JSON lines, into a table."""
    content = content_of(text, context.artifacts).removeprefix(b"\xef\xbb\xbf")
    records = _listed(content) if content.lstrip()[:1] == b"[" else _lines(content)
    return _read(records, None, context.artifacts)


def _listed(content: bytes) -> Iterator[Row | Rejected]:
    try:
        items = json.loads(content, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"The text is not JSON: {error}.") from error
    for index, item in enumerate(items):
        yield item if isinstance(item, dict) else Rejected(index + 1, "no object", json.dumps(item))


def _lines(content: bytes) -> Iterator[Row | Rejected]:
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            yield Rejected(number, "not JSON", line.decode("utf-8", "replace"))
            continue
        yield item if isinstance(item, dict) else Rejected(number, "no object", json.dumps(item))


def _read(records: Iterable[Row | Rejected], columns: list[str] | None, artifacts: Artifacts) -> ReadTable:
    """Part the records into rows and rejected ones, while they are being written."""
    rejected: list[Row] = []
    seen: dict[str, None] = {}
    count = 0

    def fitting() -> Iterator[Row]:
        nonlocal count
        for record in records:
            if isinstance(record, Rejected):
                rejected.append({"line": record.line, "reason": record.reason, "text": record.text})
                continue
            count += 1
            seen.update(dict.fromkeys(record))
            yield record

    rows = kept(fitting(), artifacts)
    return ReadTable(
        rows=rows, columns=list(seen) if columns is None else columns, count=count, rejected=kept(rejected, artifacts)
    )


@tool(effect="read", timeout_s=120)
@failing
def to_csv(rows: Table, context: ToolContext, delimiter: Delimiter = ",") -> Text | ToolFailed:
    """Write a table as CSV: text, or a handle when long."""
    columns = columns_of(rows_of(rows, context.artifacts))
    text = written(rows_of(rows, context.artifacts), columns, delimiter=delimiter)
    return kept_text(content_of(text, context.artifacts), context.artifacts, media_type="text/csv")


@tool(effect="read", timeout_s=120)
@failing
def to_json(rows: Table, context: ToolContext) -> Text | ToolFailed:
    """Write a table as a JSON list: text, or a handle when long."""
    text = json.dumps(list(rows_of(rows, context.artifacts)), ensure_ascii=False)
    return kept_text(content_of(text, context.artifacts), context.artifacts, media_type="application/json")


@tool(effect="read", timeout_s=120)
@failing
def join(
    left: Table, right: Table, on: str, context: ToolContext, right_on: str | None = None, how: How = "inner"
) -> Table | ToolFailed:
    """Join two tables on a column; a right column that left has too is named `…_right`."""
    pairs = joined(
        rows_of(left, context.artifacts), list(rows_of(right, context.artifacts)), left_on=on, right_on=right_on or on, how=how
    )
    return kept(pairs, context.artifacts, like=(left, right))


@tool(effect="read", timeout_s=120)
@failing
def group(
    rows: Table,
    by: list[str],
    aggregates: Annotated[dict[str, str], Field(description='new column -> e.g. "sum amount", "count"')],
    context: ToolContext,
) -> Table | ToolFailed:
    """Group by columns: count, sum, mean, median, min, max, first, last, distinct."""
    wanted = {name: aggregate.parsed(text) for name, text in aggregates.items()}
    return kept(grouped(rows_of(rows, context.artifacts), by, wanted), context.artifacts, like=(rows,))


@tool(effect="read", timeout_s=120, name="statistics")
@failing
def column_statistics(rows: Table, column: str, context: ToolContext) -> Statistics | ToolFailed:
    """Count, sum, min, max, mean and median of a numeric column, nulls left out."""
    values = [row[column] for row in rows_of(rows, context.artifacts) if row.get(column) not in (None, "")]
    found = aggregate.numbers(values, f"`{column}`")
    return Statistics(
        count=len(found), sum=aggregate.total(found), min=min(found, default=None), max=max(found, default=None),
        mean=aggregate.mean(found), median=aggregate.median(found),
    )  # fmt: skip


@tool(effect="read", timeout_s=120)
@failing
def select(
    rows: Table,
    context: ToolContext,
    columns: list[str] | None = None,
    where: Annotated[dict[str, Json] | None, Field(description="column -> value it equals")] = None,
    sort_by: Annotated[str | None, Field(description="column; -column descends")] = None,
    limit: Annotated[int | None, Field(ge=0)] = None,
) -> Table | ToolFailed:
    """Filter, sort, cut and project a table."""
    wanted = (where or {}).items()
    found: Iterable[Row] = (r for r in rows_of(rows, context.artifacts) if all(same(r.get(k), v) for k, v in wanted))
    if sort_by is not None:
        column, descending = sort_by.removeprefix("-"), sort_by.startswith("-")
        found = sorted(found, key=lambda row: sort_key(row.get(column), descending), reverse=descending)
    if columns is not None:
        found = ({column: row.get(column) for column in columns} for row in found)
    return kept(islice(found, limit), context.artifacts, like=(rows,))


def same(left: Json, right: Json) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


@tool(effect="read", sensitive=(), timeout_s=120, bounds={"": "limit"}, name="rows")
@failing
def page(
    handle: Handle,
    context: ToolContext,
    offset: Annotated[int, Field(ge=0)] = 0,
    limit: Annotated[int, Field(ge=0, le=MAX_INLINE_ROWS)] = 100,
) -> list[Row] | ToolFailed:
    """A page of a table's handle as a list."""
    return list(islice(rows_of(handle, context.artifacts), offset, offset + limit))


@tool(effect="read", timeout_s=120)
@failing
def count(rows: Table, context: ToolContext) -> int | ToolFailed:
    """The number of rows of a table."""
    return sum(1 for _ in rows_of(rows, context.artifacts))


def data_tools() -> Toolset:
    """The tools of the namespace `data`."""
    return Toolset.declared(
        "data", [read_csv, read_json, to_csv, to_json, join, group, column_statistics, select, page, count]
    )  # fmt: skip
