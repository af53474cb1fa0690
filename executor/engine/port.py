"""What an engine needs to know of the rest: how to carry a run on, and which workers live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

Advance = Callable[[str, int, asyncio.Event], Awaitable[None]]
"""Execute one segment of (run, epoch, nudge): it ends or parks the run under that epoch, releasing it, before it returns.

`nudge` is set when something from outside was appended (an answer, a cancel); the segment clears it and reads on.
LostOwnership may pass through. When cancelled, it stops soon and leaves the run as it stands; the engine releases it.
"""


class Liveness(Protocol):
    """Which workers live. A worker's name is never used again once it is dead."""

    def is_alive(self, worker: str) -> bool: ...


class KnownWorkers:
    """Liveness by a list, for engines of one process over a journal in memory."""

    def __init__(self, *alive: str) -> None:
        self.alive = set(alive)

    def is_alive(self, worker: str) -> bool:
        return worker in self.alive
