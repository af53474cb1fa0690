"""Timeline: when a run's calls were in flight, on one clock without the time in which none was. Pure.

A run that waits for a person for days has a timeline of the seconds in which it worked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

Span = tuple[float, float]  # seconds on the timeline


def timeline(calls: Iterable[tuple[str, datetime, datetime]]) -> tuple[Mapping[str, Sequence[Span]], float]:
    """Of calls (step, start, end): the spans of each step in order, and the whole length."""
    found = sorted(calls, key=lambda call: call[1])
    spans: dict[str, list[Span]] = {}
    length, last = 0.0, None  # `last` is the latest end so far, at `length` on the timeline
    for step, start, end in found:
        end = max(start, end)
        if last is None or start > last:
            begin = length
            last, length = end, length + (end - start).total_seconds()
        else:
            begin = length - (last - start).total_seconds()
            if end > last:
                length += (end - last).total_seconds()
                last = end
        spans.setdefault(step, []).append((begin, begin + (end - start).total_seconds()))
    return {step: _joined(of) for step, of in spans.items()}, length


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The same spans, those that touch one another as one; they are in the order of their beginnings."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple((round(a, 6), round(b, 6)) for a, b in joined)


def bar(spans: Sequence[Span], length: float, width: int) -> str:
    """The spans as so many cells: `━` where the step was busy, `╸` where only for a part of a cell."""
    if not length or not spans:
        return " " * width
    cell = length / width
    drawn = "".join(_cell(_busy(spans, number * cell, (number + 1) * cell) / cell) for number in range(width))
    if drawn.strip():
        return drawn
    at = min(int(spans[0][0] / cell), width - 1)  # it took no time at all
    return " " * at + "╸" + " " * (width - at - 1)


def _busy(spans: Sequence[Span], begin: float, end: float) -> float:
    return sum(max(min(b, end) - max(a, begin), 0.0) for a, b in spans)


def _cell(part: float) -> str:
    return "━" if part >= 0.5 else "╸" if part > 0 else " "
