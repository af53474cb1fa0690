"""The price list that ships, and what stands above it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from planner.prices import FixedPrices, Rates, priced
from planner.usage import Usage
from planrail.prices import GenaiPrices

MILLION = Usage(input_tokens=1_000_000, cached_input_tokens=200_000, output_tokens=100_000)


def test_a_known_model_has_its_list_price() -> None:
    prices = GenaiPrices()
    assert prices.rates("gpt-4o-mini") == Rates(input=0.15, cached_input=0.075, output=0.60)
    assert prices.usd("gpt-4o-mini", MILLION) == pytest.approx(0.8 * 0.15 + 0.2 * 0.075 + 0.1 * 0.60)


def test_an_unknown_model_has_no_price_rather_than_none_to_pay() -> None:
    for model in ("nobody-sells-this", "", "nobody/sells-this"):
        assert GenaiPrices().rates(model) is None
        assert GenaiPrices().usd(model, MILLION) is None


def test_a_routers_name_for_a_model_is_known() -> None:
    assert GenaiPrices().rates("openai/gpt-4o-mini") is not None


def test_where_prices_have_tiers_the_worst_case_is_the_dearest_and_a_call_pays_its_own() -> None:
    prices = GenaiPrices()
    rates = prices.rates("gemini-2.5-pro")
    assert rates is not None
    short, long = (Usage(input_tokens=n, output_tokens=1_000) for n in (1_000, 900_000))
    assert (prices.usd("gemini-2.5-pro", short) or 0) < rates.usd(short)
    assert prices.usd("gemini-2.5-pro", long) == pytest.approx(rates.usd(long))


def test_overrides_come_first() -> None:
    free = Rates(input=0, cached_input=0, output=0)
    prices = GenaiPrices({"gpt-4o-mini": free, "ours": free})
    assert [prices.usd(m, MILLION) for m in ("gpt-4o-mini", "ours")] == [0.0, 0.0]
    assert prices.rates("ours") == free


def test_a_usage_is_priced_by_the_first_name_that_is_known() -> None:
    prices = FixedPrices({"b": Rates(input=1, cached_input=1, output=0)})
    assert priced(MILLION, prices, "a", "b").usd == pytest.approx(1.0)
    assert priced(MILLION, prices, "a") == MILLION
    assert priced(MILLION, None, "b") == MILLION


def test_the_list_is_read_without_a_network() -> None:
    code = """
import socket
def connect(*_): raise SystemExit("it went to the network")
socket.socket.connect = socket.getaddrinfo = connect
from planrail.prices import GenaiPrices
print(GenaiPrices().rates("gpt-4o-mini").input)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0.15\n"
