"""Here: for which run, and which of its steps, the code works that runs now. Logs tell it,
and requests to others where the run is traced.

Whoever carries a run on says so; the context of its tasks and threads carries it down to where nobody knows of runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from planner.traceparent import HEADER, Traceparent, span_of


@dataclass(frozen=True, slots=True)
class Here:
    """What is worked for: one owner's stretch of a run, and the call that is being made."""

    run: str
    epoch: int
    worker: str = ""
    step: str = ""
    item: str = ""
    trace: Traceparent | None = None  # the stretch's span, where the run is traced
    sends: bool = True  # whether requests say for which span they are made


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


def traced() -> Traceparent | None:
    """The span that the code works in: of the call that it makes, else of the run's stretch; None where nothing is traced."""
    found = _here.get()
    if found is None or found.trace is None or not found.step:
        return None if found is None else found.trace
    return replace(found.trace, span=span_of(found.run, found.epoch, found.step, found.item))


def outgoing() -> dict[str, str]:
    """The header, or the entry of MCP's `_meta`, by which whoever is asked goes on with the trace; none where there is none."""
    found, at = traced(), _here.get()
    return {} if found is None or at is None or not at.sends else {HEADER: str(found)}
