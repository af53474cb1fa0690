"""Replaying: the command that works a run out again from its journal."""

from __future__ import annotations

from rich.text import Text

from planner.toolspec import Json
from planrail.cli.errors import DONE, FAILED
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import dollars, line, plural, told
from planrail.cli.watch import LOCAL
from planrail.house import House
from planrail.replay_report import Finding, PriceChange, Replayed

_SHOWN = 40  # findings
_WIDTH = 160  # characters of a value


def replay(output: Output, name: str) -> int:
    """Say where today's code, tools, models and prices would differ; 1 if anything but a price does."""

    async def work(house: House, _: Trip) -> int:
        report = await house.runs.replay(name, LOCAL)
        if output.json:
            output.document({**report.model_dump(mode="json"), "same": report.same})
        else:
            output.console.print(replay_text(report), soft_wrap=True)
        return DONE if report.same else FAILED

    return in_house(settings_here(), work)


def replay_text(report: Replayed) -> Text:
    """The report as a person reads it."""
    compared = f"{plural(report.events, 'event')}, {plural(report.compared, 'decision')} worked out again"
    text = Text.assemble(("run    ", "dim"), report.run, (f"  {report.status}, {compared}", "dim"))
    for finding in report.findings[:_SHOWN]:
        text.append_text(_finding(finding))
    if len(report.findings) > _SHOWN:
        text.append(f"\nand {plural(len(report.findings) - _SHOWN, 'difference')} more: --json has them all")
    if report.uncompared:
        text.append(f"\nnot compared, as it hangs on that: {line(', '.join(report.uncompared), 400)}", "dim")
    for change in report.prices:
        text.append_text(_price(change))
    if report.same:
        return text.append("\nsame   ", "green").append("today's code does the same, with the same tools")
    return text.append(f"\n{plural(len(report.findings), 'difference')}", "bold red")


def _finding(finding: Finding) -> Text:
    where = f"{finding.step}[{finding.item}]" if finding.item else finding.step
    at = f", line {finding.line}" if finding.line else ""
    head = f"{line(where, 60)}{at}: " if where else ""
    text = Text.assemble(("\n≠ ", "bold red"), (f"{finding.kind}  ", "dim"), (head, "bold"), line(finding.what, 300))
    for name, value in (("recorded", finding.recorded), ("today   ", finding.today)):
        text.append(f"\n    {name}  ", "dim").append(_value(value))
    return text


def _value(value: Json) -> str:
    return "nothing" if value is None else told(value, _WIDTH)


def _price(change: PriceChange) -> Text:
    today = "nobody knows the price" if change.today is None else dollars(change.today)
    return Text.assemble(
        ("\nprice  ", "yellow"), f"{line(change.of, 60)}: {dollars(change.recorded)} then, {today} today"
    )  # fmt: skip
