"""Pulse: a worker's heartbeat in the journal's database, and what it hears of the others'.

The beat comes from the event loop, so a process that lives but whose loop hangs is dead. No clocks are compared: a worker is
dead when its counter has stood still for some seconds of the listener's own steady clock. After a gap in what the listener
heard (the database was away, or the listener itself was stopped) everybody gets the benefit of the doubt once more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from executor.journal.tables import run_table as run
from executor.journal.tables import worker_table as worker_row

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
DEAD_SECONDS = 3.0  # without a beat
_GAP_SECONDS = 2.0  # between two hearings: what stood still meanwhile proves nothing
_FORGET_SECONDS = 60.0  # after which the row of a dead worker goes


class Hearing:
    """Who lives, judged by counters and the time of the listener: pure, so that it can be tested without waiting."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, float]] = {}  # worker -> its counter, and since when it has stood there
        self._last: float | None = None
        self.dead: frozenset[str] = frozenset()
        self.living: frozenset[str] = frozenset()

    def listen(self, owners: Iterable[str], beats: Mapping[str, int], now: float) -> None:
        """Take in one look at the database: who owned runs, and, read after that, every worker's counter."""
        gap = self._last is None or now - self._last > _GAP_SECONDS
        self._last = now
        before, self._heard = self._heard, {}
        for name, count in beats.items():
            known, since = before.get(name, (None, now))
            self._heard[name] = (count, now if gap or count != known else since)
        still = {name for name, (_, since) in self._heard.items() if now - since >= DEAD_SECONDS}
        self.living = frozenset(self._heard) - still
        gone = {name for name in owners if name not in beats}
        self.dead = frozenset(still | gone)

    def forgotten(self, now: float) -> list[str]:
        """Workers that have been dead for so long that nobody asks for them."""
        return [name for name, (_, since) in self._heard.items() if now - since >= _FORGET_SECONDS]


class Pulse:
    """Beats for `worker` within an `async with` block, and knows which others live. `ticked` is set after each look."""

    def __init__(self, engine: Engine, worker: str) -> None:
        self._engine = engine
        self._worker = worker
        self._hearing = Hearing()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="planrail-pulse")
        self._task: asyncio.Task[None] | None = None
        self.ticked = asyncio.Event()

    @property
    def dead(self) -> frozenset[str]:
        """Workers that are known and do not live, and owners of runs that nobody knows."""
        return self._hearing.dead

    @property
    def living(self) -> frozenset[str]:
        """Workers whose counter moves."""
        return self._hearing.living

    def is_alive(self, worker: str) -> bool:
        """Whether the worker lives, as far as the last look tells."""
        return worker not in self._hearing.dead

    async def __aenter__(self) -> Self:
        """Beat once, so that nobody takes this worker for dead, then go on."""
        await self._beat()
        self._task = asyncio.create_task(self._run(), name=f"planrail-pulse-{self._worker}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._forget, [self._worker])
        except SQLAlchemyError:
            log.debug("the heartbeat of %s could not be ended; others see it stop", self._worker)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._beat()
            except SQLAlchemyError as error:
                log.warning("no heartbeat: the database does not answer (%s)", type(error).__name__)

    async def _beat(self) -> None:
        owners, beats = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        now = time.monotonic()
        self._hearing.listen(owners, beats, now)
        forgotten = self._hearing.forgotten(now)
        if forgotten:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._forget, forgotten)
        self.ticked.set()

    def _look(self) -> tuple[list[str], dict[str, int]]:
        """Beat; owners first, counters second: an owner that is seen has had a counter by then."""
        beat = insert(worker_row).values(name=self._worker, beats=1)
        beat = beat.on_conflict_do_update(index_elements=["name"], set_={"beats": worker_row.c.beats + 1})
        with self._engine.begin() as connection:
            connection.execute(text("set local synchronous_commit = off"))
            connection.execute(beat)
        with self._engine.connect() as connection:
            owners = connection.execute(select(run.c.owner).where(run.c.status == "running").distinct()).scalars()
            found = [owner for owner in owners if owner is not None]
            rows = connection.execute(select(worker_row.c.name, worker_row.c.beats))
            return found, {row.name: row.beats for row in rows}

    def _forget(self, names: list[str]) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(worker_row).where(worker_row.c.name.in_(names)))
