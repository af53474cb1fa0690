"""Push app: the commands `planrail push …` and their options; what carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

push = typer.Typer(name="push", help="Who is notified of A2A tasks, and what did not arrive.", rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@push.callback(invoke_without_command=True)
def every(context: typer.Context, as_json: AsJson = False) -> int:
    """List who is notified of which run, and how far that is."""
    if context.invoked_subcommand is not None:
        return 0
    return listed(context, as_json=as_json)


@push.command("list")
def listed(
    context: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> int:
    """List who is notified of which run, and how far that is."""
    output = output_of(context, as_json)
    from planrail.cli import pushing

    return pushing.listed(output, dead=dead, limit=limit)


@push.command()
def retry(
    context: typer.Context,
    run: Annotated[str | None, typer.Argument(help="A run's id; without one, those of all runs that were given up.")] = None,
    name: Annotated[str | None, typer.Argument(help="One of its configurations.", metavar="ID")] = None,
    as_json: AsJson = False,
) -> int:
    """Try again, at once, what failed or was given up."""
    output = output_of(context, as_json)
    from planrail.cli import pushing

    return pushing.retry(output, run, name)
