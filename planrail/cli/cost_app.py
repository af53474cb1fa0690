"""Cost app: the command `planrail cost` and its options; what carries it out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from planrail.cli.output import output_of

_WITH = "Price what a model took as another one: gpt-5=gpt-5-mini; * is every model."
_PRICE = "$ per million tokens of a model: in/out, or in/cached/out."


def cost(
    context: typer.Context,
    since: Annotated[str, Option("--since", metavar="TIME", help="So long ago: 30d, 12h.")] = "30d",
    instead: Annotated[list[str] | None, Option("--with", metavar="MODEL=OTHER", help=_WITH)] = None,
    price: Annotated[list[str] | None, Option("--price", metavar="MODEL=IN/OUT", help=_PRICE)] = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> int:
    """Tell what the runs of a time took, and what the same would cost with other models or prices; nothing is asked."""
    output = output_of(context, as_json)
    from planrail.cli import costing

    return costing.cost(output, since, instead or (), price or ())
