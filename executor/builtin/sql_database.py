"""SqlDatabase: a configured database: queries in read-only sessions, and its named statements, each a transaction."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from executor.builtin.handle import Unfit
from executor.builtin.sql_results import Changed, QueryRows, SqlSchema, SqlTable
from executor.builtin.sql_session import Bounds, Reader, Rows, reader_of, refused_by
from executor.builtin.sql_settings import KEY, SqlSettings, StatementSettings
from executor.mcp_tools.server import expanded
from executor.tool import FailureKind
from planner.toolspec import Json

MAX_TABLES = 200
MAX_COLUMNS = 100
MAX_RETURNED = 100
_EXPLAINED = re.compile(r"\s*(?:insert|update|delete|replace|merge|with)\b", re.IGNORECASE)


class SqlDatabase:
    """One database of the settings; connected to by its first call."""

    def __init__(self, name: str, settings: SqlSettings, environment: Mapping[str, str] = os.environ) -> None:
        self._name, self._settings, self._environment = name, settings, environment

    def query(self, sql: str, params: Mapping[str, Json], limit: int) -> QueryRows:
        """The rows of one query; raises Unfit."""
        bounds = Bounds(min(limit, self._settings.rows), self._settings.bytes, self._settings.timeout_s)
        with self._told():
            rows = self._reader.query(sql, params, bounds)
        return QueryRows(rows=list(rows), more=rows.more)

    def schema(self) -> SqlSchema:
        """Its tables and views with their columns; raises Unfit."""
        with self._told(), self._reader.reading(self._settings.timeout_s) as connection:
            looked = inspect(connection)
            names = sorted({*looked.get_table_names(), *looked.get_view_names()})
            tables = [
                SqlTable(
                    name=name,
                    columns={c["name"]: str(c["type"]).lower() for c in looked.get_columns(name)[:MAX_COLUMNS]},
                    key=list(looked.get_pk_constraint(name)["constrained_columns"]),
                )
                for name in names[:MAX_TABLES]
            ]
        return SqlSchema(tables=tables, more=len(names) > MAX_TABLES)

    def run(self, statement: StatementSettings, given: Mapping[str, Any], key: str) -> Changed:
        """Carry a statement out, once and whole; raises Unfit. `key` is the call's."""
        values = {**given, KEY: key} if f":{KEY}" in statement.sql else dict(given)
        with self._told("failed"), self._engine.connect() as connection:
            transaction = connection.begin()
            self._bound_in_time(connection)
            done = self._carried_out(connection, statement, values)
            try:
                transaction.commit()
            except DBAPIError as error:
                if isinstance(error, IntegrityError):  # of a constraint that is checked at the end: nothing happened
                    raise
                kind: FailureKind = "transient" if statement.idempotent else "failed"
                raise Unfit(f"Whether {self._name} took it is not known: {self._said(error)}", kind) from error
        return done

    def explain(self, statement: StatementSettings, given: Mapping[str, Any]) -> None:
        """Let the database look at a statement and carry nothing out; raises Unfit. What it does not explain is let be."""
        if _EXPLAINED.match(statement.sql) is None:
            return
        values = {**given, KEY: "key"} if f":{KEY}" in statement.sql else dict(given)
        with self._told("failed"), self._reader.reading(self._settings.timeout_s) as connection:
            connection.execute(text(f"EXPLAIN {statement.sql}"), values)

    def _bound_in_time(self, connection: Connection) -> None:
        """SQLite breaks a statement off by asking for the time; PostgreSQL has been told when it connected."""
        driver, ends = connection.connection.driver_connection, time.monotonic() + self._settings.timeout_s
        if isinstance(driver, sqlite3.Connection):
            driver.set_progress_handler(lambda: time.monotonic() > ends, 1_000)

    def _carried_out(self, connection: Connection, statement: StatementSettings, values: Mapping[str, Any]) -> Changed:
        if connection.dialect.name == "sqlite":
            values = {k: v.isoformat(" ") if isinstance(v, datetime) else _json(v) for k, v in values.items()}
        result = connection.execute(text(statement.sql), dict(values))
        if not result.returns_rows:
            return Changed(changed=max(result.rowcount, 0), rows=[])
        rows = Rows(Bounds(MAX_RETURNED, self._settings.bytes, self._settings.timeout_s))
        count = 0
        for row in result.mappings():
            count += 1
            if not rows.more:
                rows.take({str(k): _json(v) for k, v in row.items()})
        return Changed(changed=count, rows=list(rows))

    @cached_property
    def _url(self) -> URL:
        try:
            return make_url(expanded(self._settings.url.get_secret_value(), self._environment))
        except ArgumentError:
            raise Unfit(f"[sql.{self._name}] url is no URL of a database.", "failed") from None  # it would be told

    @cached_property
    def _reader(self) -> Reader:
        return reader_of(self._url)

    @cached_property
    def _engine(self) -> Engine:
        seconds, connect, url = self._settings.timeout_s, dict[str, Any](), self._url
        match url.get_backend_name():
            case "postgresql":
                url = url.set(drivername="postgresql+psycopg")
                connect = {"options": f"-c statement_timeout={round(seconds * 1000)}", "prepare_threshold": 0}
            case "sqlite":
                connect = {"timeout": seconds}
            case _:
                pass
        return create_engine(url, connect_args=connect, poolclass=NullPool, hide_parameters=True)

    @contextmanager
    def _told(self, late: FailureKind = "timeout") -> Iterator[None]:
        """What the database, or its driver, refuses, as an Unfit without the URL's secrets and the statement's values.

        `late` is what it is when the database broke it off; it has undone a statement then.
        """
        try:
            yield
        except (NoSuchModuleError, ImportError) as error:
            raise Unfit(f"The driver of {self._name} is not installed: {error}.", "failed") from None
        except IntegrityError as error:
            raise Unfit(f"The database refuses it: {self._said(error)}", "refused") from None
        except (DBAPIError, sqlite3.Error) as error:
            unfit = refused_by(error, self._settings.timeout_s)
            kind = late if unfit.kind == "timeout" else unfit.kind
            raise Unfit(self._without_secrets(unfit.message), kind) from None

    def _said(self, error: DBAPIError) -> str:
        return self._without_secrets(str(error.orig).strip().splitlines()[0][:500])

    def _without_secrets(self, message: str) -> str:
        for secret in (self._url.render_as_string(hide_password=False), str(self._url.password or "")):
            message = message.replace(secret, "***") if secret else message
        return message


def _json(value: Any) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        plain: Json = value
        return plain
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
