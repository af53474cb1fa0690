"""Agents app: the commands about other agents, and their options. What carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

agents = typer.Typer(
    name="agents", no_args_is_help=True, rich_markup_mode=None, help="The agents that plans may delegate to.",
)  # fmt: skip
Name = Annotated[str, typer.Argument(help="The agent's name.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@agents.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where the agent is, or its card.", metavar="URL")],
    name: Annotated[str | None, typer.Option("--name", help="How plans call it; else as its card does.")] = None,
    require_signature: Annotated[bool, typer.Option("--require-signature", help="Refuse a card that is not signed.")] = False,
    token_secret: Annotated[str, typer.Option("--token-secret", metavar="NAME", help="The secret that it is sent.")] = "",
    as_json: AsJson = False,
) -> int:
    """Fetch an agent's card, check it, pin it: plans may delegate to it from then on."""
    output = output_of(context, as_json)
    from planrail.cli import agents as office

    return office.add(output, url, name=name, require_signature=require_signature, token_secret=token_secret)


@agents.command("list")
def listed(context: typer.Context, as_json: AsJson = False) -> int:
    """List the agents that plans may delegate to."""
    output = output_of(context, as_json)
    from planrail.cli import agents as office

    return office.listed(output)


@agents.command()
def refresh(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Fetch an agent's card again, show what has changed, and pin it."""
    output = output_of(context, as_json)
    from planrail.cli import agents as office

    return office.refresh(output, name)


@agents.command()
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Forget an agent that was added."""
    output = output_of(context, as_json)
    from planrail.cli import agents as office

    return office.remove(output, name)
