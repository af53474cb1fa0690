"""Forking: the command that begins a new run with what another one has done."""

from __future__ import annotations

from dataclasses import dataclass

from planner.errors import CompileError, PlanRefused
from planrail.cli.errors import FAILED
from planrail.cli.output import Output
from planrail.cli.plan_text import diagnostics_text
from planrail.cli.request import budget_of, read_text
from planrail.cli.running import Trip, in_house, settings_here, tell_submitted
from planrail.cli.watch import LOCAL, carry_on
from planrail.forking import ForkWish
from planrail.house import House


@dataclass(frozen=True)
class Split:
    """Where and how the fork goes its own way, as the command line has it."""

    step: str
    script: str | None = None
    budget: str | None = None
    yes: bool = False


def fork(output: Output, name: str, split: Split, *, key: str | None, detach: bool) -> int:
    """Fork a run, and carry the fork on or leave it to a worker."""
    settings = settings_here()
    text = None if split.script is None else read_text(split.script)
    ceilings = None if split.budget is None else budget_of(split.budget, settings.budget)

    async def work(house: House, trip: Trip) -> int:
        budget = ceilings
        if split.budget is not None:
            budget = budget_of(split.budget, (await house.runs.get(name, LOCAL)).budget)
        wish = ForkWish(split.step, text, budget, split.yes)
        try:
            record = await house.runs.fork(name, LOCAL, wish, key=key)
        except (CompileError, PlanRefused) as refused:
            if output.json:
                output.error(refused, diagnostics=[d.model_dump(mode="json") for d in refused.diagnostics])
            else:
                source = text if text is not None else (await house.runs.get(name, LOCAL)).submission.script or ""
                told = "plan" if split.script in (None, "-") else str(split.script)
                output.console.print(diagnostics_text(refused.diagnostics, source, told), soft_wrap=True)
            return FAILED
        if detach:
            return tell_submitted(output, record)
        trip.run = record.id
        return await carry_on(house, record.id, output)

    return in_house(settings, work)
