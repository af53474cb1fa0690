"""Ends: the events by which calls end."""

from __future__ import annotations

from executor.events import CallFailed, CallFinished
from executor.frame import Start
from planner.labels import Labels
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage


def finished(start: Start, value: Json, labels: Labels, *, usage: Usage = NO_USAGE) -> CallFinished:
    """The call gave a value."""
    return CallFinished(step=start.step.id, item=start.item, value=value, labels=labels.to_json(), usage=usage)


def failed(start: Start, kind: str, message: str, *, usage: Usage = NO_USAGE) -> CallFailed:
    """The call gave none."""
    return CallFailed(step=start.step.id, item=start.item, kind=kind, message=message, usage=usage)
