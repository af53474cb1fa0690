"""Room: how many more runs a principal may start."""

from __future__ import annotations

from executor.engine.port import Limits
from executor.journal.port import Journal


class Room:
    """How many more runs each principal may start, as one round of an engine counts it."""

    def __init__(self, journal: Journal, limits: Limits) -> None:
        self._journal = journal
        self._limits = limits
        self._left: dict[str, int] = {}

    async def take(self, principal: str) -> bool:
        """Whether one more may start; it is counted. Others may start runs meanwhile, so the journal has the last word."""
        most = self._limits.most(principal)
        if most is None:
            return True
        if principal not in self._left:
            running = await self._journal.find(principal=principal, statuses=("running",), limit=most)
            self._left[principal] = most - len(running)
        self._left[principal] -= 1
        return self._left[principal] >= 0
