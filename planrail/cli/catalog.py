"""Catalog: the commands that list what plans can use: tools, playbooks."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from executor.shapes import Learned
from executor.toolset import Toolset
from planner.playbook import Playbook, Playbooks
from planner.shape import resolved
from planner.tool_line import short, tool_line
from planner.toolspec import Json, ToolSpec
from planrail.cli.errors import DONE
from planrail.cli.learned import document, learned_by
from planrail.cli.output import Output
from planrail.cli.plan_text import script_text
from planrail.cli.policy_text import ToolView, policy_table, policy_text, tool_view
from planrail.cli.text import clean
from planrail.settings import Settings
from planrail.toolbox import packs_of, playbook_document, playbooks_of, unopened_database, whole_toolset


def tools(output: Output, settings: Settings, name: str | None, *, policy: bool = False) -> int:
    """All tools by namespace, or one tool whole; with `policy`, what the policy makes of them."""
    toolset = whole_toolset(settings)
    chosen = _chosen(toolset, name)
    learned = {} if policy else learned_by(output, settings, chosen)
    if policy:
        _tell_policy(output, [tool_view(s, settings.policy) for s in chosen], one=name is not None and len(chosen) == 1)
    elif output.json:
        listed = [_tool_document(s, learned.get(s.name)) for s in chosen]
        output.document(listed[0] if name is not None and len(chosen) == 1 else listed)
    elif name is not None and len(chosen) == 1:
        _tell_tool(output, chosen[0], learned.get(chosen[0].name))
    else:
        output.console.print(_tool_table(chosen))
    return DONE


def _tell_policy(output: Output, views: list[ToolView], *, one: bool) -> None:
    if output.json:
        listed = [v.model_dump(mode="json") for v in views]
        output.document(listed[0] if one else listed)
    else:
        output.console.print(policy_text(views[0]) if one else policy_table(views))


def _chosen(toolset: Toolset, name: str | None) -> list[ToolSpec]:
    """The tool of that name, or those of a namespace; raises UnknownTool."""
    if name is None:
        return list(toolset.specs.values())
    space = [s for s in toolset.specs.values() if s.namespace == name]
    return space or [toolset[name].spec]


def _tool_table(specs: list[ToolSpec]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for s in specs:
        style = {"read": "green", "write": "yellow", "irreversible": "red"}[s.effect]
        table.add_row(s.name, Text(s.effect, style=style), Text(clean(s.description)))
    return table


def _tool_document(spec: ToolSpec, learned: Learned | None) -> Json:
    return spec.model_dump(mode="json") | ({} if learned is None else {"learned": document(learned)})


def _tell_tool(output: Output, spec: ToolSpec, learned: Learned | None) -> None:
    console = output.console
    console.print(Text(clean(tool_line(spec, learned.words if learned else "")), style="bold"))
    facts = [f"effect: {spec.effect}", f"time-out: {spec.timeout_s:g} s", f"retries: {spec.retries}"]
    facts += ["idempotent"] if spec.idempotent else []
    facts += ["leaves the house"] if spec.leaves_house else []
    facts += [f"sensitive: {', '.join(spec.sensitive)}"] if spec.sensitive else []
    facts += [f"taken for sensitive: {', '.join(spec.guessed)}"] if spec.guessed else []
    facts += [f"costs at most ${spec.usd:g}"] if spec.usd else []
    console.print(Text(" · ".join(facts), style="dim"))
    for name, schema in resolved(spec.input_schema).get("properties", {}).items():
        told = f"  {name}: {short(schema)}  {schema.get('description', '')}"
        console.print(Text(clean(told)))
    if learned is not None:
        console.print(
            Text(f"  returns what was learned of {learned.seen.calls} results, version {learned.version}", style="dim")
        )
    for path, trust in spec.labels.items():
        console.print(Text(f"  gives {path or 'its result'}: {trust}", style="dim"))


def playbooks(output: Output, settings: Settings, name: str | None) -> int:
    """All playbooks, or one whole."""
    known: Playbooks = playbooks_of(settings, packs_of(settings, unopened_database(settings)))
    if name is not None:
        _tell_playbook(output, known.get(name))
        return DONE
    if output.json:
        output.document([playbook_document(p) for p in known])
        return DONE
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for playbook in known:
        table.add_row(playbook.name, Text(clean("\n".join(playbook.goals))))
    output.console.print(table)
    return DONE


def _tell_playbook(output: Output, playbook: Playbook) -> None:
    if output.json:
        output.document(playbook_document(playbook))
        return
    console = output.console
    console.print(Text(playbook.name, style="bold"))
    for goal in playbook.goals:
        console.print(Text(f"  {clean(goal)}"))
    for p in playbook.parameters:
        default = "" if p.required else f" = {p.default!r}"
        console.print(Text(f"  -p {p.name}: {p.type}{default}", style="dim"))
    console.print()
    console.print(script_text(playbook.script, color=console.color_system is not None))
