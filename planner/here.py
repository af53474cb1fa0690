"""Here: for which run, and which of its steps, the code works that runs now. Logs tell it.

Whoever carries a run on says so; the context of its tasks and threads carries it down to where nobody knows of runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Here:
    """What is worked for: one owner's stretch of a run, and the call that is being made."""

    run: str
    epoch: int
    worker: str = ""
    step: str = ""
    item: str = ""


_here: ContextVar[Here | None] = ContextVar("planrail_here", default=None)


def here() -> Here | None:
    """What the code works for that runs now; None where it is no run."""
    return _here.get()


@contextmanager
def working_for(found: Here) -> Iterator[None]:
    """Within, this task and those that it begins work for that."""
    token = _here.set(found)
    try:
        yield
    finally:
        _here.reset(token)


@contextmanager
def calling(step: str, item: str) -> Iterator[None]:
    """Within, tasks that are begun make that call of the run."""
    found = _here.get()
    with working_for(Here("", 0, step=step, item=item) if found is None else replace(found, step=step, item=item)):
        yield
