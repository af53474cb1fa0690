"""Script text: what has become of each line of a run's script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from planrail.view import StepState, StepView

STYLES: Mapping[StepState, str] = {
    "waiting": "dim", "running": "cyan", "asking": "yellow", "done": "green", "failed": "bold red", "skipped": "dim",
}  # fmt: skip
_WEIGHT: Sequence[StepState] = ("failed", "asking", "running", "waiting", "done", "skipped")


def line_states(steps: Iterable[StepView]) -> dict[int, StepState]:
    """What has become of each line that holds steps: the worst of them."""
    found: dict[int, StepState] = {}
    for step in steps:
        before = found.get(step.line)
        if before is None or _WEIGHT.index(step.state) < _WEIGHT.index(before):
            found[step.line] = step.state
    return found
