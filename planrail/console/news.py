"""News: which of a principal's runs have changed: looked for once in this process, however many watch the list."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from executor.journal.port import Journal, Recent
from executor.submission import Principal
from planrail.console.rows import Rows

_PAUSE_S = 0.25  # between two looks at the runs
_SKEW = timedelta(seconds=30)  # by which the clocks of machines that share a database differ at most
_MOST = 500  # rows that are told of in one look, and that are remembered


class Feed:
    """The rows of one principal that have changed lately, each with the number of the change."""

    def __init__(self, journal: Journal, rows: Rows, principal: Principal) -> None:
        self.watchers = 0
        self.number = 0
        self.failed: BaseException | None = None
        self._journal = journal
        self._rows = rows
        self._principal = principal
        self._seen: OrderedDict[str, tuple[int, str]] = OrderedDict()  # run → its last number, and its status
        self._told: OrderedDict[str, tuple[int, dict[str, Any]]] = OrderedDict()
        self.ready = asyncio.Event()  # what changes from here on is told
        self._news = asyncio.Event()
        self._since = datetime.now(UTC) - _SKEW
        self._task = asyncio.create_task(self._look(), name="planrail-console-runs")

    def after(self, number: int) -> list[dict[str, Any]]:
        """The rows that have changed since."""
        return [row for at, row in self._told.values() if at > number]

    def news(self) -> asyncio.Event:
        """Set when there is more than now."""
        return self._news

    def close(self) -> None:
        """Look no more."""
        self._task.cancel()

    async def _look(self) -> None:
        try:
            async for _ in self._journal.changes():
                await self._find(tell=self.ready.is_set())
                self.ready.set()
                await asyncio.sleep(_PAUSE_S)
        except Exception as error:  # noqa: BLE001  # carried over to the watchers
            self.failed = error
            self.ready.set()
            self._ring()

    async def _find(self, *, tell: bool) -> None:
        records, _ = await self._journal.recent(self._principal.id, Recent(since=self._since), limit=_MOST)
        changed = [r for r in records if self._seen.get(r.id) != (r.seq, r.status)]
        for record in records:
            self._seen[record.id] = (record.seq, record.status)
            self._since = max(self._since, record.updated_at - _SKEW)
        while len(self._seen) > 2 * _MOST:
            self._seen.popitem(last=False)
        if changed and tell:
            for row in await self._rows.of(list(reversed(changed))):
                self.number += 1
                self._told[row["id"]] = (self.number, row)
                self._told.move_to_end(row["id"])
            while len(self._told) > _MOST:
                self._told.popitem(last=False)
            self._ring()

    def _ring(self) -> None:
        rung, self._news = self._news, asyncio.Event()
        rung.set()


class Feeds:
    """The feeds of those who watch their lists."""

    def __init__(self, journal: Journal, rows: Rows) -> None:
        self._journal = journal
        self._rows = rows
        self.open: dict[str, Feed] = {}

    @contextmanager
    def watched(self, principal: Principal) -> Iterator[Feed]:
        """The principal's feed, which is closed when nobody watches it any more."""
        feed = self.open.get(principal.id)
        if feed is None or feed.failed is not None:
            feed = self.open[principal.id] = Feed(self._journal, self._rows, principal)
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                feed.close()
                if self.open.get(principal.id) is feed:
                    del self.open[principal.id]
