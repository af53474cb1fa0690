"""Tails: the latest events of runs that are followed in this process; what was written here need not be read back.

A tail says nothing of what other processes append: as soon as they may have, a follower reads the database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from executor.events import Recorded

_KEPT = 256  # events of a run; a follower that is further behind reads the database


class Tail:
    """The latest events of one run."""

    def __init__(self) -> None:
        self.followers = 0
        self.spoiled = 0  # how often others may have appended
        self._events: deque[Recorded] = deque(maxlen=_KEPT)

    def add(self, recorded: Sequence[Recorded]) -> None:
        """Keep what was appended; after a gap only that."""
        if recorded and self._events and recorded[0].seq != self._events[-1].seq + 1:
            self._events.clear()
        self._events.extend(recorded)

    def after(self, seq: int) -> list[Recorded] | None:
        """The events with a higher number; None where the tail cannot tell."""
        if not self._events or self._events[0].seq > seq + 1:
            return None
        return [recorded for recorded in self._events if recorded.seq > seq]


class Tails:
    """The tails of all runs that are followed."""

    def __init__(self) -> None:
        self._tails: dict[str, Tail] = {}

    @contextmanager
    def of(self, run: str) -> Iterator[Tail]:
        """The run's tail, which is kept up while somebody holds it."""
        tail = self._tails.setdefault(run, Tail())
        tail.followers += 1
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers:
                del self._tails[run]

    def add(self, run: str, recorded: Sequence[Recorded]) -> None:
        """Keep what was appended to a run, if it is followed."""
        tail = self._tails.get(run)
        if tail is not None:
            tail.add(recorded)

    def __contains__(self, run: str) -> bool:
        return run in self._tails

    def spoil(self, runs: Collection[str] | None) -> None:
        """Others may have appended to these runs, or to any."""
        found = list(self._tails.values()) if runs is None else [t for t in map(self._tails.get, runs) if t is not None]
        for tail in found:
            tail.spoiled += 1
