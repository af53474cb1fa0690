"""Retention: removes runs from a house: the old ones, in short transactions beside running workers, with a receipt."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from executor.events import TERMINAL, RunStatus
from executor.journal.port import How
from executor.journal.retention import Found, Old, SqlRetention
from executor.journal.sql import SqlJournal

FAILED: tuple[RunStatus, ...] = ("failed", "partial")
_FIRST: tuple[RunStatus, ...] = ("done", "cancelled", *FAILED)
_REST = 1.0  # times as long as a transaction took nothing is removed, so that others get their turn
_LONGEST_REST_S = 1.0

assert set(_FIRST) == TERMINAL

Progress = Callable[[int], None]  # how many runs are removed by now


def nobody_watches(removed: int) -> None:
    """Nobody is told how far it is."""


class Pruned(BaseModel):
    """What was removed, or, in a dry run, would be."""

    model_config = ConfigDict(frozen=True)

    before: datetime  # runs that were changed since are left
    found: tuple[Found, ...]
    removed: dict[str, int]
    receipt: str = ""

    @property
    def runs(self) -> int:
        """How many runs there were to go."""
        return sum(f.runs for f in self.found)


def old_of(before: datetime, *, statuses: Sequence[RunStatus] = (), keep_failed: bool = False) -> Old:
    """The runs that are over and were not changed since: all of them, or those of these statuses."""
    wanted = [s for s in _FIRST if s in statuses] if statuses else list(_FIRST)
    return Old(statuses=tuple(s for s in wanted if not (keep_failed and s in FAILED)), before=before)


class Retention:
    """What leaves a house. `workspaces` is the folder of the runs' own folders on this machine."""

    def __init__(self, journal: SqlJournal, *, workspaces: Path) -> None:
        self._journal = journal
        self._workspaces = workspaces

    @property
    def _store(self) -> SqlRetention:
        return self._journal.retention

    async def look(self, old: Old) -> Pruned:
        """What would be removed."""
        return Pruned(before=old.before, found=tuple(await self._store.count(old)), removed={})

    async def prune(
        self, old: Old, *, by: str, forget: datetime, name: str = "", progress: Progress = nobody_watches
    ) -> Pruned | None:
        """Remove them, the oldest first, and forget what stays of runs that were removed before `forget`.

        None where a removal of that name was begun before.
        """
        found = tuple(await self._store.count(old))
        receipt = await self._store.begin("prune", by, name=name)
        if receipt is None:
            return None
        removed: Counter[str] = Counter(runs=0)
        last: tuple[datetime, str] | None = None
        while page := await self._store.old(old, after=last):
            begun = time.monotonic()
            removed.update(await self._remove([run for _, run, _ in page], "pruned", receipt))
            progress(removed["runs"])
            last = page[-1][:2]
            await asyncio.sleep(min((time.monotonic() - begun) * _REST, _LONGEST_REST_S))
        await self._store.forget(forget)
        await self._store.done(receipt)
        return Pruned(before=old.before, found=found, removed=dict(removed), receipt=receipt)

    async def _remove(self, runs: Sequence[str], how: How, receipt: str) -> Counter[str]:
        """Remove runs, and their folders of files."""
        gone = await self._store.remove(runs, how, receipt)
        folders = await asyncio.to_thread(lambda: sum(_cleared(self._workspaces / each.run) for each in gone))
        counts = Counter({"runs": len(gone), "events": sum(each.seq for each in gone), "folders": folders})
        if folders:
            await self._store.note(receipt, {"folders": folders})
        return counts


def _cleared(folder: Path) -> bool:
    """Remove a run's folder; whether there was one."""
    if not folder.is_dir():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
