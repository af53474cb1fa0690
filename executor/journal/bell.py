"""Bell: wakes those in this process who follow the journal, for changes made here or elsewhere.

A ring says which runs changed, and whether that is news for engines (see `Journal.news`). Nobody is woken by a ring that is
none of theirs: a hundred followers of a hundred runs cost what one does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_ALL = "*"  # the key of those who listen to every change
_NEWS = "!"  # of those who listen to news


class Changed(Protocol):
    """Called when runs have changed; without `runs` it may have been any. `news` is what engines want to hear of."""

    def __call__(self, runs: Collection[str] | None = None, *, news: bool = True) -> None: ...


Watch = Callable[[Changed, threading.Event], None]


class Bell:
    """`ring` may be called from any thread. While somebody listens, a thread runs `watch`, which rings for other processes."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._listeners: dict[str, dict[asyncio.Event, asyncio.AbstractEventLoop]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ring(self, runs: Collection[str] | None = None, *, news: bool = True) -> None:
        """Wake those who listen to these runs, or everybody."""
        woken: defaultdict[asyncio.AbstractEventLoop, list[asyncio.Event]] = defaultdict(list)
        with self._lock:
            keys = tuple(self._listeners) if runs is None else (_ALL, *((_NEWS,) if news else ()), *(_key(run) for run in runs))
            for key in keys:
                for rung, loop in self._listeners.get(key, {}).items():
                    woken[loop].append(rung)
        here = _running_loop()
        for loop, events in woken.items():
            if loop is here:
                _set_all(events)
                continue
            try:
                loop.call_soon_threadsafe(_set_all, events)
            except RuntimeError:
                log.debug("a listener's loop has closed")

    def listen(self, run: str | None = None) -> AsyncIterator[None]:
        """Yield once at once, then after each ring for the run, or any (several may be one); ends when the bell is closed."""
        return self._heard(_ALL if run is None else _key(run))

    def news(self) -> AsyncIterator[None]:
        """Yield once at once, then after each ring that is news; ends when the bell is closed."""
        return self._heard(_NEWS)

    async def _heard(self, key: str) -> AsyncIterator[None]:
        rung = asyncio.Event()
        self._enter(key, rung)
        try:
            yield
            while not self._closed:
                await rung.wait()
                rung.clear()
                if not self._closed:
                    yield
        finally:
            self._leave(key, rung)

    def close(self) -> None:
        """End every listener's iteration and the watch."""
        self._closed = True
        self.ring()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _enter(self, key: str, rung: asyncio.Event) -> None:
        with self._lock:
            first = not self._listeners
            self._listeners.setdefault(key, {})[rung] = asyncio.get_running_loop()
            if self._watch is None or self._closed or not first:
                return
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._keep_watch, args=(self._watch, self._stop), name="planrail-journal-watch", daemon=True
            )
            self._thread.start()

    def _leave(self, key: str, rung: asyncio.Event) -> None:
        with self._lock:
            del self._listeners[key][rung]
            if not self._listeners[key]:
                del self._listeners[key]
            if not self._listeners:
                self._stop.set()

    def _keep_watch(self, watch: Watch, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                watch(self.ring, stop)
            except SQLAlchemyError:
                log.warning("the journal cannot be watched; trying again", exc_info=True)
                stop.wait(_RETRY_SECONDS)


def _key(run: str) -> str:
    return f"run {run}"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of this thread, if it has one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _set_all(events: Collection[asyncio.Event]) -> None:
    for event in events:
        event.set()
