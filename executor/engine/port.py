"""What an engine needs to know of the rest: how to carry a run on, which runs are for it, and which workers live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from executor.journal.port import RunRecord

DRAIN_SECONDS = 5.0  # for calls in flight to settle when a worker is stopped; what takes longer is cut off

Advance = Callable[[str, int, asyncio.Event], Awaitable[bool | None]]
"""Execute one segment of (run, epoch, nudge): it ends or parks the run under that epoch, releasing it, before it returns.

True says that it has done so; after anything else the engine looks.

`nudge` is set when something from outside was appended (an answer, a cancel); the segment clears it and reads on. It is a
`Nudge`: when it says that the worker drains, the segment starts nothing new and gives the run back to the queue.
LostOwnership may pass through. When cancelled, it stops soon and leaves the run as it stands; the engine releases it.
"""


@dataclass(frozen=True)
class Limits:
    """What an engine takes. At each limit runs stay queued until one ends or parks."""

    runs: int = 64  # of this worker at once
    principal_runs: int | None = None  # of one principal at once, over all workers; None: as many as there are slots
    own: Callable[[str], int | None] = lambda principal: None  # runs at once of that principal, where it has a limit of its own
    covers: Callable[[RunRecord], bool] = lambda record: True  # whether the worker has the tools that the run needs

    def most(self, principal: str) -> int | None:
        """How many runs of that principal run at once."""
        return min((n for n in (self.principal_runs, self.own(principal)) if n is not None), default=None)


@runtime_checkable
class Carries(Protocol):
    """An engine that says whether it still carries runs on: from its start to its end, unless something broke it."""

    @property
    def carries(self) -> bool: ...


class Liveness(Protocol):
    """Which workers live. A worker's name is never used again once it is dead."""

    def is_alive(self, worker: str) -> bool: ...


class KnownWorkers:
    """Liveness by a list, for engines of one process over a journal in memory."""

    def __init__(self, *alive: str) -> None:
        self.alive = set(alive)

    def is_alive(self, worker: str) -> bool:
        return worker in self.alive
