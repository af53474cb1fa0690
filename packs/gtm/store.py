"""Store: the pack's tables in the configured database, with the sample businesses as the leads to start with."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert

from executor.pack_store import PackStore, first_time
from packs.gtm import tables
from packs.gtm.businesses import businesses

SAMPLE = "businesses"  # the marker of the sample data


def opened(engine: Engine) -> PackStore:
    """The pack's part of the database; nothing is touched before its first use."""
    return PackStore(engine, tables.effect, prepare=_seed)


def _seed(connection: Connection, now: str) -> None:
    if not first_time(connection, tables.seed, SAMPLE, now):
        return
    profile_only = {"services", "hours", "contact", "summary"}
    rows = [b.model_dump(exclude=profile_only) | {"created": now, "updated": now} for b in businesses()]
    connection.execute(insert(tables.lead), rows)
