"""Line: calls stand in line for their turn: so many at once, so many a minute; first come, first served.

A call that is given up while it stands in line leaves no hole: it has taken nothing, and the next one moves up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from executor.held import held

MINUTE_S = 60.0


class Window:
    """No more than `most` starts in any stretch of `seconds`. Pure: time arrives as an argument."""

    def __init__(self, most: int, seconds: float = MINUTE_S) -> None:
        self._starts: deque[float] = deque(maxlen=most)
        self._seconds = seconds

    def wait_s(self, now: float) -> float:
        """How long until one more may start; 0 if it may now."""
        if len(self._starts) < (self._starts.maxlen or 0):
            return 0.0
        return max(self._starts[0] + self._seconds - now, 0.0)

    def count(self, now: float) -> None:
        """One has started."""
        self._starts.append(now)


class Line:
    """The line in front of one server or one model of this process; without a limit nobody waits."""

    def __init__(
        self,
        name: str,
        *,
        at_once: int | None = None,
        a_minute: int | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._at_once, self._a_minute = at_once, a_minute
        self._slots = None if at_once is None else asyncio.Semaphore(at_once)
        self._window = None if a_minute is None else Window(a_minute)
        self._head = asyncio.Lock()  # one waits for the window, the others stand behind it
        self._now = now
        self._sleep = sleep

    @property
    def limited(self) -> bool:
        """Whether anybody ever waits here."""
        return self._slots is not None or self._window is not None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; it is over when the context is left."""
        async with AsyncExitStack() as stack:
            if self._slots is not None:
                with held(f"waits for its turn at {self._name} (at once: {self._at_once})"):
                    await stack.enter_async_context(self._slots)
            if self._window is not None:
                with held(f"waits for its turn at {self._name} (a minute: {self._a_minute})"):
                    await self._started(self._window)
            yield

    async def _started(self, window: Window) -> None:
        async with self._head:
            while (left := window.wait_s(self._now())) > 0:
                await self._sleep(left)
            window.count(self._now())
