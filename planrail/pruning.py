"""Pruning: what processes that carry runs on do about old ones, as a chore: once a day one of them removes what is to go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from executor.errors import ArtifactsUnreachable, JournalUnreachable
from planner.duration import seconds_of
from planrail.house import House
from planrail.retention import Pruned, Retention, old_of
from planrail.retention_settings import RetentionSettings

log = logging.getLogger(__name__)

_LOOK_S = 600.0  # between two looks whether a new day has begun


@asynccontextmanager
async def pruning(house: House) -> AsyncIterator[None]:
    """Remove old runs once a day (of UTC), while it is entered, where `[retention]` names an age."""
    settings = house.settings.retention
    if not settings.older_than:
        yield
        return
    task = asyncio.create_task(_prune(house.retention, settings, house.worker), name="planrail-pruning")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _prune(retention: Retention, settings: RetentionSettings, worker: str) -> None:
    while True:
        try:
            pruned = await pruned_today(retention, settings, worker, datetime.now(UTC))
            if pruned is not None:
                log.info("%s old runs were removed", pruned.removed.get("runs", 0))
        except (JournalUnreachable, ArtifactsUnreachable) as error:  # what is not removed today is old enough tomorrow, too
            log.warning("old runs are not removed: %s", error.message)
        await asyncio.sleep(_LOOK_S)


async def pruned_today(retention: Retention, settings: RetentionSettings, worker: str, now: datetime) -> Pruned | None:
    """Remove what is to go, unless that was begun today, by whatever process."""
    age, remember = (timedelta(seconds=seconds_of(text) or 0.0) for text in (settings.older_than, settings.remember))
    old = old_of(now - age, keep_failed=settings.keep_failed)
    return await retention.prune(old, by=worker, forget=now - remember, name=f"daily-{now:%Y-%m-%d}")
