"""Erasing: all that names a person leaves a house, or is named where it is not the house's to remove; with a receipt.

looked for everywhere ─► runs that are over, those made of their words, rows, artifacts, folders ─► removed ─► looked once more

A run that goes on is not removed. A receipt has a salted hash of the subject, and not the subject.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from executor.artifacts import ArtifactStore
from executor.errors import UnknownArtifact
from executor.events import RunStatus
from executor.journal.holding import Held, widened
from executor.journal.retention import Removal, SqlRetention
from executor.journal.space import Space
from executor.pack import Pack
from executor.run import is_over
from executor.subject import Subject
from planrail.retention import Retention

_BATCH = 50
_MOST_RECEIPTS = 10_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_BYTES = 256 * 1024 * 1024  # of a file that is looked into
_OWN = (".db", ".db-wal", ".db-shm", ".lock")  # what of the house's folder is looked into otherwise


class HeldRun(BaseModel):
    """A run that is to go, and why: it names the subject, or it was made of the words of one that does."""

    model_config = ConfigDict(frozen=True)

    id: str
    principal: str
    status: RunStatus
    names_it: bool


class Holding(BaseModel):
    """Where the subject stands: what is removed, and what is somebody else's to remove."""

    model_config = ConfigDict(frozen=True)

    runs: tuple[HeldRun, ...]
    artifacts: int
    rows: Mapping[str, int]
    folders: int
    packs: Mapping[str, int] = {}  # rows of packs' tables, which are a business's own records
    files: tuple[str, ...] = ()  # that hold it and are left
    tasks: tuple[tuple[str, str], ...] = ()  # given to agents elsewhere: (agent, task)
    unread: int = 0  # artifacts and files that cannot be looked into

    @property
    def going_on(self) -> tuple[HeldRun, ...]:
        """Runs that are not over."""
        return tuple(run for run in self.runs if not is_over(run.status))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.runs or self.artifacts or self.rows or self.folders)


class Erased(BaseModel):
    """What was removed. `left` are runs that came, or went on, meanwhile."""

    model_config = ConfigDict(frozen=True)

    receipt: str
    removed: Mapping[str, int]
    left: tuple[str, ...]
    artifacts_left: int  # that a call may be about to use: the next removal takes them
    space: Space


@dataclass
class _Found:
    """The same, as it is worked with."""

    runs: dict[str, Held] = field(default_factory=dict)
    every: set[str] = field(default_factory=set)  # ids of all runs
    artifacts: set[str] = field(default_factory=set)
    folders: set[Path] = field(default_factory=set)
    files: list[str] = field(default_factory=list)
    unread: int = 0


class Erasing:
    """Finds and removes all that names a subject in one house; `home` is its folder on this machine."""

    def __init__(
        self, retention: Retention, store: SqlRetention, artifacts: ArtifactStore, packs: Sequence[Pack], home: Path
    ) -> None:  # fmt: skip
        self._retention = retention
        self._store = store
        self._artifacts = artifacts
        self._packs = packs
        self._home = home

    async def look(self, subject: Subject, *, also: Sequence[Path] = ()) -> Holding:
        """Where it stands; `also` are folders of files, like those of recorded evaluations, that are named alone."""
        found = await self._look(subject, also)
        runs = [HeldRun(id=r.run, principal=r.principal, status=r.status, names_it=r.holds) for r in found.runs.values()]
        tasks = [task for run in found.runs.values() for task in run.tasks if task[1] not in found.every]
        packs = [await asyncio.to_thread(p.holds, subject.in_text) for p in self._packs if p.holds is not None]
        return Holding(
            runs=tuple(runs), artifacts=len(found.artifacts), rows=await self._store.others(subject),
            folders=len(found.folders),
            packs={table: count for counts in packs for table, count in counts.items()}, files=tuple(found.files),
            tasks=tuple(tasks), unread=found.unread,
        )  # fmt: skip

    async def erase(self, subject: Subject, *, by: str, begun: datetime) -> Erased:
        """Remove it all, but for runs that go on. Whoever is stopped in the middle does it once more."""
        salt = secrets.token_hex(16)
        receipt = await self._store.begin("erase", by, salt=salt, subject=hashed(subject, salt))
        assert receipt is not None
        found = await self._look(subject, ())
        removed: Counter[str] = Counter()
        over = [run.run for run in found.runs.values() if is_over(run.status)]
        for first in range(0, len(over), _BATCH):
            removed.update(await self._retention.remove(over[first : first + _BATCH], "erased", receipt))
        removed.update(await self._store.remove_others(subject, receipt))
        await self._store.loosen(found.artifacts, _LONG_AGO)
        removed["artifacts"] = await self._retention.sweep(receipt)
        stray = [folder for folder in found.folders if folder.name not in found.runs]
        removed["folders"] += await self._retention.clear(stray, receipt)
        left = {name for name, run in found.runs.items() if not is_over(run.status)}
        left |= {run.run for run in await self._store.held(subject, found.artifacts, since=begun) if run.holds}
        waiting = len(found.artifacts & set(await self._store.loose()))
        space = await self._retention.reclaim(anew=True)
        if not left:
            await self._store.done(receipt)
        return Erased(
            receipt=receipt, removed={name: count for name, count in removed.items() if count}, left=tuple(sorted(left)),
            artifacts_left=waiting, space=space,
        )  # fmt: skip

    async def receipts(self, subject: Subject | None = None) -> list[Removal]:
        """Of all erasures, the newest first; or of those of that subject."""
        every = await self._store.receipts("erase", limit=_MOST_RECEIPTS)
        return [r for r in every if subject is None or hashed(subject, r.salt) == r.subject]

    async def _look(self, subject: Subject, also: Sequence[Path]) -> _Found:
        found = _Found()
        await asyncio.to_thread(self._look_into_artifacts, subject, found)
        workspaces = self._retention.workspaces
        await asyncio.to_thread(_look_into_folders, workspaces, subject, found)
        with_files = {folder.name for folder in found.folders}
        every = await self._store.held(subject, found.artifacts)
        found.every = {run.run for run in every}
        marked = [_marked(run) if run.run in with_files else run for run in every]
        found.runs = widened(marked)
        await asyncio.to_thread(_look_into_files, [self._home, *also], workspaces, subject, found)
        return found

    def _look_into_artifacts(self, subject: Subject, found: _Found) -> None:
        for name in self._artifacts.names():
            try:
                holds = subject.in_bytes(self._artifacts.get(name))
            except UnknownArtifact:  # it left just now, or is damaged
                continue
            found.unread += holds is None
            if holds:
                found.artifacts.add(name)


def hashed(subject: Subject, salt: str) -> str:
    """What a receipt has of the subject: it tells whether it was this one, and not which."""
    return hashlib.scrypt(subject.normal.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()


def _marked(run: Held) -> Held:
    return Held(run.run, run.principal, run.status, True, run.of, run.tasks)


def _look_into_folders(workspaces: Path, subject: Subject, found: _Found) -> None:
    for folder in sorted(workspaces.iterdir()) if workspaces.is_dir() else ():
        for path in _files_of(folder):
            holds = subject.in_text(path.name) or _in_file(path, subject)
            found.unread += holds is None
            if holds:
                found.folders.add(folder)
                break


def _look_into_files(folders: Sequence[Path], workspaces: Path, subject: Subject, found: _Found) -> None:
    seen: set[Path] = set()
    for folder in folders:
        for path in _files_of(folder):
            if path in seen or path.suffix in _OWN or path.name.endswith(_OWN) or workspaces in path.parents:
                continue
            seen.add(path)
            if subject.in_text(path.name) or _in_file(path, subject):
                found.files.append(str(path))


def _in_file(path: Path, subject: Subject) -> bool | None:
    """Whether it stands in the file; None where that cannot be read."""
    try:
        return subject.in_bytes(path.read_bytes()) if path.stat().st_size <= _MOST_BYTES else None
    except OSError:
        return None


def _files_of(folder: Path) -> Iterator[Path]:
    """Regular files below it; links are not followed."""
    if folder.is_file() and not folder.is_symlink():
        yield folder
    elif folder.is_dir() and not folder.is_symlink():
        for below in sorted(folder.iterdir()):
            yield from _files_of(below)
