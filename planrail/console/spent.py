"""Spent: what is good once, or no longer: links that somebody has come by, sessions that were signed out of.

Kept as empty files in the data folder, so that all processes of the machine know, until they would be over anyway.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from planrail.seal import SealBroken

_ODD = frozenset("/\\.\0")


class Spent:
    """Names, each until a time."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now

    def spend(self, name: str, until: float) -> bool:
        """Whether this is the first who spends it. Raises SealBroken where that cannot be kept."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            path = self._path(name)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            os.utime(path, (until, until))
        except FileExistsError:
            return False
        except OSError as error:
            raise SealBroken(f"{self._folder} cannot be written: {error.strerror}.") from error
        return True

    def __contains__(self, name: str) -> bool:
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        if not name or _ODD & set(name):
            raise ValueError(name)  # they are ours, and sealed
        return self._folder / name

    def _sweep(self) -> None:
        for path in self._folder.iterdir():
            if path.stat().st_mtime < self._now() - 60:  # one that was made just now has no time yet
                path.unlink(missing_ok=True)
