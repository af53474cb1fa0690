"""Kept app: the commands `planrail plans …` and their options; what carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

plans = typer.Typer(name="plans", help="The plans that are kept because they ran well.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="A kept plan: the beginning of its id.", metavar="PLAN")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@plans.callback(invoke_without_command=True)
def every(context: typer.Context, as_json: AsJson = False) -> int:
    """List the plans that are kept, and what may become one."""
    if context.invoked_subcommand is not None:
        return 0
    return listed(context, as_json)


@plans.command("list")
def listed(context: typer.Context, as_json: AsJson = False) -> int:
    """List the plans that are kept, and what may become one."""
    output = output_of(context, as_json)
    from planrail.cli import kept

    return kept.listed(output)


@plans.command()
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Show one: the form of its goals, its slots, its script, how it did."""
    output = output_of(context, as_json)
    from planrail.cli import kept

    return kept.show(output, name)


@plans.command()
def forget(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Forget one; goals of its form are planned anew."""
    output = output_of(context, as_json)
    from planrail.cli import kept

    return kept.forget(output, name)


@plans.command()
def export(
    context: typer.Context,
    name: Name,
    file: Annotated[str | None, typer.Argument(help="The file to write, or a folder; else it is printed.")] = None,
    as_json: AsJson = False,
) -> int:
    """Make a playbook of one."""
    output = output_of(context, as_json)
    from planrail.cli import kept

    return kept.export(output, name, file)
