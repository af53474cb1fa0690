"""Patience: how long a thread of the journal tries again while the database is locked, or away."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from executor.journal.dialect import Dialect

_LOCKED_PAUSE_S = 0.01
_AWAY_PAUSE_S = 0.25
_HURRY_S = 5.0  # once the journal is being closed


class Patience:
    """`locked_s` is how long somebody else's lock is waited for, `away_s` how long a server that does not answer."""

    def __init__(self, dialect: Dialect, *, locked_s: float, away_s: float) -> None:
        self._dialect = dialect
        self._locked_s = locked_s
        self._away_s = away_s
        self._hurry = threading.Event()

    def begin(self) -> Waiting:
        """The waiting of one act."""
        return Waiting(self)

    def hurry(self) -> None:
        """Wait no more than some seconds from now on."""
        self._hurry.set()

    def limit_s(self, error: DBAPIError) -> float:
        """How long an error is worth waiting in all; 0 for one that waiting does not mend."""
        if self._dialect.is_away(error):
            return min(self._away_s, _HURRY_S) if self._hurry.is_set() else self._away_s
        return self._locked_s if self._dialect.is_transient(error) else 0.0

    def pause(self, error: DBAPIError) -> None:
        """Let a moment pass, of random length: whoever collided does not collide again."""
        most = _AWAY_PAUSE_S if self._dialect.is_away(error) else _LOCKED_PAUSE_S
        time.sleep(most * (0.5 + random.random() / 2))


@dataclass
class Waiting:
    """One act's tries."""

    patience: Patience
    begun: float = field(default_factory=time.monotonic)

    def again(self, error: DBAPIError) -> bool:
        """Whether to try once more after that error; pauses before it says yes."""
        if time.monotonic() - self.begun >= self.patience.limit_s(error):
            return False
        self.patience.pause(error)
        return True
