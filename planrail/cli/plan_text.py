"""Plan text: a script, its certificate, and what the checker says against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from planner.certificate import Certificate, EffectNotice, Flow, WorstCase
from planner.diagnostic import Diagnostic
from planrail.cli.text import clean, dollars, line, plural, seconds
from planrail.cli.text import told as shown

_EFFECTS_SHOWN = 30


def script_text(script: str, *, color: bool) -> Text:
    """The script, highlighted where there is color."""
    text = clean(script).strip("\n")
    if not color:
        return Text(text)
    from rich.syntax import Syntax  # noqa: PLC0415  # it loads 70 ms of Pygments

    highlighted = Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
    highlighted.rstrip()
    return highlighted


def certificate_text(certificate: Certificate) -> Table:
    """The certificate: worst case, effects, flows, warnings."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("worst case", Text(worst_text(certificate.worst_case)))
    effects = [_effect(e) for e in certificate.effects[:_EFFECTS_SHOWN]]
    if len(certificate.effects) > _EFFECTS_SHOWN:
        effects.append(Text(f"and {len(certificate.effects) - _EFFECTS_SHOWN} more"))
    _rows(grid, "effects", effects or [Text("none: this plan only reads")])
    _rows(grid, "flows", [_flow(f) for f in certificate.flows] or [Text("nothing untrusted reaches a sensitive argument")])
    _rows(grid, "warnings", [Text(clean(str(w)), style="yellow") for w in certificate.warnings])
    grid.add_row("certificate", Text(certificate.hash[:16], style="dim"))
    return grid


def worst_text(worst: WorstCase) -> str:
    """`at most 42 calls · no model · $0.00 · 8.0 s`."""
    models = f"{plural(worst.model_calls, 'model call')} · {worst.tokens:,} tokens" if worst.model_calls else "no model"
    parts = [plural(worst.steps, "step"), plural(worst.calls, "tool call"), models, dollars(worst.usd)]
    return "at most " + " · ".join([*parts, f"about {seconds(worst.seconds)}"])


def _rows(grid: Table, title: str, rows: Sequence[Text]) -> None:
    for number, row in enumerate(rows):
        grid.add_row("" if number else title, row)


def _effect(effect: EffectNotice) -> Text:
    arguments = ", ".join(f"{name}={line(source, 60)}" for name, source in effect.arguments.items())
    guard = f"  if {' and '.join(line(g, 60) for g in effect.guarded_by)}" if effect.guarded_by else ""
    times = f" ×{effect.times}" if effect.times != 1 else ""
    style = "red" if effect.effect == "irreversible" else "yellow"
    return Text.assemble(
        (clean(effect.tool), style), f"({arguments}){times}", (f"  {effect.effect}, line {effect.line}{guard}", "dim")
    )


def _flow(flow: Flow) -> Text:
    how = "from" if flow.kind == "data" else "chosen by" if flow.argument else "is decided by"
    value = "" if flow.value is None else f" = {shown(flow.value, 60)}"
    told = f"{flow.tool}: {flow.argument or 'the call'}{value} {how} {', '.join(flow.origins)}"
    in_front = flow.value is not None and flow.decision == "ask"
    decided = "asked for before anything runs" if in_front else _DECISIONS[flow.decision]
    return Text.assemble((line(told), "yellow"), (f"  {decided}, line {flow.line}", "dim"))


_DECISIONS = {"ask": "asked for when it comes to it", "deny": "will be refused", "listed": "listed only"}


def diagnostics_text(diagnostics: Iterable[Diagnostic], source: str, name: str) -> Text:
    """Diagnostics as compilers tell them: `name:line:column: error: …`, the line, and a caret below."""
    lines = source.split("\n")
    told = Text()
    for number, d in enumerate(diagnostics):
        where = f"{line(name)}:{d.line}:{d.column}: "
        style = "bold red" if d.severity == "error" else "bold yellow"
        hint = f" {d.hint}" if d.hint else ""
        told.append("\n" if number else "")
        told.append_text(
            Text.assemble((where, "bold"), (f"{d.severity}: ", style), line(d.message + hint, 1_000), (f" [{d.code}]", "dim"))
        )
        if 1 <= d.line <= len(lines) and lines[d.line - 1].strip():
            told.append("\n").append_text(_caret(lines[d.line - 1], d))
    return told


_WINDOW = 100  # characters of a long line that are shown around the place


def _caret(source: str, diagnostic: Diagnostic) -> Text:
    start = max(diagnostic.column - 1, 0)
    cut = max(0, start - _WINDOW // 2)
    shown = clean(source[cut : cut + _WINDOW]).replace("\t", " ")
    width = max(1, min(len(diagnostic.text) or 1, len(shown) - (start - cut)))
    return Text.assemble(f"    {shown}\n    ", " " * (start - cut), ("^" + "~" * (width - 1), "green"))
