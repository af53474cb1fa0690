"""Store: the pack's tables in the configured database, with invented tickets, accounts and articles to start with."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from executor.pack_store import PackStore, count_on, first_time
from packs.helpdesk import tables
from packs.helpdesk.articles import make_index

SAMPLE = "desk"  # the marker of the sample data
_DATA = Path(__file__).parent / "data" / "desk.json"


def opened(engine: Engine) -> PackStore:
    """The pack's part of the database; nothing is touched before its first use."""
    return PackStore(engine, tables.effect, prepare=_prepare)


def _prepare(connection: Connection, now: str) -> None:
    if first_time(connection, tables.seed, SAMPLE, now):
        desk = json.loads(_DATA.read_text(encoding="utf-8"))
        for table, name in ((tables.account, "accounts"), (tables.ticket, "tickets"), (tables.article, "articles")):
            connection.execute(insert(table), desk[name])
        count_on(connection, tables.account, tables.ticket, tables.article)
    make_index(connection)
