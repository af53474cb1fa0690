"""Arrival: the trace that a request came with, for the run that it may begin. Only valid ids are taken, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from executor.submission import Submission
from planner.traceparent import HEADER, Traceparent, traceparent_of

_came: ContextVar[Traceparent | None] = ContextVar("planrail_came", default=None)


def header_of(headers: Iterable[tuple[str | bytes, str | bytes]]) -> Traceparent | None:
    """What the headers say; nothing where two of them do."""
    found = [_text(value) for name, value in headers if _text(name).lower() == HEADER]
    return traceparent_of(found[0]) if len(found) == 1 else None


def arrived(found: Traceparent | None) -> None:
    """From here on this task answers a request that came with that."""
    _came.set(found)


@contextmanager
def arriving(found: Traceparent | None) -> Iterator[None]:
    """Within, a request is answered that came with that."""
    token = _came.set(found)
    try:
        yield
    finally:
        _came.reset(token)


def as_it_came(submission: Submission) -> Submission:
    """The submission with the trace of the request that it was read from."""
    found = _came.get()
    return submission if found is None or submission.traceparent else submission.model_copy(update={"traceparent": str(found)})


def _text(part: str | bytes) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else part
