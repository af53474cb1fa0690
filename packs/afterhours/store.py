"""Store: the pack's tables in the configured database, with an invented night to start with."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from executor.pack_store import PackStore, count_on, first_time
from packs.afterhours import tables

SAMPLE = "night"  # the marker of the sample data
_DATA = Path(__file__).parent / "data" / "night.json"


def opened(engine: Engine) -> PackStore:
    """The pack's part of the database; nothing is touched before its first use."""
    return PackStore(engine, tables.effect, prepare=_seed)


def _seed(connection: Connection, now: str) -> None:
    if not first_time(connection, tables.seed, SAMPLE, now):
        return
    night = json.loads(_DATA.read_text(encoding="utf-8"))
    connection.execute(insert(tables.person), night["people"])
    connection.execute(insert(tables.message), night["messages"])
    count_on(connection, tables.person, tables.message)
