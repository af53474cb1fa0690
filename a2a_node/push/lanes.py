"""Lanes: how many notifications are under way at once, in all and to one place, so that a slow place holds up itself alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PER_PLACE = 4  # notifications at once to one place
_TAKEN_PER_PLACE = 16  # subscribers with something to be told that are in hand
_TAKEN = 4  # times as many in all as may be notified at once


class Lanes:
    """The notifications under way in a process."""

    def __init__(self, parallel: int) -> None:
        self._most = parallel * _TAKEN
        self._all = asyncio.Semaphore(parallel)
        self._places: dict[str, asyncio.Semaphore] = {}
        self._busy: Counter[str] = Counter()
        self.freed = asyncio.Event()  # set when there is room again

    @property
    def room(self) -> int:
        """How many more subscribers may be taken in hand."""
        return max(self._most - self._busy.total(), 0)

    @property
    def full(self) -> set[str]:
        """The places of which none may be."""
        return {place for place, count in self._busy.items() if count >= _TAKEN_PER_PLACE}

    def begin(self, place: str) -> None:
        """A subscriber there is in hand, with something to be told."""
        self._busy[place] += 1
        self._places.setdefault(place, asyncio.Semaphore(PER_PLACE))

    def end(self, place: str) -> None:
        """It was told everything, or is left alone."""
        self._busy[place] -= 1
        if not self._busy[place]:
            del self._busy[place], self._places[place]
        self.freed.set()

    @asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """One notification's turn."""
        async with self._places[place], self._all:
            yield
