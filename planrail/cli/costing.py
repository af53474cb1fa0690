"""Costing: `planrail cost`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from rich.table import Table

from planner.duration import seconds_of
from planner.prices import Rates
from planrail.cli.errors import DONE, UsageError
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import clean
from planrail.costs import Costs, tallied
from planrail.house import House
from planrail.prices import GenaiPrices

ALL = "*"


def cost(output: Output, since: str, instead: Sequence[str], price: Sequence[str]) -> int:
    """Add up every run since then, of every principal, and tell it by model."""
    settings = settings_here()
    seconds = seconds_of(since)
    if seconds is None:
        raise UsageError(f"--since {since}: write a length of time, like 30d or 12h.")
    others, rates = _others(instead), _rates(price)

    async def work(house: House, _: Trip) -> int:
        shown = not output.json and output.stream.isatty()
        with output.console.status("reading journals …") if shown else nullcontext():
            tally = await tallied(house.journal, datetime.now(UTC) - timedelta(seconds=seconds))
        mapped = {model: others[ALL] for model in tally.models if ALL in others} | others
        costs = tally.costs(GenaiPrices({**settings.prices, **rates}), mapped)
        if output.json:
            output.document({**costs.model_dump(mode="json"), "usd": costs.usd, "would_cost": costs.instead})
        else:
            tell(output, costs, asked=bool(others or rates))
        return DONE

    return in_house(settings, work)


def _others(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        model, equals, other = (p.strip() for p in pair.partition("="))
        if not equals or not model or not other:
            raise UsageError(f"--with {pair}: write MODEL=OTHER, like gpt-5=gpt-5-mini, or *=gpt-5-mini.")
        found[model] = other
    return found


def _rates(pairs: Sequence[str]) -> dict[str, Rates]:
    found: dict[str, Rates] = {}
    for pair in pairs:
        model, equals, written = (p.strip() for p in pair.partition("="))
        parts = written.split("/")
        try:
            if not equals or not model or len(parts) not in (2, 3):
                raise ValueError
            numbers = [float(p) for p in parts]
            found[model] = Rates(input=numbers[0], cached_input=numbers[-2], output=numbers[-1])
        except (ValueError, ValidationError):
            raise UsageError(f"--price {pair}: write MODEL=IN/OUT in $ per million tokens, like gpt-5=1.25/10.") from None
    return found


def tell(output: Output, costs: Costs, *, asked: bool) -> None:
    """A line for each model, and the sums."""
    console = output.console
    console.print(f"{costs.runs:,} runs since {costs.since:%Y-%m-%d %H:%M} UTC")
    table = Table(box=None, pad_edge=False)
    heads = ("model", "calls", "in", "of it cached", "out", "$", *(("as", "would cost $") if asked else ()))
    for head in heads:
        table.add_column(head, justify="left" if head in ("model", "as") else "right")
    for use in costs.models:
        u = use.usage
        counts = (f"{n:,}" for n in (u.model_calls, u.input_tokens, u.cached_input_tokens, u.output_tokens))
        would = "unknown" if use.instead is None else f"{use.instead:,.4f}"
        row = (clean(use.model) or "?", *counts, f"{use.usd:,.4f}", *((clean(use.priced_as), would) if asked else ()))
        table.add_row(*row)
    if costs.models:
        console.print()
        console.print(table)
    if costs.tools:
        console.print(f"tools  ${costs.tools:,.4f}, as they declare it")
    console.print(f"\nin all ${costs.usd:,.4f}")
    if asked and costs.instead is not None:
        share = f", {costs.instead / costs.usd - 1:+.0%}" if costs.usd else ""
        console.print(f"would  ${costs.instead:,.4f}{share}, for the tokens as they were counted")
    elif asked:
        console.print("Nobody knows the price of a model among them: give it with --price MODEL=IN/OUT.")
