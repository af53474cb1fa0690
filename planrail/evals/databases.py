"""Databases: where a suite's trials keep their data: a SQLite file in each folder, or a new database each on a PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.dialect import explained
from executor.journal.dialects import dialect_of, parse_url
from planrail.evals.suite import SuiteError

_LOCK_S = 30.0
TEMPLATE = "template"


class Databases(Protocol):
    """Each is called by a name of its own within the evaluation."""

    async def copy(self, name: str) -> None:
        """Make one that holds what TEMPLATE holds; TEMPLATE itself is made empty. Raises JournalUnreachable and SuiteError."""
        ...

    def url(self, name: str) -> str:
        """What a house is given; "" is a file in its data folder."""
        ...

    def told(self, name: str) -> str:
        """The same for people, without the password."""
        ...

    async def drop(self, name: str) -> None: ...


class Files:
    """SQLite: a database lies in its trial's folder, is copied with it and leaves with it."""

    async def copy(self, name: str) -> None: ...

    def url(self, name: str) -> str:
        return ""

    def told(self, name: str) -> str:
        return ""

    async def drop(self, name: str) -> None: ...


@dataclass(frozen=True)
class PostgresDatabases:
    """New databases beside the one of that URL, whose user may create some; nothing is written into that one."""

    server: URL
    mark: str = field(default_factory=lambda: f"planrail_eval_{secrets.token_hex(4)}")

    async def copy(self, name: str) -> None:
        of = "" if name == TEMPLATE else f' template "{self._name(TEMPLATE)}"'
        await asyncio.to_thread(self._told_to, f'create database "{self._name(name)}"{of}')

    def url(self, name: str) -> str:
        return self._place(name).render_as_string(hide_password=False)

    def told(self, name: str) -> str:
        return self._place(name).render_as_string(hide_password=True)

    async def drop(self, name: str) -> None:
        await asyncio.to_thread(self._told_to, f'drop database if exists "{self._name(name)}" with (force)')

    def _name(self, name: str) -> str:
        return f"{self.mark}_{name}"

    def _place(self, name: str) -> URL:
        return self.server.set(drivername="postgresql", database=self._name(name))

    def _told_to(self, statement: str) -> None:
        dialect = dialect_of("postgresql")
        engine = dialect.engine(self.server, timeout_s=_LOCK_S)
        try:
            with explained(dialect, self.server), engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(statement))
        except JournalUnreachable as error:
            if getattr(getattr(error.__cause__, "orig", None), "sqlstate", "") != "42501":
                raise
            user = self.server.username or "The user"
            hint = f"Grant it (alter role {user} createdb), or name a server on which it may."
            raise SuiteError(f"{user} may not create databases there, of which each trial has one.", hint=hint) from error
        except DBAPIError as error:
            raise SuiteError(f"The server refuses `{statement}`: {error.orig}.") from error
        finally:
            engine.dispose()


def databases_at(url: str) -> Databases:
    """Those of that server, or files where none is named; raises SuiteError for another kind of database."""
    if not url:
        return Files()
    with suppress(JournalUnreachable):
        server = parse_url(url)
        if server.get_backend_name() == "postgresql":
            return PostgresDatabases(server)
    raise SuiteError("--database-url names no PostgreSQL server.", hint="Without it each trial has a SQLite file of its own.")
