"""Which dialect a database URL asks for."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from executor.errors import JournalUnreachable
from executor.journal.dialect import Dialect
from executor.journal.sqlite import SqliteDialect


def dialect_of(backend: str) -> Dialect:
    """A dialect for an SQLAlchemy backend name; raises JournalUnreachable for one that Planrail does not speak."""
    match backend:
        case "sqlite":
            return SqliteDialect()
        case "postgresql":
            from executor.journal.postgres import PostgresDialect  # noqa: PLC0415  # 50 ms that SQLite has no use for

            return PostgresDialect()
    hint = "It can in: postgresql, sqlite."
    raise JournalUnreachable(f"Planrail cannot keep its journal in {backend!r}.", hint=hint)


def parse_url(text: str) -> URL:
    """The database URL, with Planrail's driver; raises JournalUnreachable, without the text, which may hold a password."""
    try:
        url = make_url(text)
    except ArgumentError:
        hint = "Write it as sqlite:////absolute/path.db or postgresql://user:password@host/database."
        raise JournalUnreachable("The database URL cannot be read.", hint=hint) from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url
