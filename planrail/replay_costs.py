"""Replay costs: the tokens that a run has taken, at today's prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from executor.call_state import Address
from executor.events import CallFailed, CallFinished, CallRetried, CallStarted, PlannerCalled, Recorded
from planner.prices import Prices
from planner.usage import Usage
from planrail.replay_report import PriceChange


def price_changes(recorded: Iterable[Recorded], prices: Prices | None) -> list[PriceChange]:
    """The models whose calls would cost something else today; none where there is no price list."""
    if prices is None:
        return []
    then: dict[str, float] = {}
    today: dict[str, float | None] = {}
    for model, usage in model_calls(recorded):
        usd, sum_so_far = prices.usd(model, usage), today.get(model, 0.0)
        then[model] = then.get(model, 0.0) + usage.usd
        today[model] = None if usd is None or sum_so_far is None else sum_so_far + usd
    return [PriceChange(of=m, recorded=then[m], today=today[m]) for m in then if _differ(then[m], today[m])]


def _differ(then: float, today: float | None) -> bool:
    """Whether the price is another one; what nobody could price then and nobody can today is no change."""
    return then != 0.0 if today is None else not math.isclose(then, today, rel_tol=1e-6, abs_tol=1e-9)


def model_calls(recorded: Iterable[Recorded]) -> Iterator[tuple[str, Usage]]:
    """Each answer of a model, also those that failed: the model, and what was billed."""
    models: dict[Address, str] = {}
    for record in recorded:
        match record.event:
            case CallStarted(step=step, item=item, model=model):
                models[step, item] = model
            case PlannerCalled(model=model, usage=usage) if usage.model_calls:
                yield model, usage
            case CallRetried() | CallFinished() | CallFailed() as event if event.usage.model_calls:
                yield models.get((event.step, event.item), ""), event.usage
