"""App: the commands and their options. What carries them out is imported when it is called, so that --help is quick."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from planrail.cli.agents_app import agents
from planrail.cli.cost_app import cost
from planrail.cli.doors_app import doors
from planrail.cli.eval_app import evaluate
from planrail.cli.kept_app import plans
from planrail.cli.keys_app import keys
from planrail.cli.mcp_option import McpConfig
from planrail.cli.output import output_of
from planrail.cli.push_app import push
from planrail.cli.retain_app import erase, prune
from planrail.cli.schedule_app import schedule
from planrail.cli.send_app import sends

if TYPE_CHECKING:
    from planrail.settings import Settings

app = typer.Typer(
    name="planrail", no_args_is_help=True, rich_markup_mode=None, add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A goal becomes a small checked program, which runs in parallel, inside hard ceilings, through crashes.",
)  # fmt: skip

app.add_typer(agents)
app.add_typer(plans)
app.add_typer(keys)
app.add_typer(push)
app.add_typer(schedule)
app.add_typer(sends)
app.add_typer(doors)  # without a name: its commands are planrail's own

Goal = Annotated[str | None, typer.Argument(help="What is to be done, in words.", show_default=False)]
Run = Annotated[str, typer.Argument(help="A run's id, or an unambiguous beginning of it.", metavar="RUN")]
Script = Annotated[str | None, typer.Option("--script", metavar="FILE", help="Take this plan script; - reads stdin.")]
Book = Annotated[str | None, typer.Option("--playbook", metavar="NAME", help="Take the plan of this playbook.")]
Params = Annotated[list[str] | None, typer.Option("-p", "--param", metavar="KEY=VALUE", help="A parameter of the plan.")]
BudgetOption = Annotated[str | None, typer.Option("--budget", metavar="LIST", help="Ceilings, like usd=0.50,calls=40.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Have the plan written anew, whatever plans are kept.")]
Mode = Annotated[str, typer.Option("--mode", metavar="MODE", help="react: no plan, the planner's model calls tools in a loop.")]
Probes = Annotated[int, typer.Option("--probe", metavar="N", min=0, max=50, help="Let the planner look up N things first.")]
Skill = Annotated[
    str | None, typer.Option("--skill", metavar="NAME", help="Who takes the goal: a pack's specialist, or a playbook.")
]
OneCall = Annotated[bool, typer.Option("--one-call", help="In ReAct mode: one call a turn.")]
After = Annotated[
    list[str] | None,
    typer.Option("--after", metavar="RUN", help="An earlier run that the goal is about; goes on with its session."),
]
Session = Annotated[str | None, typer.Option("--session", metavar="NAME", help="The conversation; its runs share ceilings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def run(
    context: typer.Context,
    goal: Goal = None,
    script: Script = None,
    playbook: Book = None,
    param: Params = None,
    budget: BudgetOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the script's own approvals with yes.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="The same key finds the same run, and carries it on.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Submit only: a worker carries it on.")] = False,
    session: Session = None,
    after: After = None,
    fresh: Fresh = False,
    mode: Mode = "plan",
    one_call: OneCall = False,
    probe: Probes = 0,
    skill: Skill = None,
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """Plan a goal, run the plan, show it live."""
    output = output_of(context, as_json)
    from planrail.cli import running
    from planrail.cli.request import Wish

    given = tuple(param or ())
    wish = Wish(goal, script, playbook, given, budget, yes, session, after or (), fresh, mode, one_call, probe, skill)
    return running.submit(output, wish, key=key) if detach else running.run(output, wish, key=key)


@app.command()
def worker(
    context: typer.Context,
    health_port: Annotated[
        int | None, typer.Option("--health-port", metavar="N", help="Answer /healthz, /readyz and /metrics at that port.")
    ] = None,
    health_host: Annotated[str, typer.Option("--health-host", help="The address for it.")] = "127.0.0.1",
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """Carry on whatever runs are submitted, until Ctrl-C or SIGTERM."""
    output = output_of(context, as_json)
    from planrail.cli import working

    return working.worker(output, health_host=health_host, health_port=health_port)


@app.command()
def plan(
    context: typer.Context,
    goal: Goal = None,
    script: Script = None,
    playbook: Book = None,
    param: Params = None,
    budget: BudgetOption = None,
    after: After = None,
    fresh: Fresh = False,
    mode: Mode = "plan",
    skill: Skill = None,
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """Show the plan of a goal and its certificate; run nothing."""
    output = output_of(context, as_json)
    from planrail.cli import looking
    from planrail.cli.request import Wish

    given = tuple(param or ())
    wish = Wish(goal, script, playbook, given, budget, after=after or (), fresh=fresh, mode=mode, skill=skill)
    return looking.plan(output, wish)


@app.command()
def check(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A script or a playbook (.plan); - reads stdin.")],
    param: Params = None,
    budget: BudgetOption = None,
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """Compile and certify a script; exit 1 when it is refused."""
    output = output_of(context, as_json)
    from planrail.cli import planning

    return planning.check(output, _settings(), file, params=param or [], budget=budget)


@app.command()
def runs(
    context: typer.Context,
    status: Annotated[list[str] | None, typer.Option("--status", help="Only runs of this status; may be repeated.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    session: Annotated[str | None, typer.Option("--session", metavar="NAME", help="Only runs of this session.")] = None,
    as_json: AsJson = False,
) -> int:
    """List the runs, newest first."""
    output = output_of(context, as_json)
    from planrail.cli import looking

    return looking.runs(output, statuses=status or [], limit=limit, session=session)


@app.command()
def show(context: typer.Context, run: Run, as_json: AsJson = False) -> int:
    """Show a run: plan, steps, questions, answer, cost."""
    output = output_of(context, as_json)
    from planrail.cli import looking

    return looking.show(output, run)


@app.command()
def follow(
    context: typer.Context, run: Run, as_json: Annotated[bool, typer.Option("--json", help="Print one event a line.")] = False
) -> int:
    """Show a run live until it ends, whoever carries it on."""
    output = output_of(context, as_json)
    from planrail.cli import running

    return running.follow(output, run)


@app.command()
def why(context: typer.Context, run: Run, as_json: AsJson = False) -> int:
    """Understand a run on one screen: where it hurt, what it cost, what to do."""
    output = output_of(context, as_json)
    from planrail.cli import why as shown

    return shown.why(output, run)


@app.command()
def answer(
    context: typer.Context,
    run: Run,
    question: Annotated[str | None, typer.Argument(help="The question's id, where there are several.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, or approved.")] = False,
    no: Annotated[bool, typer.Option("--no", help="No, or not approved.")] = False,
    text: Annotated[str | None, typer.Option("--text", help="The answer in words, read as the question wants it.")] = None,
    value: Annotated[str | None, typer.Option("--value", metavar="JSON", help="The answer as JSON.")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse to answer.")] = False,
    only: Annotated[str | None, typer.Option("--only", metavar="1,3", help="Allow the values with these numbers only.")] = None,
    as_json: AsJson = False,
) -> int:
    """Answer what a run waits for, and carry it on."""
    output = output_of(context, as_json)
    from planrail.cli import running

    reply = running.reply_of_options(yes=yes, no=no, text=text, value=value, refuse=refuse, only=only)
    return running.answer(output, run, question, reply)


@app.command()
def cancel(context: typer.Context, run: Run, as_json: AsJson = False) -> int:
    """Stop a run; what is done stays."""
    output = output_of(context, as_json)
    from planrail.cli import running

    return running.cancel(output, run)


@app.command()
def resume(context: typer.Context, run: Run, budget: BudgetOption = None, as_json: AsJson = False) -> int:
    """Carry an interrupted, failed, partial or cancelled run on."""
    output = output_of(context, as_json)
    from planrail.cli import running

    return running.resume(output, run, budget=budget)


@app.command()
def replay(context: typer.Context, run: Run, as_json: AsJson = False) -> int:
    """Work a run out again from its journal; exit 1 where today's code or tools would differ."""
    output = output_of(context, as_json)
    from planrail.cli import replaying

    return replaying.replay(output, run)


@app.command()
def fork(
    context: typer.Context,
    run: Run,
    step: Annotated[str, typer.Option("--from", metavar="STEP", help="A step, a name that it binds, or a line.")],
    script: Annotated[
        str | None, typer.Option("--script", metavar="FILE", help="Go on with this script; - reads stdin.")
    ] = None,
    budget: BudgetOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the script's own approvals with yes.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="The same key finds the same fork, and carries it on.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Submit only: a worker carries it on.")] = False,
    as_json: AsJson = False,
) -> int:
    """Begin a new run with what another one has done, and go on differently from a step."""
    output = output_of(context, as_json)
    from planrail.cli import forking

    return forking.fork(output, run, forking.Split(step, script, budget, yes), key=key, detach=detach)


@app.command()
def tools(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A tool, or a namespace.")] = None,
    policy: Annotated[bool, typer.Option("--policy", help="Show what the policy makes of each.")] = False,
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """List the tools that plans can use."""
    output = output_of(context, as_json)
    from planrail.cli import catalog

    return catalog.tools(output, _settings(), name, policy=policy)


@app.command()
def playbooks(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A playbook.")] = None, as_json: AsJson = False
) -> int:  # fmt: skip
    """List the playbooks that goals are matched with."""
    output = output_of(context, as_json)
    from planrail.cli import catalog

    return catalog.playbooks(output, _settings(), name)


@app.command()
def doctor(
    context: typer.Context,
    live: Annotated[bool, typer.Option("--live", help="Ask each configured model something (it costs a little).")] = False,
    mcp_config: McpConfig = None,
    as_json: AsJson = False,
) -> int:
    """Tell what is configured, reachable, missing, and how to mend it."""
    output = output_of(context, as_json)
    from planrail.cli import doctor as office

    return office.doctor(output, live=live)


app.command("eval")(evaluate)
app.command("cost")(cost)
app.command("prune")(prune)
app.command("erase")(erase)


def _settings() -> Settings:
    import os
    from pathlib import Path

    from planrail.settings import load_settings

    return load_settings(os.environ, Path.cwd())
