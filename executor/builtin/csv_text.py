"""CSV as it is found: RFC 4180 with a BOM, other delimiters and rows that do not fit, which are kept with the reason."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from executor.builtin.handle import Unfit
from executor.builtin.tables import Row
from planner.toolspec import Json

DELIMITERS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?([eE][+-]?\d{1,2})?", re.ASCII)  # 007 is text
_DECIMAL_COMMA = re.compile(r"-?(0|[1-9]\d{0,14}),\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is no row of the table; `line` is where it starts, from 1, `text` what stands there."""

    line: int
    reason: str
    text: str


class CsvText:
    """A CSV text that can be read more than once. `opened` gives it from its beginning, newlines untranslated."""

    def __init__(self, opened: Callable[[], TextIO], delimiter: str | None) -> None:
        self._opened = opened
        self._delimiter = delimiter
        records = self._records()
        header = next(records, None)
        if isinstance(header, Rejected):
            raise Unfit(f"The first line is no CSV header: {header.reason}.")
        self.columns = _named(header[1]) if header else []

    def records(self, *, numbers: bool) -> Iterator[Row | Rejected]:
        """Every record below the header; with `numbers` a column of nothing but numbers has numbers and nulls."""
        numeric = self._numeric_columns() if numbers else frozenset()
        for record in self._fitting():
            if isinstance(record, Rejected):
                yield record
            else:
                pairs = zip(self.columns, record, strict=True)
                yield {column: number(cell) if column in numeric else cell for column, cell in pairs}

    def _numeric_columns(self) -> frozenset[str]:
        candidates = dict(enumerate(self.columns))
        filled: set[int] = set()
        for record in self._fitting():
            if isinstance(record, Rejected):
                continue
            for index in list(candidates):
                if cell := record[index].strip():
                    filled.add(index)
                    if number(cell) is None:
                        del candidates[index]
        return frozenset(column for index, column in candidates.items() if index in filled)

    def _fitting(self) -> Iterator[list[str] | Rejected]:
        width = len(self.columns)
        for record in _skipping_one(self._records()):
            if isinstance(record, Rejected):
                yield record
                continue
            line, cells, text = record
            if len(cells) > width and not any(cells[width:]):
                del cells[width:]
            if len(cells) == width:
                yield cells
            else:
                yield Rejected(line, f"{len(cells)} cells under {width} columns", text)

    def _records(self) -> Iterator[tuple[int, list[str], str] | Rejected]:
        with self._opened() as source:
            first = next((line for line in source if line.strip()), "")
            delimiter, said = _delimiter(first)
            lines = _Recorded(source if said else chain((first,), source))
            reader = csv.reader(lines, delimiter=self._delimiter or delimiter, strict=True)
            while True:
                lines.current.clear()
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Rejected(line, str(error), "".join(lines.current))
                    continue
                if cells:
                    yield line, cells, "".join(lines.current)


class _Recorded:
    """Lines that remember those read since `current` was last cleared."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.current: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.current.append(line)
        return line


def _skipping_one(records: Iterator[tuple[int, list[str], str] | Rejected]) -> Iterator[tuple[int, list[str], str] | Rejected]:
    next(records, None)
    return records


def _delimiter(first: str) -> tuple[str, bool]:
    """The delimiter by the first line, and whether that line is no header but says so (`sep=;`)."""
    if (said := re.fullmatch(r"sep=(.)\s*", first)) is not None:
        return said[1], True
    bare = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=bare.count), False


def _named(header: list[str]) -> list[str]:
    """Column names that are there and differ: a second `name` is `name_2`, an empty third one `column_3`."""
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        wanted = cell.strip() or f"column_{position}"
        name, count = wanted, 1
        while name in names:
            count += 1
            name = f"{wanted}_{count}"
        names.append(name)
    return names


def number(cell: str) -> int | float | None:
    """The number that the text is, or None. A leading zero, a plus or more than 15 digits make it text."""
    text = cell.strip()
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not (found := _NUMBER.fullmatch(text)):
        return None
    return float(text) if found[2] or found[3] else int(text)


def written(rows: Iterable[Row], columns: list[str], *, delimiter: str) -> str:
    """The rows as CSV by RFC 4180; null is an empty cell, a list or object its JSON."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: Json) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
