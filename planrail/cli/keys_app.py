"""Keys app: the commands `planrail keys …` and their options; what carries them out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

keys = typer.Typer(name="keys", help="The keys of this house.", rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name of yours for the key.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@keys.command()
def create(
    context: typer.Context,
    name: Name,
    principal: Annotated[str, typer.Option("--principal", help="Whose runs it sees; by default its name's.")] = "",
    tenant: Annotated[list[str] | None, typer.Option("--tenant", help="Bind it to this tenant; may be repeated.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="It may give approvals.")] = False,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="A further scope; may be repeated.")] = None,
    person: Annotated[bool, typer.Option("--person", help="A person writes what comes with it, and not a model.")] = False,
    expires: Annotated[str, typer.Option("--expires", help="Good until then: 90d, 12h, or a date.")] = "",
    as_toml: Annotated[bool, typer.Option("--toml", help="Print lines for planrail.toml, and keep nothing here.")] = False,
    as_json: AsJson = False,
) -> int:
    """Make an API key. It is shown this once: only its hash is kept, in the database."""
    output = output_of(context, as_json)
    from planrail.cli import api_keys

    wish = api_keys.Wish(
        name,
        principal or name,
        frozenset(tenant or ()),
        frozenset(scope or ()),
        person=person,
        approve=approve,
        expires=expires,
    )
    return api_keys.create(output, wish, as_toml=as_toml)


@keys.command("list")
def listed(context: typer.Context, as_json: AsJson = False) -> int:
    """List the keys, the newest first: whose they are, and when each was last used."""
    output = output_of(context, as_json)
    from planrail.cli import api_keys

    return api_keys.listed(output)


@keys.command()
def revoke(context: typer.Context, name: Name, as_json: AsJson = False) -> int:
    """Let a key open nothing any more, at any server, from a second from now on."""
    output = output_of(context, as_json)
    from planrail.cli import api_keys

    return api_keys.revoke(output, name)


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
