"""Statement text: a script by its statements, each with its mark, its place in time, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from planner.usage import NO_USAGE
from planrail.cli.plan_text import script_text
from planrail.cli.script_text import STYLES, line_states
from planrail.cli.text import dollars, line, plural, seconds
from planrail.statements import Row, rows
from planrail.timeline import bar
from planrail.view import MARKS, RunView, StepState, StepView

_BAR = 16  # cells
_WIDE = 96  # columns, from which on there is room for the bars
_IMPORTANT: frozenset[StepState] = frozenset(("failed", "asking", "running"))
_LEGEND: tuple[tuple[StepState, str], ...] = (
    ("failed", "failed"), ("asking", "asks a person"), ("running", "under way"), ("waiting", "not reached"),
    ("skipped", "its if was false"),
)  # fmt: skip


def shown_line(text: str, most: int = 400) -> str:
    """A statement's text, its indentation kept, with nothing in it that would steer a terminal."""
    return " " * (len(text) - len(text.lstrip())) + line(text, most)


def statement_table(view: RunView, *, width: int, most: int, color: bool) -> Table:
    """The statements of a run's script; of a long one those around what is not done, and its ends."""
    found = rows(view.script)
    states = line_states(view.steps)
    shown = _shown(found, {number for number, state in states.items() if state in _IMPORTANT}, most)
    texts = script_text("\n".join(shown_line(row.text) for row in found), color=color).split("\n")
    wide = width >= _WIDE and view.busy_s > 0
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, min_width=1)
    grid.add_column(no_wrap=True, style="dim", justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    grid.add_column(no_wrap=True, style="dim", justify="right")
    if wide:
        grid.add_column(no_wrap=True, min_width=_BAR)
    for _ in range(2):
        grid.add_column(no_wrap=True, style="dim", justify="right")
    hidden = 0
    for number, (row, text) in enumerate(zip(found, texts, strict=False)):
        if number not in shown:
            hidden += 1
            continue
        if hidden:
            grid.add_row("", "", Text(f"⋮ {plural(hidden, 'statement')}", style="dim"))
            hidden = 0
        steps = [s for s in view.steps if s.line == row.line]
        state = states.get(row.line)
        mark = Text(MARKS[state], style=STYLES[state]) if state else ""
        drawn = [_bar(steps, view.busy_s, state)] if wide else []
        grid.add_row(mark, str(row.line or ""), text, _items(steps), *drawn, *_took(steps))
    if hidden:
        grid.add_row("", "", Text(f"⋮ {plural(hidden, 'statement')}", style="dim"))
    legend = "  ".join(f"{MARKS[state]} {name}" for state, name in _LEGEND if state in states.values())
    if legend:
        grid.add_row("", "", Text(legend, style="dim"))
    return grid


def _shown(found: Sequence[Row], important: set[int], most: int) -> set[int]:
    if len(found) <= most:
        return set(range(len(found)))
    at = [number for number, row in enumerate(found) if row.line in important]
    around = {n + d for n in at for d in (-1, 0, 1)} & set(range(len(found)))
    head = max(most - len(around), 4)
    return around | set(range(head // 2)) | set(range(len(found) - head // 2, len(found)))


def _items(steps: Iterable[StepView]) -> str:
    """How many items of its maps are done, how many calls its loops have made."""
    return " ".join(_many(s) for s in steps if s.map or s.kind == "do")


def _many(step: StepView) -> str:
    if step.map and step.kind != "do":
        return f"{step.done}/{'?' if step.of is None else step.of}"
    return plural(step.calls, "call")


def _bar(steps: Sequence[StepView], length: float, state: StepState | None) -> Text:
    spans = sorted(span for step in steps for span in step.spans)
    return Text(bar(spans, length, _BAR), style=STYLES[state] if state else "dim")


def _took(steps: Sequence[StepView]) -> tuple[str, str]:
    """How long it took, or that it was read ahead of the plan's end; and how many tokens or $."""
    took = sum(s.seconds for s in steps)
    usage = sum((s.usage for s in steps), NO_USAGE)
    spent = f"{usage.tokens:,} tok" if usage.tokens else dollars(usage.usd) if usage.usd else ""
    ahead = "ahead" if any(s.early for s in steps) else ""
    return (seconds(took) if took else ahead, spent)
