"""SQLite's part of the SQL journal: pragmas, change notification, what its errors mean."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.bell import Changed
from executor.journal.space import Space, reclaim_sqlite

WATCH_SECONDS = 0.02  # between two looks at `pragma data_version`, which costs some microseconds

_TRANSIENT = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL))
_MEANINGS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "Close what holds it open for writing (a database browser?), or try again.",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked by another connection", "Try again; if it stays, restart the processes that use it."),
    sqlite3.SQLITE_PROTOCOL: ("is locked by another process", "Try again; a network file system cannot hold it."),
    sqlite3.SQLITE_NOTADB: ("is not an SQLite database", "Name another file, or move this one away."),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Restore it from a backup, or save what is left with `sqlite3 FILE .recover`."),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Free some space on its disk."),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that it is a file, and that you may read and write it and its folder.",
    ),
    sqlite3.SQLITE_READONLY: ("cannot be written", "Make the file and its folder writable for you."),
    sqlite3.SQLITE_PERM: ("may not be accessed", "Make the file and its folder readable and writable for you."),
    sqlite3.SQLITE_AUTH: ("may not be accessed", "Make the file and its folder readable and writable for you."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: an I/O error", "Check its disk; a network file system cannot hold it."),
}


class SqliteDialect:
    """SQLite ≥ 3.35 through the standard library: WAL, every commit synced, one writer at a time."""

    begin_write = "BEGIN IMMEDIATE"
    hears_itself = True
    clock_ms = "cast((julianday('now') - 2440587.5) * 86400000 as integer)"

    def engine(self, url: URL, *, timeout_s: float) -> Engine:
        _make_room(database_path(url))
        made = create_engine(
            url, connect_args={"timeout": timeout_s, "check_same_thread": False}, pool_size=10, max_overflow=20
        )
        event.listen(made, "connect", _configure)
        return made

    def prepare(self, connection: Connection) -> None:
        if connection.exec_driver_sql("pragma page_count").scalar_one() == 0:  # only a new file can be told
            connection.exec_driver_sql("pragma auto_vacuum=incremental")
        connection.exec_driver_sql("pragma journal_mode=wal").scalar()

    def lock_schema(self, connection: Connection) -> None:
        """Nothing: BEGIN IMMEDIATE has locked the whole database."""

    def lock_name(self, connection: Connection, name: str) -> None:
        """Nothing: there is one writer at a time."""

    def insert_once(self, table: Table, *conflict: str) -> Insert:
        return insert(table).on_conflict_do_nothing(index_elements=conflict)

    def announce(self, connection: Connection, runs: Collection[str], *, news: bool) -> None:
        """Nothing: a commit changes every other connection's data_version."""

    def was_committed(self, connection: Connection, transaction: str) -> bool | None:
        """Never asked: transactions have no numbers, and no connection breaks."""
        return None

    def version(self, connection: Connection) -> int:
        version: int = connection.exec_driver_sql("pragma data_version").scalar_one()
        return version

    def watch(self, engine: Engine, changed: Changed, stop: threading.Event) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            cursor = connection.connection.cursor()  # the bare driver: this runs fifty times a second
            seen: Any = None
            while not stop.is_set():
                cursor.execute("pragma data_version")
                version = cursor.fetchone()
                if version != seen:
                    seen = version
                    changed()
                stop.wait(WATCH_SECONDS)

    def reclaim(self, engine: Engine, *, anew: bool, alone: bool) -> Space:
        return reclaim_sqlite(engine, anew=anew, alone=alone)

    def is_transient(self, error: DBAPIError) -> bool:
        return _primary(error) in _TRANSIENT

    def is_away(self, error: DBAPIError) -> bool:
        return False

    def explain(self, error: DBAPIError, url: URL) -> JournalUnreachable | None:
        meaning = _MEANINGS.get(_primary(error))
        if meaning is None:
            return None
        what, hint = meaning
        return JournalUnreachable(f"The database {database_path(url)} {what}.", hint=hint)


def database_path(url: URL) -> Path:
    """The file of an SQLite URL; raises JournalUnreachable for one without a file."""
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        return Path(url.database)
    raise JournalUnreachable(
        f"The database URL {url.render_as_string(hide_password=True)} names no file.",
        hint="Write it as sqlite:///relative/path.db or sqlite:////absolute/path.db.",
    )


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = path.is_dir()
    except OSError as error:
        raise JournalUnreachable(
            f"The folder of the database {path} cannot be made: {error.strerror}.",
            hint=f"Make the folder {path.parent} yourself, or name another place.",
        ) from error
    if is_folder:
        raise JournalUnreachable(f"The database {path} is a folder.", hint="Name a file in it.")


def _configure(connection: sqlite3.Connection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("pragma synchronous=full")
    cursor.execute("pragma foreign_keys=on")
    cursor.execute("pragma secure_delete=on")  # what is removed is overwritten
    cursor.close()


def _primary(error: DBAPIError) -> int:
    """SQLite's primary result code, without the extended bits; -1 for an error that did not come from SQLite."""
    code: int = getattr(error.orig, "sqlite_errorcode", -1)
    return code if code < 0 else code & 0xFF
