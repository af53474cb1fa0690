"""Bare: commits of one row each with the standard library's sqlite3, in WAL, each synced: what a durable step must cost."""

from __future__ import annotations

import sqlite3
import time
from types import TracebackType
from typing import Self

BODY = "x" * 400  # bytes, about what the event of a step takes


class BareDatabase:
    """An SQLite file with one table; `commits` gives seconds."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=full")
        self._connection.execute("create table if not exists t (n integer primary key, body text)")
        self.synchronous = str(self._connection.execute("pragma synchronous").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self._connection.close()

    def commits(self, count: int, body: str = BODY) -> float:
        """How long so many commits take, one after the other."""
        start = time.perf_counter()
        for _ in range(count):
            self._connection.execute("begin immediate")
            self._connection.execute("insert into t (body) values (?)", (body,))
            self._connection.execute("commit")
        return time.perf_counter() - start
