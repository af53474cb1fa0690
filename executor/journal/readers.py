"""Readers: a few threads that read, each with a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.dialect import Dialect, explained
from executor.journal.patience import Patience

log = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 4


@dataclass(frozen=True, slots=True)
class _Job:
    read: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Tell the caller, from the reader's thread."""
        try:
            self.loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            log.debug("a journal read ended after its loop had closed")

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Readers:
    """Runs reads off the event loop. A read is one statement, or does not mind what is committed between two."""

    def __init__(self, engine: Engine, dialect: Dialect, *, away_s: float) -> None:
        self._engine = engine
        self._dialect = dialect
        self._patience = Patience(dialect, locked_s=0.0, away_s=away_s)  # the driver itself waits for locks
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    async def read(self, read: Callable[[Connection], T]) -> T:
        """What `read` returns; raises JournalUnreachable when the database cannot be read."""
        loop = asyncio.get_running_loop()
        job = _Job(read, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise JournalUnreachable("The journal is closed.")
            if len(self._threads) < THREADS and (not self._threads or not self._jobs.empty()):
                thread = threading.Thread(target=self._work, name="planrail-journal-reader", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._jobs.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        """Wait for the reads under way and close the connections."""
        with self._lock:
            self._closed = True
        self._patience.hurry()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        own = _Own(self._engine)
        while (job := self._jobs.get()) is not None:
            try:
                job.settle(self._read(own, job.read), None)
            except Exception as error:  # noqa: BLE001  # carried over to the caller
                job.settle(None, error)
        own.close()

    def _read(self, own: _Own, read: Callable[[Connection], T]) -> T:
        waiting = self._patience.begin()
        with explained(self._dialect, self._engine.url):
            while True:
                try:
                    return read(own.connection())
                except DBAPIError as error:
                    if self._dialect.is_away(error):
                        own.close(broken=True)
                    if not waiting.again(error):
                        raise


class _Own:
    """One thread's connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._connection

    def close(self, *, broken: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if broken:
                connection.invalidate()
            connection.close()
