"""Schedule app: the commands `planrail schedule …` and their options; what carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument, Option

from planrail.cli.output import output_of

schedule = typer.Typer(
    name="schedule", help="What is submitted again and again.", rich_markup_mode=None, no_args_is_help=True
)  # fmt: skip

Name = Annotated[str, Argument(help="The schedule's name.", metavar="NAME")]
AsJson = Annotated[bool, Option("--json", help="Print one JSON document and nothing else.")]
_CRON = "When: minute hour day month weekday, like '30 6 * * 1-5'."
_ZONE = "The time zone, like Europe/Berlin; by default this machine's."
_OVERLAP = "Begin a run also while the one before is not over."


@schedule.command()
def add(
    context: typer.Context,
    cron: Annotated[str, Argument(help=_CRON, metavar="CRON")],
    goal: Annotated[str | None, Argument(help="What is to be done, in words.", show_default=False)] = None,
    script: Annotated[str | None, Option("--script", metavar="FILE", help="Take this plan script; - reads stdin.")] = None,
    playbook: Annotated[str | None, Option("--playbook", metavar="NAME", help="Take the plan of this playbook.")] = None,
    param: Annotated[list[str] | None, Option("-p", "--param", metavar="KEY=VALUE", help="A parameter of the plan.")] = None,
    budget: Annotated[str | None, Option("--budget", metavar="LIST", help="Ceilings, like usd=0.50,calls=40.")] = None,
    yes: Annotated[bool, Option("--yes", help="Answer the script's own approvals with yes.")] = False,
    name: Annotated[str | None, Option("--name", help="By default the playbook's, or made of the goal.")] = None,
    zone: Annotated[str | None, Option("--tz", metavar="ZONE", help=_ZONE)] = None,
    overlap: Annotated[bool, Option("--overlap", help=_OVERLAP)] = False,
    as_json: AsJson = False,
) -> int:
    """Submit a goal again and again; a worker or a server has to be there when it is due."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling
    from planrail.cli.request import Wish

    wish = Wish(goal, script, playbook, param or (), budget, yes)
    return scheduling.add(output, wish, cron=cron, name=name, zone=zone, overlap=overlap)


@schedule.command("list")
def listed(context: typer.Context, as_json: AsJson = False) -> int:
    """List the schedules, the next one first."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling

    return scheduling.listed(output)


@schedule.command()
def pause(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Let it make no runs until it is resumed."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling

    return scheduling.changed(output, name, "pause")


@schedule.command()
def resume(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Let it go on with the next due time."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling

    return scheduling.changed(output, name, "resume")


@schedule.command()
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Forget it; its runs stay."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling

    return scheduling.changed(output, name, "remove")


@schedule.command("run-now")
def run_now(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Submit it once now, whatever is due."""
    output = output_of(context, as_json)
    from planrail.cli import scheduling

    return scheduling.run_now(output, name)
