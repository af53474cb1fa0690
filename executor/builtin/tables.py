"""Tables: a list of JSON objects, or a handle of JSON lines when there are many."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import NoReturn

from executor.artifacts import Artifacts
from executor.builtin.handle import MAX_BYTES, Handle, Unfit, bytes_of
from planner.toolspec import Json

Row = dict[str, Json]
Table = list[Row] | Handle

TABLE_TYPE = "application/jsonl"
MAX_INLINE_ROWS = 500  # a longer table is given as a handle
MAX_INLINE_TABLE = 256 * 1024  # bytes of JSON; a larger table is given as a handle


def rows_of(table: Table, artifacts: Artifacts) -> Iterator[Row]:
    """The rows, one after the other; raises Unfit where a handle holds no table."""
    if not isinstance(table, Handle):
        yield from table
        return
    if table.media_type not in (TABLE_TYPE, ""):
        raise Unfit(f"The handle is {table.media_type}, no table; data.read_csv or data.read_json make one of it.")
    for number, line in enumerate(io.BytesIO(bytes_of(table, artifacts)), start=1):
        yield _row(line, number)


def _row(line: bytes, number: int) -> Row:
    try:
        row = json.loads(line, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"The handle is no table: line {number} is not JSON.") from error
    if not isinstance(row, dict):
        raise Unfit(f"The handle is no table: line {number} is no object.")
    return row


def refuse_constant(name: str) -> NoReturn:
    """For `parse_constant=`: JSON has no NaN and no infinity."""
    raise ValueError(f"{name} is no JSON number")


def kept(rows: Iterable[Row], artifacts: Artifacts, *, like: tuple[Table, ...] = ()) -> Table:
    """The rows as a list, or as a handle when they are many or when one of the tables they stem from (`like`) was one."""
    written, count = bytearray(), 0
    for row in rows:
        written += _line(row)
        count += 1
        if len(written) > MAX_BYTES:
            raise Unfit(f"The result is larger than {MAX_BYTES:,} bytes; select fewer rows or columns first.")
    small = count <= MAX_INLINE_ROWS and len(written) <= MAX_INLINE_TABLE
    if small and not any(isinstance(table, Handle) for table in like):
        return [json.loads(line) for line in written.splitlines()]
    return Handle.of(artifacts.put(bytes(written), media_type=TABLE_TYPE, rows=count))


def _line(row: Row) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    except (ValueError, RecursionError) as error:
        raise Unfit(f"A row is not JSON: {error}.") from error


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Every key of the rows, in the order in which they first appear."""
    return list(dict.fromkeys(key for row in rows for key in row))
