"""Replay costs: the tokens that a run has taken, at today's prices."""

from __future__ import annotations

import math
from collections.abc import Iterable

from executor.billed import model_calls
from executor.events import Recorded
from planner.prices import Prices
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
