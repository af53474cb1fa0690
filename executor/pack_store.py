"""PackStore: a pack's tables in the configured database, made at their first use, and its effects by their keys.

An effect and the row that remembers it are one transaction, so either both are there or neither. Whoever comes second with a
key waits at its primary key for the first and then finds the first's result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, Text, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from executor.tool import ToolContext, ToolFailed

CREATE_ATTEMPTS = 3  # a table: PostgreSQL fails the loser of a race even with IF NOT EXISTS; its next look finds the table
KEY_LENGTH = 200
Result = TypeVar("Result", bound=BaseModel)


def utc_now() -> datetime:
    return datetime.now(UTC)


def effect_table(metadata: MetaData, pack: str) -> Table:
    """The table that remembers the pack's effects."""
    return Table(
        f"{pack}_effect",
        metadata,
        Column("key", String(KEY_LENGTH), primary_key=True),
        Column("tool", String(40), nullable=False),
        Column("result", Text, nullable=False),  # JSON; written in the transaction of the effect itself
        Column("created", String(32), nullable=False),
    )


def seed_table(metadata: MetaData, pack: str) -> Table:
    """The table that remembers which sample data the pack has put in."""
    return Table(
        f"{pack}_seed", metadata, Column("name", String(40), primary_key=True), Column("created", String(32), nullable=False)
    )


class PackStore:
    """Transactions over a pack's tables; safe to use from any thread and, over one database, from any process.

    `effects` is one of the tables, as `effect_table` makes it. `prepare` is called in the transaction that follows the
    tables' making, once a process.
    """

    def __init__(
        self,
        engine: Engine,
        effects: Table,
        *,
        prepare: Callable[[Connection, str], None] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine = engine
        self._effects = effects
        self._seed = prepare
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
                    return self._remembered(connection, context.key, tool, result)
                done = work(connection)
                if isinstance(done, ToolFailed):
                    transaction.rollback()
                    return done
                this = self._effects.c.key == context.key
                connection.execute(update(self._effects).where(this).values(result=done.model_dump_json(by_alias=True)))
                return done
        except OperationalError as error:
            return ToolFailed(f"The database did not take {tool}: {error.orig}", "transient")

    def holds(self, asked_for: Callable[[str], bool]) -> Mapping[str, int]:
        """In how many rows of which tables a text is that is asked for; nothing is made, and nothing else is touched."""
        found: dict[str, int] = {}
        there = set(inspect(self._engine).get_table_names())
        for table in self._effects.metadata.sorted_tables:
            texts = [column for column in table.columns if isinstance(column.type, String)]
            if not texts or table.name not in there:
                continue
            with self._engine.connect() as connection:
                rows = connection.execution_options(yield_per=500).execute(select(*texts))
                count = sum(1 for row in rows if any(asked_for(text) for text in row if text))
            if count:
                found[table.name] = count
        return found

    def settled(self, key: str) -> bool:
        """Whether the call with this key took effect."""
        with self.reading() as connection:
            found = connection.execute(select(self._effects.c.key).where(self._effects.c.key == key))
            return found.first() is not None

    def _claim(self, connection: Connection, key: str, tool: str) -> bool:
        row = insert_or(connection, self._effects).values(key=key, tool=tool, result="", created=self.stamp())
        mine = connection.execute(row.on_conflict_do_nothing().returning(self._effects.c.key))
        return mine.first() is not None

    def _remembered(self, connection: Connection, key: str, tool: str, result: type[Result]) -> Result | ToolFailed:
        effect = self._effects.c
        row = connection.execute(select(effect.tool, effect.result).where(effect.key == key)).one()
        if row.tool != tool:
            return ToolFailed(f"The idempotency key belongs to a call of {row.tool}.", "refused")
        return result.model_validate_json(row.result)

    def _prepare(self) -> None:
        """Make the tables, and what the pack puts into them, unless they are there."""
        if self._ready:
            return
        with self._preparing:
            if self._ready:
                return
            for table in self._effects.metadata.sorted_tables:
                self._create(table, attempts=CREATE_ATTEMPTS)
            if self._seed is not None:
                with self._engine.begin() as connection:
                    self._seed(connection, self.stamp())
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


def first_time(connection: Connection, seeds: Table, name: str, now: str) -> bool:
    """Whether the sample data of this name is to be put in now: a database that has it is never seeded again."""
    marker = insert_or(connection, seeds).values(name=name, created=now).on_conflict_do_nothing()
    return connection.execute(marker.returning(seeds.c.name)).first() is not None


def insert_or(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which both databases know and SQLAlchemy spells once for each."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def count_on(connection: Connection, *seeded: Table) -> None:
    """Let the next rows have numbers behind the sample's: PostgreSQL's sequences do not look at what was put in with one."""
    if connection.dialect.name == "postgresql":
        for table in seeded:
            last = select(func.max(table.c.id)).scalar_subquery()
            connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))
