"""Firing: what a process that carries runs on does for the schedules, as a chore: it makes the runs that are due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from executor.errors import JournalUnreachable
from planrail.house import House
from planrail.schedules import Schedules

log = logging.getLogger(__name__)

_LOOK_S = 10.0  # a schedule that another process has added is seen after so long at the latest


@asynccontextmanager
async def firing(house: House) -> AsyncIterator[None]:
    """Fire what is due, while it is entered."""
    task = asyncio.create_task(_fire(house.schedules), name="planrail-schedules")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _fire(schedules: Schedules) -> None:
    while True:
        try:
            for record in await schedules.fire():
                log.info("a schedule has begun the run %s", record.id)
            next_at = await schedules.next_at()
        except JournalUnreachable as error:  # what is due is due later too
            log.warning("schedules wait for the database: %s", error.message)
            next_at = None
        left = _LOOK_S if next_at is None else (next_at - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(min(max(left, 0.05), _LOOK_S))
