"""Terms: what the configured models may take, known without loading a model's client."""

from __future__ import annotations

from planner.prices import Prices
from planner.worst import ModelTerms, Terms
from planrail.prices import GenaiPrices
from planrail.settings import ModelSettings, Settings

_PLANNER_OUTPUT = 4  # times as many output tokens as a step's answer may have
_PLANNER_INPUT = 8


def planner_terms(settings: Settings, prices: Prices) -> ModelTerms | None:
    """The planner's terms; None where it is not configured."""
    return _terms(settings.planner, prices, _PLANNER_INPUT, _PLANNER_OUTPUT)


def executor_terms(settings: Settings, prices: Prices) -> ModelTerms | None:
    """The executor's terms; None where it is not configured."""
    return _terms(settings.executor, prices, 1, 1)


def terms_of(settings: Settings) -> Terms:
    """What the checker may count on: the other role's model where only one is configured."""
    prices = GenaiPrices(settings.prices)
    planner, executor = planner_terms(settings, prices), executor_terms(settings, prices)
    none = ModelTerms()
    return Terms(planner or executor or none, executor or planner or none, settings.budget.parallel)


def _terms(settings: ModelSettings, prices: Prices, more_input: int, more_output: int) -> ModelTerms | None:
    if not settings.configured:
        return None
    return ModelTerms(
        model=settings.model,
        rates=prices.rates(settings.model),
        max_input_tokens=settings.max_input_tokens * more_input,
        max_output_tokens=settings.max_output_tokens * more_output,
    )
