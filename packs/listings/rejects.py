"""Rejects: the file of the rows that were not imported, with the reasons, and the report in words. Pure.

A cell that a spreadsheet would run as a formula gets a quote in front of it, whoever wrote it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping

from packs.listings.listing import Accepted, Listing, Row
from packs.listings.told import Saved, Tally

HEADER = ("line", "reason", "field", "value", "row")
MAX_BYTES = 48 * 1024 * 1024  # rows beyond are counted and not listed; the last line says how many
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Rejects:
    """The rows of an import, counted; those that are not imported are listed."""

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()
        self.rows = 0
        self._unlisted = 0
        self._out = io.StringIO(newline="")
        self._writer = csv.writer(self._out)
        self._writer.writerow(HEADER)

    def take(self, rows: Iterable[Row], found: Mapping[int, tuple[str, str]]) -> None:
        """Count the rows of a chunk; `found` are the duplicates by line."""
        for row in rows:
            self.rows += 1
            if not isinstance(row, Accepted):
                self.rejected[row.reason] += 1
                self._list(row.line, row.reason, row.field, row.value, row.text)
            elif row.line in found:
                reason, of = found[row.line]
                self.duplicates[reason] += 1
                self._list(row.line, reason, "reference", row.listing.reference, f"{of}: {_told(row.listing)}")
            else:
                self.repaired.update(row.repaired)

    def _list(self, line: int, *cells: str) -> None:
        if self._out.tell() > MAX_BYTES:
            self._unlisted += 1
            return
        self._writer.writerow([line, *map(_harmless, cells)])

    def content(self) -> bytes:
        """The file."""
        if self._unlisted:
            self._writer.writerow(["", "not_listed", "", str(self._unlisted), ""])
        return self._out.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _told(listing: Listing) -> str:
    return f"{listing.street}, {listing.postcode} {listing.city}, {listing.kind} for {listing.deal}"


def in_words(file: str, counted: Rejects, saved: Saved) -> str:
    """The report for people."""
    taken = saved.inserted + saved.updated + saved.unchanged
    lines = [
        f"{file}: {counted.rows:,} rows, {taken:,} listings"
        f" ({saved.inserted:,} new, {saved.updated:,} changed, {saved.unchanged:,} as they were),"
        f" {counted.duplicates.total():,} duplicates, {counted.rejected.total():,} rejected"
    ]
    for title, tally in (("rejected", counted.rejected), ("duplicates", counted.duplicates), ("put right", counted.repaired)):
        if tally:
            lines.append(f"{title}: " + ", ".join(f"{_name(k)} {n:,}" for k, n in tally.most_common()))
    return "\n".join(lines)


def _name(reason: str) -> str:
    return reason.replace("_", " ")


def tally(counted: Counter[str]) -> Tally:
    """The numbers, the largest first."""
    return dict(counted.most_common())
