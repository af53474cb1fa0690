"""Measured: what one system took for one workload: its model calls, counted at the door, and the seconds of each round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.thrift.door import CHEAP, STRONG
from benchmarks.thrift.meter import Exchange
from planner.prices import Rates
from planner.usage import Usage

_DOLLARS = {STRONG: (2.50, 10.00), CHEAP: (0.15, 0.60)}  # per million tokens in and out


@dataclass(frozen=True)
class Measured:
    """The model calls of the first round, in which no goal had been asked before, and the seconds of all rounds."""

    exchanges: Sequence[Exchange]
    seconds: Sequence[float]

    @property
    def tokens(self) -> int:
        return sum(e.input + e.output for e in self.exchanges)

    @property
    def without_prefix(self) -> int:
        """Without what is the same for every goal: the system's own prompt and the tools, each time that they are sent."""
        return self.tokens - sum(e.fixed for e in self.exchanges)

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    def usd(self, cached: float = 0.5) -> float:
        """The price; `cached` is what a cached token costs, as a share of one that is not."""
        return sum(_rates(e.model, cached).usd(_usage(e)) for e in self.exchanges)


def _rates(model: str, cached: float) -> Rates:
    dollars_in, dollars_out = _DOLLARS[model]
    return Rates(input=dollars_in, cached_input=dollars_in * cached, output=dollars_out)


def _usage(exchange: Exchange) -> Usage:
    return Usage(input_tokens=exchange.input, cached_input_tokens=exchange.cached, output_tokens=exchange.output)
