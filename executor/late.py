"""Late: what a call gave after it had been given up (its run was cancelled, its time was up): a receipt, and never an event.

A thread cannot be stopped, and an async function may refuse to be: such a call goes on by itself, and may be paid for and have
its effect. The next segment of its run adopts the receipt instead of calling again, or counts what it cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class LateResults:
    """The receipts of a process that are being written, each by a task of its own: nobody waits for them."""

    def __init__(self) -> None:
        self._writes: set[asyncio.Task[None]] = set()

    def keep(self, write: Coroutine[Any, Any, None]) -> None:
        """Write a receipt."""
        task = asyncio.get_running_loop().create_task(write, name="planrail-late-result")
        self._writes.add(task)
        task.add_done_callback(self._written)

    async def settled(self) -> None:
        """Return when all that have come so far are written."""
        while self._writes:
            await asyncio.wait(self._writes)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a late result could not be kept", exc_info=error)
