"""Readers: a few threads that read, each with a connection of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.dialect import Dialect, explained
from executor.journal.patience import Patience

T = TypeVar("T")

THREADS = 4


class Readers:
    """Runs reads off the event loop. A read is one statement, or does not mind what is committed between two."""

    def __init__(self, engine: Engine, dialect: Dialect, *, away_s: float) -> None:
        self._engine = engine
        self._dialect = dialect
        self._patience = Patience(dialect, locked_s=0.0, away_s=away_s)  # the driver itself waits for locks
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="planrail-journal-reader")
        self._own = threading.local()
        self._open: list[Connection] = []
        self._closed = False

    async def read(self, read: Callable[[Connection], T]) -> T:
        """What `read` returns; raises JournalUnreachable when the database cannot be read."""
        if self._closed:
            raise JournalUnreachable("The journal is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)

    def close(self) -> None:
        """Wait for the reads under way and close the connections."""
        self._closed = True
        self._patience.hurry()
        self._pool.shutdown(wait=True)
        for connection in self._open:
            connection.close()

    def _read(self, read: Callable[[Connection], T]) -> T:
        waiting = self._patience.begin()
        with explained(self._dialect, self._engine.url):
            while True:
                try:
                    return read(self._connection())
                except DBAPIError as error:
                    if self._dialect.is_away(error):
                        self._disconnect()
                    if not waiting.again(error):
                        raise

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None or connection.invalidated:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._own.connection = connection
            self._open.append(connection)
        return connection

    def _disconnect(self) -> None:
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is not None:
            self._own.connection = None
            self._open.remove(connection)
            connection.invalidate()
            connection.close()
