"""Chunk: some thousand rows between two steps of an import, as an artifact: a line of JSON each, compressed."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from executor.artifacts import Artifacts
from executor.builtin.handle import Handle, Unfit, bytes_of
from packs.listings.listing import Accepted, Listing, Record, Rejected, Row

MEDIA_TYPE = "application/x-ndjson+gzip"
MAX_BYTES = 64 * 1024 * 1024  # of one chunk, unfolded
_FAST = 1  # the level of gzip
_NONE = "The handle is no chunk of rows as `listings` makes them."
T = TypeVar("T")


def kept_records(records: Iterable[Record], artifacts: Artifacts) -> Handle:
    """The records, stored."""
    return _kept(([r.line, r.cells, r.reason, r.text, r.repaired] for r in records), artifacts)


def records_in(chunk: Handle, artifacts: Artifacts) -> Iterator[Record]:
    """The records of a chunk; raises Unfit where it holds something else."""
    return _read(
        chunk, artifacts, lambda line, cells, reason, text, repaired: Record(line, cells, reason, text, tuple(repaired))
    )


def kept_rows(rows: Iterable[Row], artifacts: Artifacts) -> Handle:
    """The rows, stored."""
    return _kept((_row(row) for row in rows), artifacts)


def rows_in(chunk: Handle, artifacts: Artifacts) -> Iterator[Row]:
    """The rows of a chunk; raises Unfit where it holds something else."""
    return _read(chunk, artifacts, _as_row)


def kept_found(found: Iterable[tuple[int, str, str]], artifacts: Artifacts) -> Handle:
    """Which lines are duplicates, why, and of what; stored."""
    return _kept((list(one) for one in found), artifacts)


def found_in(chunk: Handle, artifacts: Artifacts) -> dict[int, tuple[str, str]]:
    """By line, why it is a duplicate and of what; raises Unfit where it holds something else."""
    return dict(_read(chunk, artifacts, lambda line, reason, of: (int(line), (str(reason), str(of)))))


def _row(row: Row) -> list[Any]:
    if isinstance(row, Accepted):
        return [row.line, row.listing.model_dump(), row.repaired]
    return [row.line, row.reason, row.field, row.value, row.text]


def _as_row(line: int, what: Any, *rest: Any) -> Row:
    if isinstance(what, dict):
        return Accepted(line, Listing.model_validate(what), tuple(*rest))
    return Rejected(line, what, *rest)


def _kept(values: Iterable[list[Any]], artifacts: Artifacts) -> Handle:
    """The values, one after the other: none of them has to be there when the next one is made."""
    out, count = io.BytesIO(), 0
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=_FAST, mtime=0) as folding:  # the same rows are the same artifact
        for value in values:
            folding.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            count += 1
    return Handle.of(artifacts.put(out.getvalue(), media_type=MEDIA_TYPE, rows=count))


def _read(chunk: Handle, artifacts: Artifacts, made: Callable[..., T]) -> Iterator[T]:
    content, left = io.BytesIO(bytes_of(chunk, artifacts)), MAX_BYTES
    if not content.getbuffer().nbytes:
        raise Unfit(_NONE)
    try:
        with gzip.GzipFile(fileobj=content) as unfolding:
            while line := unfolding.readline(left + 1):
                left -= len(line)
                if left < 0:
                    raise Unfit(f"The chunk unfolds to more than {MAX_BYTES:,} bytes.")
                yield made(*json.loads(line))
    except (zlib.error, EOFError, OSError, ValueError, TypeError, KeyError) as error:
        raise Unfit(_NONE) from error
