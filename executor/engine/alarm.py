"""Alarm: makes parked runs queued when their time has come, once, however many workers, answers and clocks race.

It keeps the earliest time in mind and reads the journal again only when that changed, so a run that sleeps for years costs a
look at the clock now and then. The clock is the wall's: whoever rings it often enough notices when it jumps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import takewhile

from executor.journal.port import Journal, RunRecord

_PAGE = 200


class Alarm:
    """Wakes the runs of one journal; `only` restricts it to some."""

    def __init__(self, journal: Journal, *, now: Callable[[], datetime], only: frozenset[str] | None = None) -> None:
        self._journal = journal
        self._now = now
        self._only = only
        self._earliest: datetime | None = None
        self._stale = True

    def changed(self) -> None:
        """The journal may know of other runs, or other times, than before."""
        self._stale = True

    async def ring(self) -> None:
        """Make every run that is due queued, unless somebody else has."""
        if not self._stale and self.left_s > 0:
            return
        self._stale, self._earliest = False, None
        try:
            while await self._wake():
                pass
        except BaseException:
            self._stale = True
            raise

    @property
    def left_s(self) -> float:
        """Seconds until the next run is due, as the clock stands; infinite without one."""
        return float("inf") if self._earliest is None else (self._earliest - self._now()).total_seconds()

    async def _wake(self) -> bool:
        """Wake a page of due runs, and note when the next one is; whether there may be more that are due."""
        page, now = await self._sleeping(), self._now()
        due = list(takewhile(lambda record: record.wake_at is not None and record.wake_at <= now, page))
        queued = (self._journal.append(r.id, [], epoch=None, status="queued", only_if=["waiting"]) for r in due)
        await asyncio.gather(*queued)
        self._earliest = page[len(due)].wake_at if len(due) < len(page) else None
        return len(due) == _PAGE

    async def _sleeping(self) -> list[RunRecord]:
        """Runs that the clock wakes, the earliest first."""
        if self._only is None:
            return await self._journal.waking(limit=_PAGE)
        found = await asyncio.gather(*(self._journal.get(run) for run in self._only))
        asleep = [(r.wake_at, r) for r in found if r is not None and r.status == "waiting" and r.wake_at is not None]
        return [record for _, record in sorted(asleep, key=lambda each: each[0])]
