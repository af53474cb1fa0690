"""Importer: a file of listings becomes rows of the table, step by step, as tools of the namespace `listings`.

Cut (`stage`), map (`check`), reduce (`deduplicate`), map (`upsert`), reduce (`report`). Between the steps rows lie in the
artifact store, so that a plan holds a handle for thousands of them, and whoever takes a run over finds what is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from executor.builtin.handle import Handle, Unfit, failing
from executor.pack import PackHost
from executor.tool import ToolContext, ToolFailed, tool
from packs.listings.arguments import CHUNKS, City, Deal, FileName, Limit, Price, RowsAChunk, Source
from packs.listings.chunk import found_in, kept_found, kept_records, kept_rows, records_in, rows_in
from packs.listings.columns import UnknownColumns
from packs.listings.csv_feed import CsvFeed
from packs.listings.duplicates import Seen
from packs.listings.feed_text import lines_of
from packs.listings.inbox import Inbox
from packs.listings.json_feed import first_character, json_records
from packs.listings.listing import Accepted, Record, Row
from packs.listings.normalise import normalise
from packs.listings.rejects import Rejects, in_words, tally
from packs.listings.told import MAX_IGNORED, Checked, Found, Report, Saved, Staged, Unique

if TYPE_CHECKING:  # SQLAlchemy and its dialects take a second to load
    from executor.pack_store import PackStore
    from packs.listings.listing_rows import ListingRows


class Importer:
    """The tools of the namespace `listings`."""

    def __init__(self, host: PackHost) -> None:
        self._host = host
        self._inbox = Inbox(host.data_dir / "listings")

    @cached_property
    def _store(self) -> PackStore:
        from executor.pack_store import PackStore  # noqa: PLC0415  # it loads SQLAlchemy
        from packs.listings import tables  # noqa: PLC0415

        return PackStore(self._host.database, tables.effect)

    @cached_property
    def _rows(self) -> ListingRows:
        from packs.listings.listing_rows import ListingRows  # noqa: PLC0415  # it loads SQLAlchemy

        return ListingRows(self._store)

    def holds(self, asked_for: Callable[[str], bool]) -> Mapping[str, int]:
        """In how many rows of the pack's tables a text is that is asked for."""
        return self._store.holds(asked_for)

    def took_effect(self, key: str) -> bool:
        return self._store.settled(key)

    _took_effect: Callable[..., bool] = took_effect  # as the probe of a tool: bound together with the tool's method

    @tool(
        effect="read", sensitive=("file",), labels={"": "trusted", "chunks": "untrusted", "ignored": "untrusted"},
        not_found=True, timeout_s=600, seconds=3.0,
    )  # fmt: skip
    @failing
    def stage(self, file: FileName, context: ToolContext, rows_per_chunk: RowsAChunk = 1_000) -> Staged | ToolFailed:
        """Read a CSV or JSON file of property listings and cut it into chunks of rows."""
        with self._inbox.opened(file, context.workspace) as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            opened.seek(0)
            records, ignored = _records(opened, file)
            chunks: list[Handle] = []
            while rows := list(islice(records, rows_per_chunk)):
                if len(chunks) == CHUNKS:
                    raise Unfit(
                        f"{file} has more than {CHUNKS} chunks of {rows_per_chunk:,} rows: make them larger, or split it."
                    )
                chunks.append(kept_records(rows, context.artifacts))
        rows_in_all = sum(chunk.rows or 0 for chunk in chunks)
        return Staged(file=file, sha256=sha256, rows=rows_in_all, chunks=chunks, ignored=list(ignored[:MAX_IGNORED]))

    @tool(effect="read", sensitive=(), labels={"": "trusted", "rows": "untrusted"}, timeout_s=300, seconds=0.5)
    @failing
    def check(self, chunk: Handle, context: ToolContext) -> Checked | ToolFailed:
        """Normalise the rows of a chunk and check them; each becomes a listing or is rejected with a reason."""
        accepted = 0

        def rows() -> Iterator[Row]:
            nonlocal accepted
            for record in records_in(chunk, context.artifacts):
                row = normalise(record)
                accepted += isinstance(row, Accepted)
                yield row

        kept = kept_rows(rows(), context.artifacts)
        return Checked(rows=kept, accepted=accepted, rejected=(kept.rows or 0) - accepted)

    @tool(effect="read", sensitive=(), labels={"": "trusted", "found": "untrusted"}, timeout_s=600, seconds=3.0)
    @failing
    def deduplicate(self, source: Source, chunks: list[Handle], context: ToolContext) -> Unique | ToolFailed:
        """Find rows with the same reference in checked chunks, and listings of the same property, imported before or now."""
        seen = Seen()
        for chunk in chunks:
            seen.first(rows_in(chunk, context.artifacts))
        known = lambda properties: self._rows.holders(source, properties)  # noqa: E731
        found = [one for chunk in chunks for one in seen.second(rows_in(chunk, context.artifacts), known)]
        return Unique(found=kept_found(found, context.artifacts), duplicates=len(found))

    @tool(
        effect="write", idempotent=True, sensitive=("source",), labels={"": "trusted"}, probe=_took_effect,
        timeout_s=300, seconds=0.5,
    )  # fmt: skip
    @failing
    def upsert(self, source: Source, rows: Handle, without: Handle, context: ToolContext) -> Saved | ToolFailed:
        """Put the listings of a checked chunk into the table, without the duplicates; those known by reference are changed."""
        double = found_in(without, context.artifacts)
        accepted = (row for row in rows_in(rows, context.artifacts) if isinstance(row, Accepted))
        return self._rows.upsert(context, source, [row.listing for row in accepted if row.line not in double])

    @tool(
        effect="write", idempotent=True, sensitive=("source",), labels={"": "trusted", "rejects": "untrusted"},
        probe=_took_effect, timeout_s=600, seconds=3.0,
    )  # fmt: skip
    @failing
    def report(
        self,
        source: Source,
        file: FileName,
        sha256: str,
        chunks: list[Handle],
        duplicates: Handle,
        saved: list[Saved],
        context: ToolContext,
    ) -> Report | ToolFailed:
        """Record an import: what was saved, what was rejected and why, and a CSV of all rows that were not imported."""
        counted, found = Rejects(), found_in(duplicates, context.artifacts)
        for chunk in chunks:
            counted.take(rows_in(chunk, context.artifacts), found)
        total = Saved(**{name: sum(getattr(s, name) for s in saved) for name in Saved.model_fields})
        rejects = context.artifacts.put(
            counted.content(), media_type="text/csv", rows=counted.rejected.total() + counted.duplicates.total()
        )
        made = Report(
            **total.model_dump(),
            rows=counted.rows,
            rejected=tally(counted.rejected),
            duplicates=tally(counted.duplicates),
            repaired=tally(counted.repaired),
            rejects=Handle.of(rejects),
            text=in_words(file, counted, total),
        )
        return self._rows.record(context, source, file, sha256, made)

    @tool(effect="read", labels={"": "untrusted"}, bounds={"items": "limit"})
    def find(self, city: City, deal: Deal = "sale", max_price: Price | None = None, limit: Limit = 20) -> Found:
        """Imported listings in a city, the cheapest first."""
        return self._rows.find(city, deal, max_price, limit)


def _records(file: BinaryIO, name: str) -> tuple[Iterator[Record], tuple[str, ...]]:
    """The records of a file, and the columns that are left out."""
    if first_character(file) in ("[", "{"):
        return json_records(file), ()
    try:
        feed = CsvFeed(lines_of(file))
    except UnknownColumns as unknown:
        raise Unfit(f"{name} has {unknown}; the first line names the columns.") from unknown
    return feed.records(), feed.columns.ignored
