"""Threads: sync functions off the event loop, in daemon threads that are used again while they are idle.

A pool of the standard library would hold up the process's exit when a function hangs; these threads do not. A call that is
given up goes on in its thread, which counts as hung until the function ends; what it returns then is handed to `late`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

_IDLE_S = 10.0  # an idle thread ends after this time
_idle: list[_Worker] = []
_hung: set[_Worker] = set()


async def in_thread(call: Callable[[], T], *, late: Callable[[T], None] | None = None) -> T:
    """What `call` returns or raises, run in a thread; what no future can carry is raised as a RuntimeError.

    `late` is called, in the loop, with what it returns after the waiting for it was cancelled.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    state = contextvars.copy_context()

    def settle(outcome: T | None, error: Exception | None) -> None:
        if done.done():
            if late is not None and error is None:
                late(outcome)  # type: ignore[arg-type]  # without an error there is an outcome
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(outcome)  # type: ignore[arg-type]  # without an error there is an outcome

    over = threading.Event()

    def work() -> None:
        outcome: T | None = None
        failure: Exception | None = None
        try:
            outcome = state.run(call)
        except BaseException as error:  # noqa: BLE001  # carried over to the loop, where the boundary is
            failure = _carriable(error)
        over.set()
        try:
            loop.call_soon_threadsafe(settle, outcome, failure)
        except RuntimeError:
            log.debug("a tool ended after its loop had closed")

    worker = _worker()
    worker.jobs.put(work)
    try:
        return await done
    except asyncio.CancelledError:
        _hung.add(worker)
        if over.is_set():  # it ended at this very moment
            _hung.discard(worker)
        if late is not None and done.done() and not done.cancelled() and done.exception() is None:
            late(done.result())
        raise


def hung_threads() -> int:
    """How many threads still run a call that was given up."""
    return len(_hung)


class _Worker(threading.Thread):
    """A daemon thread that does one job after the other, and ends when none comes for a while."""

    def __init__(self) -> None:
        super().__init__(name="planrail-tool", daemon=True)
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                try:
                    _idle.remove(self)
                except ValueError:  # somebody has just taken it for a job
                    continue
                return
            job()
            del job  # what it held may be large
            _hung.discard(self)
            _idle.append(self)


def _worker() -> _Worker:
    """An idle thread, the last one that became idle first; a new one where there is none."""
    try:
        return _idle.pop()
    except IndexError:
        worker = _Worker()
        worker.start()
        return worker


def _carriable(error: BaseException) -> Exception:
    """The error, or one that says its name where a future would not take it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"the tool raised {type(error).__name__}")
