"""Send app: the command that gives a goal to another agent, and its options."""

from __future__ import annotations

from typing import Annotated

import typer

from planrail.cli.output import output_of

sends = typer.Typer()


@sends.command()
def send(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where the agent is; or its name, of planrail agents list.", metavar="URL")],
    goal: Annotated[
        str | None, typer.Argument(help="What is to be done, in words; with --task the answer.", show_default=False)
    ] = None,
    script: Annotated[str | None, typer.Option("--script", metavar="FILE", help="Send this script; - reads stdin.")] = None,
    playbook: Annotated[str | None, typer.Option("--playbook", metavar="NAME", help="A playbook of the agent.")] = None,
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="KEY=VALUE", help="A parameter of the plan.")
    ] = None,
    budget: Annotated[str | None, typer.Option("--budget", metavar="LIST", help="Ceilings, like usd=0.50,calls=40.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Have the plan written anew, whatever plans are kept.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the script's own approvals with yes.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="The same key finds the same task (the message's id).")] = None,
    context_id: Annotated[str, typer.Option("--context", metavar="ID", help="The conversation that it belongs to.")] = "",
    after: Annotated[list[str] | None, typer.Option("--after", metavar="TASK", help="A task that it goes on from.")] = None,
    task: Annotated[str, typer.Option("--task", metavar="ID", help="Go on with this task of the agent.")] = "",
    question: Annotated[str, typer.Option("--question", metavar="ID", help="Which of its questions is answered.")] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the task that --task names.")] = False,
    token_secret: Annotated[str, typer.Option("--token-secret", metavar="NAME", help="The secret that it is sent.")] = "",
    token_env: Annotated[str, typer.Option("--token-env", metavar="NAME", help="The variable with the token.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what it says, one line each, then the end.")] = False,
) -> int:
    """Give a goal to another A2A agent, show it live, answer its questions."""
    output = output_of(context, as_json)
    from planrail.cli import sending  # noqa: PLC0415  # late: it brings the SDK, which no other command needs
    from planrail.cli.errand import Going, Where  # noqa: PLC0415  # late, as all that commands are carried out by
    from planrail.cli.request import Wish  # noqa: PLC0415

    wish = Wish(goal, script, playbook, tuple(param or ()), budget, yes, fresh=fresh)
    going = Going(key, context_id, tuple(after or ()), task, question, cancel)
    return sending.send(output, Where(url, token_secret, token_env), wish, going)
