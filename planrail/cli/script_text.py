"""Script text: a run's script by lines, each with the mark of what has become of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from planrail.cli.plan_text import script_text
from planrail.cli.text import plural
from planrail.view import MARKS, RunView, StepState, StepView

STYLES: Mapping[StepState, str] = {
    "waiting": "dim", "running": "cyan", "asking": "yellow", "done": "green", "failed": "bold red", "skipped": "dim",
}  # fmt: skip
_WEIGHT: Sequence[StepState] = ("failed", "asking", "running", "waiting", "done", "skipped")


def numbered(view: RunView, *, color: bool, most: int | None = None) -> Table:
    """The script by lines with the marks of their steps; with `most`, long scripts are shown around what is not done."""
    first = len(view.script) - len(view.script.lstrip("\n"))
    lines = script_text(view.script, color=color).split("\n")
    marks = line_states(view.steps)
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, min_width=1)
    grid.add_column(no_wrap=True, min_width=len(str(view.script.count("\n") + 1)), style="dim", justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    hidden = 0
    shown = _shown(len(lines), {n - first for n, s in marks.items() if s in ("failed", "asking", "running")}, most)
    for number, content in enumerate(lines, 1):
        if number not in shown:
            hidden += 1
            continue
        if hidden:
            grid.add_row("", "", Text(f"⋮ {plural(hidden, 'line')}", style="dim"))
            hidden = 0
        state = marks.get(number + first)
        grid.add_row(Text(MARKS[state], style=STYLES[state]) if state else "", str(number + first), content)
    if hidden:
        grid.add_row("", "", Text(f"⋮ {plural(hidden, 'line')}", style="dim"))
    return grid


def line_states(steps: Iterable[StepView]) -> dict[int, StepState]:
    """What has become of each line that holds steps: the worst of them."""
    found: dict[int, StepState] = {}
    for step in steps:
        before = found.get(step.line)
        if before is None or _WEIGHT.index(step.state) < _WEIGHT.index(before):
            found[step.line] = step.state
    return found


def _shown(count: int, important: set[int], most: int | None) -> set[int]:
    if most is None or count <= most:
        return set(range(1, count + 1))
    around = {n + d for n in important for d in (-2, -1, 0, 1, 2)} & set(range(1, count + 1))
    head = max(most - len(around), 4)
    return around | set(range(1, head // 2 + 1)) | set(range(count - head // 2 + 1, count + 1))
