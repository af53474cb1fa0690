"""ListingRows: listings and imports in the pack's tables."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.sql.dml import ReturningInsert

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.listings import tables
from packs.listings.duplicates import content_digest, property_key
from packs.listings.listing import Listing
from packs.listings.told import Found, Offer, Report, Saved

_PAGED = {"insertmanyvalues_page_size": 50}  # rows a statement: drivers keep what they have prepared, and long ones are large
_KEYS_A_STATEMENT = 1_000
_KEPT = ("id", "source", "reference", "revision", "created")  # what a change leaves as it is


class ListingRows:
    """What the tools read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def upsert(self, context: ToolContext, source: str, listings: list[Listing]) -> Saved | ToolFailed:
        """Put listings in, or change those of this source that have their reference; all of them or none."""

        def work(connection: Connection) -> Saved:
            now = self._store.stamp()
            rows = sorted((self._row(source, one, now) for one in listings), key=lambda row: row["reference"])
            written = list(connection.scalars(_upserting(connection), rows, execution_options=_PAGED)) if rows else []
            inserted = written.count(1)
            changed = len(written) - inserted
            return Saved(inserted=inserted, updated=changed, unchanged=len(listings) - len(written))

        return self._store.once(context, "listings.upsert", Saved, work)

    def holders(self, source: str, properties: dict[str, str]) -> dict[str, str]:
        """Of properties with the references of new listings: those that another listing of the source has, with its own."""
        listing = tables.listing.c
        keys, found = iter(properties), dict[str, str]()
        with self._store.reading() as connection:
            while some := list(islice(keys, _KEYS_A_STATEMENT)):
                wanted = select(listing.property, listing.reference).where(listing.source == source, listing.property.in_(some))
                held: dict[str, list[str]] = {}
                for key, reference in connection.execute(wanted.order_by(listing.id)):
                    held.setdefault(key, []).append(reference)
                found |= {key: refs[0] for key, refs in held.items() if properties[key] not in refs}
        return found

    def find(self, city: str, deal: str, max_price: float | None, limit: int) -> Found:
        """Offers in a city, the cheapest first."""
        listing = tables.listing.c
        wanted = select(tables.listing).where(func.lower(listing.city) == city.strip().lower(), listing.deal == deal)
        if max_price is not None:
            wanted = wanted.where(listing.price_cents <= round(max_price * 100))
        with self._store.reading() as connection:
            rows = connection.execute(wanted.order_by(listing.price_cents, listing.id).limit(limit)).mappings()
            return Found(items=[Offer(**row, price=row["price_cents"] / 100) for row in rows])

    def record(self, context: ToolContext, source: str, file: str, sha256: str, report: Report) -> Report | ToolFailed:
        """Remember an import and its report."""

        def work(connection: Connection) -> Report:
            tally = report.model_dump_json(exclude={"id", "text", "rejects"})
            row = insert(tables.imported).values(
                source=source,
                file=file,
                sha256=sha256,
                tally=tally,
                rejects=report.rejects.artifact,
                created=self._store.stamp(),
            )
            number = connection.execute(row.returning(tables.imported.c.id)).scalar_one()
            return report.model_copy(update={"id": number})

        return self._store.once(context, "listings.report", Report, work)

    def _row(self, source: str, listing: Listing, now: str) -> dict[str, Any]:
        told = {"source": source, "property": property_key(listing), "digest": content_digest(listing)}
        return {**listing.model_dump(), **told, "revision": 1, "created": now, "updated": now}


def _upserting(connection: Connection) -> ReturningInsert[Any]:
    """Gives the revisions of the rows that are new, or other than before."""
    row = insert_or(connection, tables.listing)
    new = {column.name: row.excluded[column.name] for column in tables.listing.c if column.name not in _KEPT}
    changing = row.on_conflict_do_update(
        index_elements=["source", "reference"],
        set_={**new, "revision": tables.listing.c.revision + 1},
        where=tables.listing.c.digest != row.excluded.digest,
    )
    return changing.returning(tables.listing.c.revision)
