"""Sessions that the database itself holds read-only, and breaks off when their time is up. One for each kind of database.

What is refused here is refused by the database, whatever the text of a query is. On SQLite the file is opened for reading, an
authorizer lets nothing but reading through, and values have a greatest length. On PostgreSQL the transaction is read-only, the
text has to be one query (it is explained before it is run), and rows become JSON, cut to a length, before they are sent. A role
that may read files, run programs or end sessions of others is refused: a read-only transaction does not hold these back.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from executor.builtin.handle import Unfit
from planner.toolspec import Json

_POWERS = ("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "pg_signal_backend")
_POWERFUL = """
select rolsuper or exists (
  select from pg_roles p where p.rolname = any(:powers) and pg_has_role(current_user, p.oid, 'member')
) from pg_roles where rolname = current_user
"""
_READS = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_NO_FUNCTIONS = frozenset(("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"))
_STEPS = 1_000  # of SQLite's machine between two looks at the clock


@dataclass(frozen=True)
class Bounds:
    """What one query may take and give."""

    rows: int
    bytes: int
    seconds: float


class Rows(list[dict[str, Json]]):
    """Rows within bounds; `more` where there would have been others."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds, self._size, self.more = bounds, 0, False

    def take(self, row: dict[str, Json]) -> bool:
        """Whether the row, and perhaps a further one, finds room."""
        self._size += len(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
        self.more = len(self) >= self._bounds.rows or self._size > self._bounds.bytes
        if not self.more:
            self.append(row)
        return not self.more


class Reader(Protocol):
    """Reads one kind of database."""

    def query(self, sql: str, params: Mapping[str, Json], bounds: Bounds) -> Rows:
        """The rows of a query; raises Unfit, and what the driver raises."""
        ...

    def reading(self, seconds: float) -> Any:
        """A context with a connection that reads, for looking at tables."""
        ...


class SqliteReader:
    """An SQLite file."""

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise Unfit("The URL names no SQLite file.", "failed")
        self._file = Path(url.database.removeprefix("file:").partition("?")[0]).absolute().as_uri()

    def query(self, sql: str, params: Mapping[str, Json], bounds: Bounds) -> Rows:
        rows = Rows(bounds)
        with closing(self._connected(bounds.seconds)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(bounds.bytes, len(sql.encode()) + 1))
            connection.set_authorizer(_reads_only)
            cursor = connection.execute(sql, dict(params))
            if cursor.description is None:
                raise Unfit("It gives no rows: only queries are read.", "refused")
            names = _different([column[0] for column in cursor.description])
            for found in cursor:
                if not rows.take(dict(zip(names, map(_plain, found), strict=True))):
                    break
        return rows

    @contextmanager
    def reading(self, seconds: float) -> Iterator[Connection]:
        engine = create_engine("sqlite://", creator=lambda: self._connected(seconds), poolclass=NullPool)
        with engine.connect() as connection:
            yield connection

    def _connected(self, seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._file}?mode=ro", uri=True, timeout=seconds, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        ends = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
        return connection


class PostgresReader:
    """A PostgreSQL database."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+psycopg")

    def query(self, sql: str, params: Mapping[str, Json], bounds: Bounds) -> Rows:
        rows, query = Rows(bounds), sql.strip().rstrip("; \n\t")
        whole = (
            "SELECT CASE WHEN size <= :planrail_bytes THEN j END FROM"
            " (SELECT j, sum(octet_length(j)) OVER (ROWS UNBOUNDED PRECEDING) AS size FROM"
            f" (SELECT row_to_json(q)::text AS j FROM ({query}\n) AS q LIMIT :planrail_rows) AS r) AS s"
        )
        with self.reading(bounds.seconds) as connection:
            connection.execute(text(f"EXPLAIN (FORMAT TEXT) {query}\n"), dict(params))  # alone: so no bracket of it closes ours
            bound = {**params, "planrail_bytes": bounds.bytes, "planrail_rows": bounds.rows + 1}
            for (found,) in connection.execute(text(whole), bound).all():  # in one: it sets nothing for a next one
                if found is None:
                    rows.more = True
                    break
                if not rows.take(json.loads(found, object_pairs_hook=_object)):
                    break
        return rows

    @contextmanager
    def reading(self, seconds: float) -> Iterator[Connection]:
        options = f"-c default_transaction_read_only=on -c statement_timeout={round(seconds * 1000)} -c lock_timeout=2000"
        engine = create_engine(
            self._url,
            poolclass=NullPool,  # what a query has set for its session goes with it
            connect_args={
                "options": f"{options} -c jit=off",
                "prepare_threshold": 0,
                "connect_timeout": max(2, round(seconds)),
            },
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY"))
        with engine.connect() as connection:
            if connection.execute(text(_POWERFUL), {"powers": list(_POWERS)}).scalar_one():
                raise Unfit(
                    "The database's role may do more than a read-only session can hold back (a superuser, or a member of "
                    f"{', '.join(_POWERS)}): give `url` a role that may read the tables and nothing else.",
                    "refused",
                )
            yield connection


def reader_of(url: URL) -> Reader:
    """What reads this database; raises Unfit for one that cannot be held read-only."""
    match url.get_backend_name():
        case "sqlite":
            return SqliteReader(url)
        case "postgresql":
            return PostgresReader(url)
        case other:
            raise Unfit(f"Sessions of {other} are not held read-only here, so it is not queried.", "refused")


def refused_by(error: DBAPIError | sqlite3.Error, seconds: float) -> Unfit:
    """What a database says of a query that it does not carry out."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    said = str(driver).strip().splitlines()[0][:500] if str(driver).strip() else type(driver).__name__
    code = getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", "")
    if code in ("57014", "SQLITE_INTERRUPT"):
        return Unfit(f"The database broke it off after {seconds:g} s.", "timeout")
    if code in ("25006", "42501", "SQLITE_AUTH", "SQLITE_READONLY") or "prohibited" in said or "one statement" in said:
        return Unfit(f"The database refuses it: {said}", "refused")
    away = not code and isinstance(error, OperationalError)
    if away or code in ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "40001", "40P01"):
        return Unfit(f"The database cannot be read at the moment: {said}", "transient")
    return Unfit(f"The database refuses it: {said}", "invalid")


def _reads_only(action: int, one: str | None, other: str | None, *_: str | None) -> int:
    allowed = action in _READS or (action == sqlite3.SQLITE_FUNCTION and other not in _NO_FUNCTIONS)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _plain(value: Any) -> Json:
    match value:
        case bytes():
            return f"\\x{value.hex()}"
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case _:
            plain: Json = value
            return plain


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    return dict(zip(_different([name for name, _ in pairs]), [value for _, value in pairs], strict=True))


def _different(names: list[str]) -> list[str]:
    """Column names that differ: a second `id` is `id_2`."""
    made: list[str] = []
    for wanted in names:
        name, count = wanted, 1
        while name in made:
            count += 1
            name = f"{wanted}_{count}"
        made.append(name)
    return made
