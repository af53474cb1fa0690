"""News: which of a principal's runs have changed: looked for once in this process, however many watch the list."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

from executor.journal.port import Journal, Recent
from planrail.console.rows import Rows
from planrail.console.watched import Watched

_PAUSE_S = 0.25  # between two looks at the runs
_SKEW = timedelta(seconds=30)  # by which the clocks of machines that share a database differ at most
_MOST = 500  # rows that are told of in one look, and that are remembered


class Feed(Watched):
    """The rows of one principal that have changed lately, each with the number of the change."""

    def __init__(self, journal: Journal, rows: Rows, principal: str) -> None:
        super().__init__()
        self.number = 0
        self._journal = journal
        self._rows = rows
        self._principal = principal
        self._seen: OrderedDict[str, tuple[int, str]] = OrderedDict()  # run → its last number, and its status
        self._told: OrderedDict[str, tuple[int, dict[str, Any]]] = OrderedDict()
        self.ready = asyncio.Event()  # what changes from here on is told
        self._since = datetime.now(UTC) - _SKEW
        self._begin(self._look, "planrail-console-runs")

    def after(self, number: int) -> list[dict[str, Any]]:
        """The rows that have changed since."""
        return [row for at, row in self._told.values() if at > number]

    async def _look(self) -> None:
        try:
            async for _ in self._journal.changes():
                await self._find(tell=self.ready.is_set())
                self.ready.set()
                await asyncio.sleep(_PAUSE_S)
        finally:
            self.ready.set()  # whoever waits for it learns why nothing comes

    async def _find(self, *, tell: bool) -> None:
        records, _ = await self._journal.recent(self._principal, Recent(since=self._since), limit=_MOST)
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
