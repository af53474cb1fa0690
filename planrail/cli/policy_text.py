"""Policy text: what the policy makes of each tool: its sinks and who says so, its fields, what becomes of strangers' words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict
from rich.table import Table
from rich.text import Text

from planner.closed import closed
from planner.contract import contract
from planner.policy import Policy, Rule
from planner.shape import ANYTHING
from planner.toolspec import Effect, ToolSpec, Trust
from planrail.cli.text import clean

Source = Literal["policy", "tool", "guess", "leaves the house"]
OUTCOMES: dict[Rule, str] = {"ask": "asked for", "deny": "refused", "allow": "let pass"}
_FROM: dict[Source, str] = {
    "policy": "the policy says so", "tool": "the tool says so", "guess": "guessed by name and type",
    "leaves the house": "a read that leaves the house",
}  # fmt: skip


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sink(_Frozen):
    """An argument where an untrusted value is decided on, and who says that it is one."""

    argument: str
    source: Source
    closed: bool  # of a closed type: whatever reaches it passes


class ToolView(_Frozen):
    """A tool as the policy sees it."""

    tool: str
    effect: Effect
    effect_source: Literal["policy", "tool"]
    sinks: tuple[Sink, ...]
    fields: dict[str, Trust]  # of its result, by path; "" is the whole
    untrusted: str  # what becomes of an untrusted value at a sink: asked, refused, passes


def tool_view(spec: ToolSpec, policy: Policy) -> ToolView:
    """What the policy, whose word is in the spec already, makes of a tool."""
    own, properties = policy.of(spec.name), contract(spec).input.get("properties", {})
    source: Source = "leaves the house"
    if spec.sensitive:
        source = "tool" if own.sensitive is None else "policy"
    elif spec.guessed and not spec.leaves_house:
        source = "guess"
    sinks = tuple(
        Sink(argument=a, source=source, closed=closed(properties.get(a, ANYTHING))) for a in spec.sinks(tuple(properties))
    )
    whole: Trust = "untrusted" if spec.open_world else "trusted"
    return ToolView(
        tool=spec.name, effect=spec.effect, effect_source="tool" if own.effect is None else "policy", sinks=sinks,
        fields={"": whole, **spec.labels}, untrusted=OUTCOMES[policy.rule(spec.name)],
    )  # fmt: skip


def policy_table(views: Iterable[ToolView]) -> Table:
    """All tools, one a row."""
    table = Table(box=None, pad_edge=False)
    for heading in ("tool", "effect", "sinks", "untrusted is", "not trusted"):
        table.add_column(heading, no_wrap=heading in ("tool", "effect"), overflow="fold")
    for view in views:
        fields = [f"{path or 'all'}{'' if trust == 'untrusted' else ' not'}" for path, trust in _told_fields(view)]
        marks = {"policy": "", "tool": "", "guess": "?", "leaves the house": ""}
        sinks = [f"{s.argument}{marks[s.source]}" for s in view.sinks if not s.closed]
        row = (view.tool, view.effect, ", ".join(sinks), view.untrusted if sinks else "", ", ".join(fields) or "nothing")
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def _told_fields(view: ToolView) -> list[tuple[str, Trust]]:
    """The fields whose trust is not that of the whole, after the whole where that is untrusted."""
    whole = view.fields[""]
    told = [(path, trust) for path, trust in view.fields.items() if path and trust != whole]
    return [("", whole), *told] if whole == "untrusted" else told


def policy_text(view: ToolView) -> Text:
    """One tool, whole."""
    text = Text.assemble((clean(view.tool), "bold"), f"  {view.effect}")
    text.append("  (the policy says so)" if view.effect_source == "policy" else "", "dim")
    for sink in view.sinks:
        told = "whatever comes passes, for its type is closed" if sink.closed else f"an untrusted value is {view.untrusted}"
        text.append(f"\n  {clean(sink.argument)}: {told}")
        text.append(f"  ({_FROM[sink.source]})", "dim")
    if not view.sinks:
        text.append("\n  no argument is a sink: untrusted values pass", "dim")
    for path, trust in view.fields.items():
        text.append(f"\n  gives {clean(path) or 'its result'}: {trust}", "dim")
    return text
