"""Dialect: what the SQL journal needs of a database beyond portable SQL. One small module implements it per database."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, Insert, Table
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.bell import Changed
from executor.journal.space import Space


class Dialect(Protocol):
    """One kind of database. Its connections run in AUTOCOMMIT here: the journal writes BEGIN and COMMIT itself."""

    begin_write: str  # the statement that opens a writing transaction
    hears_itself: bool  # whether `watch` reports this process's own commits too, so that `version` has to tell
    clock_ms: str  # an SQL expression: the database's own time, in milliseconds since 1970

    def engine(self, url: URL, *, timeout_s: float) -> Engine:
        """An engine whose connections wait up to `timeout_s` for a lock; raises JournalUnreachable for an impossible place."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Make lasting settings of the database, once per opening, before its tables are looked at."""
        ...

    def lock_schema(self, connection: Connection) -> None:
        """Within an open transaction: keep other processes from migrating until it ends."""
        ...

    def lock_name(self, connection: Connection, name: str) -> None:
        """Within an open transaction: keep others that lock the same name waiting until it ends."""
        ...

    def insert_once(self, table: Table, *conflict: str) -> Insert:
        """An insert that does nothing when a row with the same `conflict` columns exists."""
        ...

    def announce(self, connection: Connection, runs: Collection[str], *, news: bool) -> str | None:
        """Within a writing transaction: tell other processes, once it is committed, which runs have changed.

        Gives the transaction's number, if it has one.
        """
        ...

    def was_committed(self, connection: Connection, transaction: str) -> bool | None:
        """Whether the transaction of that number was committed; None while it is not decided."""
        ...

    def watch(self, engine: Engine, changed: Changed, stop: threading.Event) -> None:
        """Call `changed` once the watch is on and whenever another process has committed; return soon after `stop` is set."""
        ...

    def version(self, connection: Connection) -> int | None:
        """A number that changes when another connection than this one has committed; None where nobody needs to ask."""
        ...

    def reclaim(self, engine: Engine, *, anew: bool, alone: bool) -> Space:
        """Give the room that removed rows took back to the disk, as far as nobody is held up by it for long.

        With `anew` nothing of them is left in a file that is this process's to write; `alone` says that no other has it open.
        """
        ...

    def is_transient(self, error: DBAPIError) -> bool:
        """Whether the same statement may succeed in a moment: somebody else holds a lock."""
        ...

    def is_away(self, error: DBAPIError) -> bool:
        """Whether the connection broke, or the server cannot be reached at the moment."""
        ...

    def explain(self, error: DBAPIError, url: URL) -> JournalUnreachable | None:
        """The error in words that name the place and what to do; None when the statement, not the database, is at fault."""
        ...


@contextmanager
def explained(dialect: Dialect, url: URL) -> Iterator[None]:
    """Turn errors of the database within into JournalUnreachable; errors of a statement pass as they are."""
    try:
        yield
    except DBAPIError as error:
        meaning = dialect.explain(error, url)
        if meaning is None:
            raise
        raise meaning from error
