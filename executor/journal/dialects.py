"""Which dialect a database URL asks for."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from executor.errors import JournalUnreachable
from executor.journal.dialect import Dialect
from executor.journal.sqlite import SqliteDialect

_DIALECTS: dict[str, type[Dialect]] = {"sqlite": SqliteDialect}


def dialect_of(backend: str) -> Dialect:
    """The dialect of an SQLAlchemy backend name; raises JournalUnreachable for one that Planrail does not speak."""
    try:
        return _DIALECTS[backend]()
    except KeyError:
        known = ", ".join(sorted(_DIALECTS))
        raise JournalUnreachable(f"Planrail cannot keep its journal in {backend!r}.", hint=f"It can in: {known}.") from None


def parse_url(text: str) -> URL:
    """The database URL; raises JournalUnreachable, without repeating the text, which may hold a password."""
    try:
        return make_url(text)
    except ArgumentError:
        raise JournalUnreachable(
            "The database URL cannot be read.", hint="Write it as sqlite:///relative/path.db or sqlite:////absolute/path.db."
        ) from None
