"""Bell: wakes everybody in this process who follows the journal, for changes made here or elsewhere."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

Watch = Callable[[Callable[[], None], threading.Event], None]

_RETRY_SECONDS = 1.0


class Bell:
    """`ring` may be called from any thread. While somebody listens, a thread runs `watch`, which rings for other processes."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ring(self) -> None:
        """Wake every listener."""
        with self._lock:
            listeners = list(self._listeners.items())
        for rung, loop in listeners:
            try:
                loop.call_soon_threadsafe(rung.set)
            except RuntimeError:
                log.debug("a listener's loop has closed")

    async def listen(self) -> AsyncIterator[None]:
        """Yield once at once, then after each ring (several rings may be one); ends when the bell is closed."""
        rung = asyncio.Event()
        self._enter(rung)
        try:
            yield
            while not self._closed:
                await rung.wait()
                rung.clear()
                if not self._closed:
                    yield
        finally:
            self._leave(rung)

    def close(self) -> None:
        """End every listener's iteration and the watch."""
        self._closed = True
        self.ring()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _enter(self, rung: asyncio.Event) -> None:
        with self._lock:
            self._listeners[rung] = asyncio.get_running_loop()
            if self._watch is None or self._closed or len(self._listeners) > 1:
                return
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._keep_watch, args=(self._watch, self._stop), name="planrail-journal-watch", daemon=True
            )
            self._thread.start()

    def _leave(self, rung: asyncio.Event) -> None:
        with self._lock:
            del self._listeners[rung]
            if not self._listeners:
                self._stop.set()

    def _keep_watch(self, watch: Watch, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                watch(self.ring, stop)
            except SQLAlchemyError:
                log.warning("the journal cannot be watched; trying again", exc_info=True)
                stop.wait(_RETRY_SECONDS)
