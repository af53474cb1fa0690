"""Prices: what a model's tokens cost, as far as anybody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from planner.usage import Usage

_MILLION = 1_000_000


class Rates(BaseModel):
    """$ per million tokens. `cached_input` is for the part of the input that the vendor reads from its prefix cache."""

    model_config = ConfigDict(frozen=True)

    input: float = Field(ge=0)
    cached_input: float = Field(ge=0)
    output: float = Field(ge=0)

    def usd(self, usage: Usage) -> float:
        """What the usage costs at these rates."""
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        return (fresh * self.input + cached * self.cached_input + usage.output_tokens * self.output) / _MILLION


class Prices(Protocol):
    """A price list of models. None means that nobody knows the price, which is not the same as free."""

    def usd(self, model: str, usage: Usage) -> float | None:
        """What the usage costs with this model."""
        ...

    def rates(self, model: str) -> Rates | None:
        """The most that a token can cost: where a vendor has tiers, the dearest. For worst cases, before the act."""
        ...


class FixedPrices:
    """A price list that is given, by the exact names of its models.

    >>> prices = FixedPrices({"small": Rates(input=0.15, cached_input=0.075, output=0.60)})
    >>> prices.usd("small", Usage(input_tokens=1_000_000, output_tokens=500_000))
    0.45
    >>> prices.usd("unheard-of", Usage(input_tokens=1)) is None
    True
    """

    def __init__(self, rates: Mapping[str, Rates]) -> None:
        self._rates = dict(rates)

    def usd(self, model: str, usage: Usage) -> float | None:
        rates = self.rates(model)
        return None if rates is None else rates.usd(usage)

    def rates(self, model: str) -> Rates | None:
        return self._rates.get(model)


def priced(usage: Usage, prices: Prices | None, *models: str) -> Usage:
    """The usage with its price by the first of the models' names that is on the list; unchanged when none is."""
    if prices is None:
        return usage
    costs = (prices.usd(model, usage) for model in models)
    usd = next((cost for cost in costs if cost is not None), usage.usd)
    return usage.model_copy(update={"usd": usd})
