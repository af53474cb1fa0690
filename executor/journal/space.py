"""Space: what becomes of the room that removed rows took: given back to the disk, or kept for new ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

_PAGES = 500  # that one short transaction gives back
_ANEW_BYTES = 256 * 1024 * 1024  # a larger file is written anew only by whoever is alone with it: others would wait too long
_LOG_S = 5.0  # for readers to let go of the log
_LOOK_S = 0.05


class Space(BaseModel):
    """How large the database is, in bytes, before and after; `notes` say what stays and what to do about it."""

    model_config = ConfigDict(frozen=True)

    before: int
    after: int
    notes: tuple[str, ...] = ()


def reclaim_sqlite(engine: Engine, *, anew: bool, alone: bool) -> Space:
    """Give the room back; `anew` writes the whole file again, so that nothing of what was removed is in it anywhere.

    A file of an older Planrail is written anew once: from then on its room goes back piece by piece.
    """
    notes: list[str] = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        before = _bytes(connection)
        piecemeal = _pragma(connection, "auto_vacuum") == 2
        if anew or not piecemeal:
            if alone or before <= _ANEW_BYTES:
                notes += _written_anew(connection)
            else:
                notes.append("The file keeps its size while others use it: run it once more when nobody else does.")
        if piecemeal and not anew:
            _piece_by_piece(connection)
        if not _log_emptied(connection):
            notes.append("Its log (-wal) is emptied when whoever reads just now has ended; the last one who leaves removes it.")
        return Space(before=before, after=_bytes(connection), notes=tuple(notes))


def _written_anew(connection: Connection) -> list[str]:
    try:
        connection.exec_driver_sql("pragma auto_vacuum=incremental")
        connection.exec_driver_sql("vacuum")
    except DBAPIError as error:
        return [f"The file could not be written anew: {error.orig}. What was removed is overwritten; run it once more."]
    return []


def _piece_by_piece(connection: Connection) -> None:
    """In short transactions, so that nobody waits for long."""
    driver: Any = connection.connection.driver_connection
    left = _pragma(connection, "freelist_count")
    while left:
        begun = time.monotonic()
        driver.execute(f"pragma incremental_vacuum({_PAGES})").fetchall()  # a step a page: its rows are empty
        now = _pragma(connection, "freelist_count")
        if now >= left:
            return  # others remove as fast
        left = now
        time.sleep(time.monotonic() - begun)


def _log_emptied(connection: Connection) -> bool:
    until = time.monotonic() + _LOG_S
    while True:
        busy, *_ = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").one()
        if not busy or time.monotonic() >= until:
            return not busy
        time.sleep(_LOOK_S)


def _bytes(connection: Connection) -> int:
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _pragma(connection: Connection, name: str) -> int:
    found: Any = connection.exec_driver_sql(f"pragma {name}").scalar_one()
    return int(found)


def reclaim_postgres(engine: Engine, tables: Iterable[str]) -> Space:
    """Have the server clear the tables, so that their room is used again."""
    notes = ["PostgreSQL keeps the room for new rows; VACUUM FULL, which locks a table, gives it back to the disk."]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        size = "select pg_database_size(current_database())"
        before = int(connection.exec_driver_sql(size).scalar_one())
        for table in tables:
            try:
                connection.exec_driver_sql(f"vacuum {table}")
            except DBAPIError as error:
                notes.append(f"{table} was not cleared: {str(error.orig).strip()}")
        return Space(before=before, after=int(connection.exec_driver_sql(size).scalar_one()), notes=tuple(notes))
