"""Writer: one thread that commits in groups, so that N writes that wait at the same time cost one sync of the disk.

    idle ─► take all that waits ─► BEGIN ─► each in its savepoint ─► COMMIT ─► tell each what became of it ─► idle

A write that fails is rolled back to its savepoint and takes no other with it. A write whose caller was cancelled is still
made: the caller may have paid for what it holds.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.dialect import Dialect

log = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[Connection], T]

MAX_GROUP = 256  # writes in one transaction; the rest goes into the next one
_RETRY_SECONDS = 0.01


class _Job:
    """One write on its way: what to do, and the future that waits for it in its own loop."""

    __slots__ = ("error", "future", "loop", "result", "write")

    def __init__(self, write: Write[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.write = write
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class _TransactionLost(Exception):
    """A write took the whole transaction down (a full disk does); nothing of the group was committed."""


class Writer:
    """The one thread of a process that writes into a journal. `committed` is called from it after each group."""

    def __init__(self, engine: Engine, dialect: Dialect, *, timeout_s: float, committed: Callable[[], None]) -> None:
        self._engine = engine
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._committed = committed
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="planrail-journal-writer", daemon=True)
        self._thread.start()

    async def write(self, write: Write[T]) -> T:
        """Run `write` in a transaction and return its result once that is durable. It may run twice; the last one counts."""
        job = _Job(write, asyncio.get_running_loop())
        with self._lock:
            if self._closed:
                raise JournalUnreachable("The journal is closed.")
            self._jobs.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        """Make every write that waits, then end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        running = True
        while running:
            group, running = self._next_group()
            if group:
                self._write_group(group)
                _settle(group)
                self._committed()
        self._disconnect()

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == MAX_GROUP or self._jobs.empty():
                return group, True
            job = self._jobs.get()
        return group, False

    def _write_group(self, group: Sequence[_Job]) -> None:
        try:
            self._transaction(group)
        except _TransactionLost as lost:
            if len(group) == 1:
                group[0].error = self._explained(lost.__cause__ or lost)
                return
            for job in group:
                self._write_group([job])
        except Exception as error:  # noqa: BLE001  # carried over to the callers: the thread has to go on
            for job in group:
                job.error = self._explained(error)

    def _transaction(self, group: Sequence[_Job]) -> None:
        connection = self._begun()
        try:
            for job in group:
                self._run(connection, job)
            if any(job.error is None for job in group):
                self._dialect.announce(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _begun(self) -> Connection:
        """The connection with a writing transaction open; waits for other processes' locks within the time-out."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                connection = self._connected()
                connection.exec_driver_sql(self._dialect.begin_write)
                return connection
            except DBAPIError as error:
                if not self._dialect.is_transient(error):
                    self._disconnect()
                    raise
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_SECONDS)

    def _run(self, connection: Connection, job: _Job) -> None:
        job.result, job.error = None, None
        connection.exec_driver_sql("SAVEPOINT write")
        try:
            job.result = job.write(connection)
            connection.exec_driver_sql("RELEASE SAVEPOINT write")
        except Exception as error:  # noqa: BLE001  # carried over to the caller; the others of the group go on
            try:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT write")
                connection.exec_driver_sql("RELEASE SAVEPOINT write")
            except DBAPIError:
                raise _TransactionLost from error
            job.error = self._explained(error)

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.exec_driver_sql("ROLLBACK")
        except DBAPIError:
            self._disconnect()  # no transaction is open any more, or the connection is gone

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, DBAPIError):
            return error
        explained = self._dialect.explain(error, self._engine.url)
        if explained is None:
            return error
        explained.__cause__ = error
        return explained


def _settle(group: Sequence[_Job]) -> None:
    """Tell each caller, with one wake-up per event loop."""
    for loop in {job.loop for job in group}:
        try:
            loop.call_soon_threadsafe(_settle_all, [job for job in group if job.loop is loop])
        except RuntimeError:
            log.debug("a journal write ended after its loop had closed")


def _settle_all(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.settle()
