"""Held: how a call that has to wait for its turn tells the run it belongs to, without whatever lies between knowing of runs.

The wait may happen deep inside a model's port, which knows no run. Whoever makes a call says where its waits are told; the
context of its task carries that down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Tell = Callable[[str], None]

SOON_S = 1.0  # a shorter wait is not worth telling


def _nobody(reason: str) -> None:
    """Nobody listens."""


_tell: ContextVar[Tell] = ContextVar("planrail_held", default=_nobody)


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Within, waits of this task are told to `tell`."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


@contextmanager
def held(reason: str, *, after_s: float = SOON_S) -> Iterator[None]:
    """Within, a wait goes on; it is told once it has lasted."""
    timer = asyncio.get_running_loop().call_later(after_s, _tell.get(), reason)
    try:
        yield
    finally:
        timer.cancel()
