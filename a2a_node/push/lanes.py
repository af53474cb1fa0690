"""Lanes: how many notifications are under way at once, in all and to one place, so that a slow place holds up itself alone.

A place's lane begins narrow, widens with each notification that arrives, and is as narrow as can be after one that does not.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PER_PLACE = 16  # notifications at once to one place, at most
_FIRST = 4
_TAKEN_PER_WIDTH = 4  # subscribers in hand with something to be told, for each notification at once
_TAKEN = 4  # times as many in all as may be notified at once
_REMEMBERED = 1_000  # places that nobody has to be told anything at


@dataclass
class _Lane:
    """One place's."""

    width: int = _FIRST
    busy: int = 0  # subscribers in hand
    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def enter(self) -> None:
        if self.under_way < self.width and not self.waiting:
            self.under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self.under_way -= 1
        while self.waiting and self.under_way < self.width:
            turn = self.waiting.popleft()
            if not turn.done():
                self.under_way += 1
                turn.set_result(None)


class Lanes:
    """The notifications under way in a process."""

    def __init__(self, parallel: int) -> None:
        self._most = parallel * _TAKEN
        self._all = asyncio.Semaphore(parallel)
        self._places: OrderedDict[str, _Lane] = OrderedDict()  # the last one that was begun at last
        self.freed = asyncio.Event()  # set when there is room again

    @property
    def room(self) -> int:
        """How many more subscribers may be taken in hand."""
        return max(self._most - sum(lane.busy for lane in self._places.values()), 0)

    @property
    def full(self) -> set[str]:
        """The places of which none may be."""
        return {place for place, lane in self._places.items() if lane.busy >= lane.width * _TAKEN_PER_WIDTH}

    def begin(self, place: str) -> None:
        """A subscriber there is in hand, with something to be told."""
        self._places.setdefault(place, _Lane()).busy += 1
        self._places.move_to_end(place)
        if len(self._places) > _REMEMBERED:
            self._forget()

    def end(self, place: str) -> None:
        """It was told everything, or is left alone."""
        self._places[place].busy -= 1
        self.freed.set()

    @asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """One notification's turn."""
        lane = self._places[place]
        await lane.enter()
        try:
            async with self._all:
                yield
        finally:
            lane.leave()

    def arrived(self, place: str) -> None:
        """A notification has: the place takes more of them."""
        lane = self._places[place]
        lane.width = min(lane.width + 1, PER_PLACE)

    def refused(self, place: str) -> None:
        """One has not: the place is asked for one at a time until one arrives."""
        self._places[place].width = 1

    def _forget(self) -> None:
        idle = [place for place, lane in self._places.items() if not lane.busy]
        for place in idle[: len(self._places) - _REMEMBERED]:
            del self._places[place]
