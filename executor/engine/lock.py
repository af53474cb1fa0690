"""WorkerLock: a file that is locked as long as a worker's process lives, however it ends. No clocks, no heartbeats.

For SQLite the folder is `<database>.workers/` beside the file. It works for the processes of one machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from types import TracebackType
from typing import Self

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # exists on Windows only
        except OSError:
            return False
        return True
else:

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_SUFFIX = ".lock"
_ACQUIRE_SECONDS = 1.0  # somebody who tests whether we live holds the lock for some microseconds
_RETRY_SECONDS = 0.005


class WorkerLock:
    """Holds `worker` alive within a `with` block, and tells of any worker in the folder whether it lives."""

    def __init__(self, folder: Path, worker: str) -> None:
        if not _NAME.fullmatch(worker):
            raise ValueError(f"{worker!r} cannot name a worker: use letters, digits and . _ -")
        self._folder = folder
        self.worker = worker
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Lock; raises RuntimeError if a living process has the name. Lock files of dead workers are removed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _ACQUIRE_SECONDS
        while (handle := _lock_file(self._path(self.worker))) is None:
            if time.monotonic() >= deadline:
                raise RuntimeError(f"Another process is the worker {self.worker}.")
            time.sleep(_RETRY_SECONDS)
        self._handle = handle
        self._sweep()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._handle is not None:
            _remove(self._path(self.worker))
            os.close(self._handle)
            self._handle = None

    def is_alive(self, worker: str) -> bool:
        """Whether a process holds that worker's lock; the lock stays with whoever has it."""
        return _NAME.fullmatch(worker) is not None and _is_locked(self._path(worker))

    def others(self) -> list[str]:
        """The other workers of the folder that live."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return sorted(name for name in names if name != self.worker and self.is_alive(name))

    def _path(self, worker: str) -> Path:
        return self._folder / f"{worker}{_SUFFIX}"

    def _sweep(self) -> None:
        for path in self._folder.glob(f"*{_SUFFIX}"):
            _remove_if_dead(path)


def _lock_file(path: Path) -> int | None:
    """A handle that holds the lock of the file at that path; None if somebody else holds it at the moment."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _try_lock(handle) and _is_at(handle, path):
        return handle
    os.close(handle)
    return None


def _is_locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def _remove_if_dead(path: Path) -> None:
    """Remove the file while holding its lock: whoever opened it meanwhile sees in `_is_at` that it has to start again."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        if _try_lock(handle) and _is_at(handle, path):
            _remove(path)
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Whether the path still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):  # Windows keeps an open file; the next sweep takes it
        path.unlink()
