"""CsvFeed: the records of a CSV file in which some are broken. A broken line costs itself, never its neighbours.

A quote that is not closed would swallow what follows. So a record that does not come out right is its first line alone, and the
lines after it are looked at anew.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator

from packs.listings.columns import Columns
from packs.listings.feed_text import Line
from packs.listings.listing import Reason, Record

DELIMITERS = (",", ";", "\t", "|")
MAX_LINES = 20  # of one record; a quote that is open for longer was no quote
_SHOWN = 500
_SEPARATOR = re.compile(r"sep=(.)\s*")
_QUOTED = re.compile(r'"[^"]*"')


class CsvFeed:
    """The header of a CSV file, and the records below it. Raises UnknownColumns where what is needed is not there."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        first = next((line for line in lines if line.text.strip()), Line(1, ""))
        said = _SEPARATOR.fullmatch(first.text)
        if said is not None:
            first = next(lines, Line(2, ""))
        bare = _QUOTED.sub("", first.text)
        self._delimiter = said[1] if said is not None else max(DELIMITERS, key=bare.count)
        self.columns = Columns.of(self._parsed([first]) or [])

    def records(self) -> Iterator[Record]:
        """Every record, or what stands in its place."""
        waiting: deque[Line] = deque()
        taken: list[Line] = []
        while True:
            line = waiting.popleft() if waiting else next(self._lines, None)
            if line is None and not taken:
                return
            if line is not None:
                if not taken and not line.text.strip():
                    continue
                taken.append(line)
            found = self._record(taken, more=line is not None and len(taken) < MAX_LINES and not line.too_long)
            if found is None:
                continue
            yield found
            if found.reason == "quotes":
                waiting.extendleft(reversed(taken[1:]))
            taken = []

    def _record(self, taken: list[Line], *, more: bool) -> Record | None:
        """The record that these lines are; None where the next line may belong to it."""
        first = taken[0]
        if first.too_long:
            return _broken(first, "too_long")
        try:
            cells = self._parsed(taken)
        except csv.Error:
            return _broken(first, "quotes")
        if cells is None:
            if more:
                return None
            return _broken(first, "quotes" if first.text.endswith(("\n", "\r")) else "cut_off")
        while len(cells) > self.columns.width and not cells[-1].strip():
            cells.pop()
        if len(cells) != self.columns.width:
            cut = len(cells) < self.columns.width and not taken[-1].text.endswith(("\n", "\r"))
            return _broken(first._replace(text="".join(line.text for line in taken)), "cut_off" if cut else "cells")
        mended = any(line.mended for line in taken)
        return Record(first.number, self.columns.named(cells), repaired=("encoding",) if mended else ())

    def _parsed(self, taken: list[Line]) -> list[str] | None:
        """The cells; None where a quote is still open. Raises csv.Error."""
        try:
            return next(csv.reader((line.text for line in taken), delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return None
            raise


def _broken(line: Line, reason: Reason) -> Record:
    return Record(line.number, reason=reason, text=line.text[:_SHOWN].rstrip("\r\n"))
