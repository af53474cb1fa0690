"""Writer: one thread that commits in groups, so that N writes that wait at the same time cost one sync of the disk.

    idle ─► take all that waits ─► BEGIN ─► each in turn ─► COMMIT ─► tell each what became of it ─► idle

A write that fails takes no other with it: the group starts again, each in a savepoint. A database that is locked, or away,
is waited for; a commit whose answer was lost is looked up before it would be made again. A write whose caller was cancelled
is still made: the caller may have paid for what it holds.
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
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from executor.errors import JournalUnreachable
from executor.journal.bell import Changed
from executor.journal.dialect import Dialect
from executor.journal.patience import Patience

log = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[Connection], T]
Made = Callable[[T], None]

MAX_GROUP = 256  # writes in one transaction; the rest goes into the next one
_LOOK_SECONDS = 0.05  # a writer that is busy for longer may be waiting for others
_RETRY_SECONDS = 0.01  # between two looks whether the server knows what became of a commit


class _Job:
    """One write on its way: what to do, and the future that waits for it in its own loop."""

    __slots__ = ("error", "future", "loop", "made", "news", "order", "result", "write")

    def __init__(
        self, write: Write[Any], order: str, loop: asyncio.AbstractEventLoop, *, news: bool, made: Made[Any] | None
    ) -> None:
        self.write = write
        self.made = made
        self.order = order
        self.news = news
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.error is None and self.made is not None:
            self.made(self.result)
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class _Look:
    """A question to the writer's own connection: whether another one has committed."""

    __slots__ = ("answered", "found")

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.found = True


class _TransactionLost(Exception):
    """A write took the whole transaction down (a full disk does); nothing of the group was committed."""


class _Failed(Exception):
    """A write of a group without savepoints failed; nothing of the group was committed."""


class Writer:
    """The one thread of a process that writes into a journal. `committed` is called after each group, once its callers know."""

    def __init__(self, engine: Engine, dialect: Dialect, *, timeout_s: float, away_s: float, committed: Changed) -> None:
        self._engine = engine
        self._dialect = dialect
        self._away_s = away_s
        self._patience = Patience(dialect, locked_s=timeout_s, away_s=away_s)
        self._committed = committed
        self._jobs: queue.SimpleQueue[_Job | _Look | None] = queue.SimpleQueue()
        self._version: int | None = None  # of the database, when others were last looked for
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="planrail-journal-writer", daemon=True)
        self._thread.start()

    def write(self, write: Write[T], *, order: str, news: bool = False, made: Made[T] | None = None) -> asyncio.Future[T]:
        """Run `write` in a transaction and give its result once that is durable. It may run again; the last one counts.

        `order` is the run that it changes, and locks: all processes lock in the same order, so that none waits for another in
        a circle. `news` is whether engines want to hear of it. `made` is called with the result, in the caller's loop, before
        anybody is told of the change, and also when the caller has given up waiting.
        """
        job = _Job(write, order, asyncio.get_running_loop(), news=news, made=made)
        with self._lock:
            if self._closed:
                raise JournalUnreachable("The journal is closed.")
            self._jobs.put(job)
        return job.future

    def others_committed(self) -> bool:
        """Whether anybody but this writer may have committed since this was last asked; waits a moment for the answer."""
        if not self._dialect.hears_itself:
            return True
        look = _Look()
        with self._lock:
            if self._closed:
                return True
            self._jobs.put(look)
        return not look.answered.wait(_LOOK_SECONDS) or look.found

    def close(self) -> None:
        """Make every write that waits, then end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._patience.hurry()
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        running = True
        while running:
            group, running = self._next_group()
            if group:
                self._write_group(group)
                self._tell(group)
        self._disconnect()

    def _tell(self, group: Sequence[_Job]) -> None:
        """Tell each caller, and then all who follow, with one wake-up per event loop."""
        for loop in {job.loop for job in group}:
            jobs = [job for job in group if job.loop is loop]
            try:
                loop.call_soon_threadsafe(self._settle, jobs)
            except RuntimeError:
                log.debug("a journal write ended after its loop had closed")
                self._ring(jobs)

    def _settle(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            job.settle()
        self._ring(jobs)

    def _ring(self, jobs: Sequence[_Job]) -> None:
        self._committed({job.order for job in jobs}, news=any(job.news for job in jobs))

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        while len(group) < MAX_GROUP:
            if group and self._jobs.empty():
                break
            job = self._jobs.get()
            match job:
                case None:
                    return group, False
                case _Look():
                    self._look(job)
                case _Job():
                    group.append(job)
        return group, True

    def _look(self, look: _Look) -> None:
        try:
            version = self._dialect.version(self._connected())
            look.found, self._version = version != self._version, version
        except SQLAlchemyError:
            self._version = None
        look.answered.set()

    def _write_group(self, group: Sequence[_Job]) -> None:
        group = sorted(group, key=lambda job: job.order)  # the order within a run stays
        try:
            self._patiently(lambda: self._transaction(group))
        except _TransactionLost as lost:
            if len(group) == 1:
                group[0].error = self._explained(lost.__cause__ or lost)
                return
            for job in group:
                self._write_group([job])
        except Exception as error:  # noqa: BLE001  # carried over to the callers: the thread has to go on
            for job in group:
                job.error = self._explained(error)

    def _patiently(self, act: Callable[[], None]) -> None:
        """Do it until it does not meet a locked or absent database, as long as that is worth waiting for."""
        waiting = self._patience.begin()
        while True:
            try:
                return act()
            except DBAPIError as error:
                self._disconnect_if_gone(error)
                if not waiting.again(error):
                    raise

    def _transaction(self, group: Sequence[_Job]) -> None:
        try:
            self._attempt(group, careful=False)
        except _Failed:
            self._attempt(group, careful=True)

    def _attempt(self, group: Sequence[_Job], *, careful: bool) -> None:
        connection = self._begun()
        number = None
        try:
            for job in group:
                if careful:
                    self._run_in_savepoint(connection, job)
                else:
                    self._run(connection, job)
            if any(job.error is None for job in group):
                number = self._announce(connection, group)
        except BaseException:
            self._roll_back()
            raise
        self._commit(connection, number)

    def _announce(self, connection: Connection, group: Sequence[_Job]) -> str | None:
        made = [job for job in group if job.error is None]
        return self._dialect.announce(connection, {job.order for job in made}, news=any(job.news for job in made))

    def _commit(self, connection: Connection, number: str | None) -> None:
        """Commit. Where the connection breaks meanwhile, the transaction's number tells whether it went through."""
        try:
            connection.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            self._roll_back()
            if number is None or not self._dialect.is_away(error):
                raise
            self._disconnect()
            if not self._was_committed(number):
                raise

    def _was_committed(self, number: str) -> bool:
        """Ask until the server knows: it may not have noticed yet that we were gone."""
        known: bool | None = None

        def ask() -> None:
            nonlocal known
            known = self._dialect.was_committed(self._connected(), number)

        deadline = time.monotonic() + self._away_s
        while known is None and time.monotonic() < deadline:
            self._patiently(ask)
            if known is None:
                time.sleep(_RETRY_SECONDS)
        return bool(known)

    def _begun(self) -> Connection:
        """The connection, with a writing transaction open."""
        connection = self._connected()
        connection.exec_driver_sql(self._dialect.begin_write)
        return connection

    def _run(self, connection: Connection, job: _Job) -> None:
        """Without a savepoint: what fails without having written (a fence, a key that is taken) needs none."""
        job.result, job.error = None, None
        try:
            job.result = job.write(connection)
        except DBAPIError as error:
            if self._is_passing(error):
                raise
            raise _Failed from error
        except Exception as error:  # the group starts again, with savepoints
            raise _Failed from error

    def _run_in_savepoint(self, connection: Connection, job: _Job) -> None:
        job.result, job.error = None, None
        connection.exec_driver_sql("SAVEPOINT write")
        try:
            job.result = job.write(connection)
            connection.exec_driver_sql("RELEASE SAVEPOINT write")
        except Exception as error:  # carried over to the caller; the others of the group go on
            if isinstance(error, DBAPIError) and self._is_passing(error):
                raise
            try:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT write")
                connection.exec_driver_sql("RELEASE SAVEPOINT write")
            except DBAPIError:
                raise _TransactionLost from error
            job.error = self._explained(error)

    def _is_passing(self, error: DBAPIError) -> bool:
        return self._dialect.is_transient(error) or self._dialect.is_away(error)

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            self._disconnect()  # no transaction is open any more, or the connection is gone

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self._disconnect()
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _disconnect_if_gone(self, error: DBAPIError) -> None:
        if self._dialect.is_away(error) or not self._dialect.is_transient(error):
            self._disconnect()

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, DBAPIError):
            return error
        explained = self._dialect.explain(error, self._engine.url)
        if explained is None:
            return error
        explained.__cause__ = error
        return explained
