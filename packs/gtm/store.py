"""Store: the pack's part of the configured database, made at its first use.

An effect and the row in `gtm_effect` that remembers it are one transaction, so either both are there or neither. Whoever
comes second with a key waits at its primary key for the first and then finds the first's result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Engine, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from executor.tool import ToolContext, ToolFailed
from packs.gtm import tables
from packs.gtm.businesses import businesses

SAMPLE = "businesses"  # the marker of the sample data: a database that has it is never seeded again
CREATE_ATTEMPTS = 3  # a table: PostgreSQL fails the loser of a race even with IF NOT EXISTS; its next look finds the table
KEY_LENGTH = 200
Result = TypeVar("Result", bound=BaseModel)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Transactions over the pack's tables; safe to use from any thread and, over one database, from any process."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._now = now
        self._ready = False
        self._preparing = Lock()

    def stamp(self) -> str:
        """The time as the tables hold it."""
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to look things up with."""
        self._prepare()
        with self._engine.connect() as connection:
            yield connection

    def once(
        self, context: ToolContext, tool: str, result: type[Result], work: Callable[[Connection], Result | ToolFailed]
    ) -> Result | ToolFailed:
        """Do the work and remember its result by the call's key; with a key that is settled, give that result and do nothing.

        A failure leaves no trace, so the same key may try again. A busy database is a transient failure.
        """
        if not 0 < len(context.key) <= KEY_LENGTH:
            return ToolFailed(f"{tool} needs an idempotency key of 1 to {KEY_LENGTH} characters.", "invalid")
        try:
            self._prepare()
            with self._engine.connect() as connection, connection.begin() as transaction:
                if not self._claim(connection, context.key, tool):
                    return _remembered(connection, context.key, tool, result)
                done = work(connection)
                if isinstance(done, ToolFailed):
                    transaction.rollback()
                    return done
                this = tables.effect.c.key == context.key
                connection.execute(update(tables.effect).where(this).values(result=done.model_dump_json()))
                return done
        except OperationalError as error:
            return ToolFailed(f"The database did not take {tool}: {error.orig}", "transient")

    def settled(self, key: str) -> bool:
        """Whether the call with this key took effect."""
        with self.reading() as connection:
            found = connection.execute(select(tables.effect.c.key).where(tables.effect.c.key == key))
            return found.first() is not None

    def _claim(self, connection: Connection, key: str, tool: str) -> bool:
        row = insert_or(connection, tables.effect).values(key=key, tool=tool, result="", created=self.stamp())
        mine = connection.execute(row.on_conflict_do_nothing().returning(tables.effect.c.key))
        return mine.first() is not None

    def _prepare(self) -> None:
        """Make the tables and the sample data unless they are there."""
        if self._ready:
            return
        with self._preparing:
            if self._ready:
                return
            for table in tables.metadata.sorted_tables:
                self._create(table, attempts=CREATE_ATTEMPTS)
            with self._engine.begin() as connection:
                self._seed(connection)
            self._ready = True

    def _create(self, table: Table, *, attempts: int) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
        except (IntegrityError, InternalError, ProgrammingError):
            if attempts <= 1:
                raise
            self._create(table, attempts=attempts - 1)

    def _seed(self, connection: Connection) -> None:
        now = self.stamp()
        marker = insert_or(connection, tables.seed).values(name=SAMPLE, created=now).on_conflict_do_nothing()
        if connection.execute(marker.returning(tables.seed.c.name)).first() is None:
            return
        profile_only = {"services", "hours", "contact", "summary"}
        rows = [b.model_dump(exclude=profile_only) | {"created": now, "updated": now} for b in businesses()]
        connection.execute(insert(tables.lead), rows)


def insert_or(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which both databases know and SQLAlchemy spells once for each."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _remembered(connection: Connection, key: str, tool: str, result: type[Result]) -> Result | ToolFailed:
    row = connection.execute(select(tables.effect.c.tool, tables.effect.c.result).where(tables.effect.c.key == key)).one()
    if row.tool != tool:
        return ToolFailed(f"The idempotency key belongs to a call of {row.tool}.", "refused")
    return result.model_validate_json(row.result)
