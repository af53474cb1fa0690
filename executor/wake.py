"""Wake: all that a segment waits for, as one event: calls that end, news from outside, the clock, and what is written behind.

What was noted is written after a moment, if nothing has taken it along before. A lost run is noticed by that too, although
nothing of its own happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from executor.perform import Sleep
from executor.recorder import Recorder

_BEHIND_S = 0.1  # what was noted is written after so long: mostly it goes along with how the call ended
_LOOK_S = 1.0  # between two looks at the clock, which somebody may set


class Wake:
    """Wakes one scheduler. Entered as a context: then it heeds the nudge, and the end of the run's time."""

    def __init__(self, recorder: Recorder, nudge: asyncio.Event, *, now: Callable[[], datetime], sleep: Sleep) -> None:
        self._recorder = recorder
        self._nudge = nudge
        self._now = now
        self._sleep = sleep
        self._rung = asyncio.Event()
        self._due = False  # somebody rang, and it was not a write behind
        self._heard = asyncio.Event()  # the last news was looked at
        self._tasks: list[asyncio.Task[None]] = []
        self._end: asyncio.TimerHandle | None = None
        self._soon: asyncio.TimerHandle | None = None  # begins the flush
        self._flush: asyncio.Task[bool] | None = None

    def begin(self, until: float) -> None:
        """Heed the nudge, and ring at that time of the loop, when the run's time is up."""
        self._end = asyncio.get_running_loop().call_at(until, self.ring)
        self._tasks.append(asyncio.create_task(self._heed(), name=f"news of {self._recorder.run.id}"))

    async def end(self) -> None:
        """Heed nothing more; a write that is on its way is given up by this segment, not by the journal."""
        for handle in (self._end, self._soon):
            if handle is not None:
                handle.cancel()
        flush, self._flush = self._flush, None
        for task in self._tasks:
            task.cancel()
        if flush is not None:
            flush.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait((flush,))
            _ = flush.cancelled() or flush.exception()  # whoever writes next meets it again

    def ring(self) -> None:
        """Wake the scheduler."""
        self._due = True
        self._rung.set()

    def listen(self) -> bool:
        """Whether there is news from outside, which is thereby looked at."""
        if not self._nudge.is_set():
            return False
        self._nudge.clear()
        self._heard.set()
        return True

    async def wait(self, wake_at: datetime | None) -> None:
        """Wait until somebody rings, or that time has come; raises what became of a write behind."""
        if self._recorder.behind and self._flush is None and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_BEHIND_S, self._write_behind)
        alarm = None if wake_at is None else asyncio.create_task(self._until(wake_at))
        try:
            while not self._due:
                await self._rung.wait()
                self._rung.clear()
                self._look_behind()
            self._due = False
        finally:
            if alarm is not None:
                alarm.cancel()
        self._look_behind()

    def _look_behind(self) -> None:
        """Raise what became of a write behind."""
        if self._flush is not None and self._flush.done():
            flush, self._flush = self._flush, None
            flush.result()

    async def _heed(self) -> None:
        while True:
            await self._nudge.wait()
            self.ring()
            await self._heard.wait()
            self._heard.clear()

    def _write_behind(self) -> None:
        """Begin to write what was noted, unless something has taken it along."""
        self._soon = None
        if self._recorder.behind:
            self._flush = asyncio.create_task(self._recorder.commit(), name=f"{self._recorder.run.id} journal")
            self._flush.add_done_callback(lambda _: self._rung.set())

    async def _until(self, wake_at: datetime) -> None:
        """Ring at that time, also where somebody sets the clock."""
        while (left_s := (wake_at - self._now()).total_seconds()) > 0:
            await self._sleep(min(left_s, _LOOK_S))
        self.ring()
