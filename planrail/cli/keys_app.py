"""Keys app: the commands `planrail keys …` and their options; what carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

keys = typer.Typer(name="keys", help="The keys of this house.", rich_markup_mode=None, no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@keys.command()
def rotate(
    context: typer.Context,
    drop: Annotated[bool, typer.Option("--drop", help="The older keys are gone at once: somebody else knows them.")] = False,
    as_json: AsJson = False,
) -> int:
    """Make a new key that the card is signed with; the older ones sign beside it for a while."""
    output = output_of(context, as_json)
    from planrail.cli import rotating

    return rotating.rotate(output, drop=drop)
