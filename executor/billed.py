"""Billed: what the events of a run say was paid: for each answer of a model, also one that failed, and for tools. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from executor.call_state import Address
from executor.events import CallFailed, CallFinished, CallRetried, CallStarted, PlannerCalled, Recorded
from planner.usage import Usage


class Bill(NamedTuple):
    """What was billed when; `model` is None for a tool's declared cost, "" for a model whose name nobody knows."""

    at: datetime
    model: str | None
    usage: Usage


def billed(recorded: Iterable[Recorded]) -> Iterator[Bill]:
    """All of it, in order. `recorded` are a run's events from the first one on: a call's end does not name its model."""
    models: dict[Address, str] = {}
    for record in recorded:
        match record.event:
            case CallStarted(step=step, item=item, model=model):
                models[step, item] = model
            case PlannerCalled(model=model, usage=usage) if usage.model_calls:
                yield Bill(record.at, model, usage)
            case CallRetried() | CallFinished() | CallFailed() as event if event.usage.model_calls:
                yield Bill(record.at, models.get((event.step, event.item), ""), event.usage)
            case event:
                declared = getattr(event, "usage", None)
                if isinstance(declared, Usage) and declared.usd and not declared.model_calls:
                    yield Bill(record.at, None, declared)


def model_calls(recorded: Iterable[Recorded]) -> Iterator[tuple[str, Usage]]:
    """Each answer of a model: the model, and what was billed."""
    for _, model, usage in billed(recorded):
        if model is not None:
            yield model, usage
