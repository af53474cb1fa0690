"""Retention: removes runs from a house in short transactions beside running workers, with a receipt: the old ones, for one.

Artifacts are counted by reference: one leaves when no run that is left has it, and no call can be about to tell that it has.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from executor.artifacts import ArtifactStore
from executor.events import TERMINAL, RunStatus
from executor.journal.port import How
from executor.journal.retention import Found, Old
from executor.journal.space import Space
from executor.journal.sql import SqlJournal

FAILED: tuple[RunStatus, ...] = ("failed", "partial")
_FIRST: tuple[RunStatus, ...] = ("done", "cancelled", *FAILED)
_REST = 1.0  # times as long as a transaction took nothing is removed, so that others get their turn
_LONGEST_REST_S = 1.0
_LONGEST_CALL = timedelta(days=1)  # after which no call tells any more what it has put in

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
    space: Space | None = None

    @property
    def runs(self) -> int:
        """How many runs there were to go."""
        return sum(f.runs for f in self.found)


def old_of(before: datetime, *, statuses: Sequence[RunStatus] = (), keep_failed: bool = False) -> Old:
    """The runs that are over and were not changed since: all of them, or those of these statuses."""
    wanted = [s for s in _FIRST if s in statuses] if statuses else list(_FIRST)
    return Old(statuses=tuple(s for s in wanted if not (keep_failed and s in FAILED)), before=before)


class Retention:
    """What leaves a house. `workspaces` is the folder of the runs' own folders on this machine.

    `alone` tells whether no other process has the database open, as far as that can be known.
    """

    def __init__(
        self,
        journal: SqlJournal,
        artifacts: ArtifactStore,
        *,
        workspaces: Path,
        alone: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = journal.retention
        self._artifacts = artifacts
        self.workspaces = workspaces
        self._alone = alone
        self._now = now

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
            removed.update(await self.remove([run for _, run, _ in page], "pruned", receipt))
            progress(removed["runs"])
            last = page[-1][:2]
            await asyncio.sleep(min((time.monotonic() - begun) * _REST, _LONGEST_REST_S))
        removed["artifacts"] = await self.sweep(receipt)
        await self._store.forget(forget)
        space = await self.reclaim(anew=False) if removed["events"] else None
        await self._store.done(receipt)
        return Pruned(before=old.before, found=found, removed=dict(removed), receipt=receipt, space=space)

    async def sweep(self, receipt: str) -> int:
        """Remove the artifacts that only removed runs had; how many. What a call may put in anew just now is left for later."""
        loose = await self._store.loose()
        put_at = {name: await asyncio.to_thread(self._artifacts.put_at, name) for name in loose}
        runs = await self._store.anybody_runs()  # looked at before the journals are: whoever begins later puts in anew
        had = await self._store.referred(set(loose)) if loose else set()
        settled, removed = set(had), 0
        for name, used_at in loose.items():
            at = put_at[name]
            if at is None:
                settled.add(name)
                continue
            idle = not runs or at <= used_at or at < self._now() - _LONGEST_CALL
            if name not in had and idle and await asyncio.to_thread(self._artifacts.forget, name, at):
                settled.add(name)
                removed += 1
        if settled:
            await self._store.settled(settled)
        if removed:
            await self._store.note(receipt, {"artifacts": removed})
        return removed

    async def reclaim(self, *, anew: bool) -> Space:
        """Give back the room of what was removed; `anew` leaves nothing of it in a file of the house's."""
        return await self._store.reclaim(anew=anew, alone=self._alone())

    async def remove(self, runs: Sequence[str], how: How, receipt: str) -> Counter[str]:
        """Remove runs, and their folders of files."""
        gone = await self._store.remove(runs, how, receipt)
        folders = await self.clear([self.workspaces / each.run for each in gone], receipt)
        return Counter({"runs": len(gone), "events": sum(each.seq for each in gone), "folders": folders})

    async def clear(self, folders: Sequence[Path], receipt: str) -> int:
        """Remove folders of files; how many there were."""
        count = await asyncio.to_thread(lambda: sum(_cleared(folder) for folder in folders))
        if count:
            await self._store.note(receipt, {"folders": count})
        return count


def _cleared(folder: Path) -> bool:
    """Remove a run's folder; whether there was one."""
    if not folder.is_dir():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
