"""Prices from the package `genai-prices`: the list it shipped with, never its updates from the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.prices import Rates
from planner.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

_RATES = {"input": "input_mtok", "cached_input": "cache_read_mtok", "output": "output_mtok"}


class GenaiPrices:
    """The list prices of known models; `overrides` come first (a contract, a model of one's own, a free local one).

    A name with a slash that no vendor knows is looked up as OpenRouter writes names: `vendor/model`.
    """

    def __init__(self, overrides: Mapping[str, Rates] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def usd(self, model: str, usage: Usage) -> float | None:
        """What the usage costs, in the tier it falls into; None for an unknown model."""
        if model in self._overrides:
            return self._overrides[model].usd(usage)
        found = _calculate(model, usage)
        return None if found is None else float(found.total_price)

    def rates(self, model: str) -> Rates | None:
        """The rates of the dearest tier; None for an unknown model."""
        if model in self._overrides:
            return self._overrides[model]
        found = _calculate(model, Usage(input_tokens=1, output_tokens=1))
        if found is None:
            return None
        rate = {ours: _dearest(getattr(found.model_price, theirs, None)) for ours, theirs in _RATES.items()}
        if rate["cached_input"] is None:  # no discount
            rate["cached_input"] = rate["input"]
        return Rates.model_validate({ours: value or 0.0 for ours, value in rate.items()})


def _calculate(model: str, usage: Usage) -> PriceCalculation | None:
    import genai_prices  # noqa: PLC0415  # 0.3 s that a run without a model never needs

    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=min(usage.cached_input_tokens, usage.input_tokens),
        output_tokens=usage.output_tokens,
    )
    for provider in (None, "openrouter") if "/" in model else (None,):
        try:
            return genai_prices.calc_price(counted, model, provider_id=provider)
        except LookupError:
            continue
    return None


def _dearest(price: object) -> float | None:
    """The highest of a price's tiers, in $ per million."""
    from genai_prices.types import TieredPrices  # noqa: PLC0415  # loaded by now

    match price:
        case None:
            return None
        case TieredPrices():
            return float(max(price.base, *(tier.price for tier in price.tiers)))
        case _:
            return float(str(price))
