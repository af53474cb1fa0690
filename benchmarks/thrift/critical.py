"""Critical: the least time in which any engine could end a plan: the first token, the line that is needed last, the steps.

A read may start when its line has come and the read it stands on has ended, an effect when the whole plan has. What mends a
plan is asked for when that plan has ended. Nothing else takes time: no socket, no check, no commit.
"""

from __future__ import annotations

from benchmarks.thrift.door import STRONG, TEMPI
from benchmarks.thrift.form import Form, Plan
from planner.tokens import count_tokens


def critical_path_s(form: Form, factor: float, tool_s: float, *, fresh: bool) -> float:
    """Seconds from the goal to the answer; a first plan that is not fresh is there at once."""
    first, *mended = form.plans
    return sum(_seconds(p, factor, tool_s) for p in mended) + _seconds(first, factor if fresh else 0.0, tool_s)


def _seconds(plan: Plan, factor: float, tool_s: float) -> float:
    lines = plan.script.splitlines(keepends=True)
    ended: list[float] = []
    for beat in plan.path:
        told = lines if beat.effect else lines[: beat.line + 1]
        came = _came("".join(told), factor)
        ended.append(max(came, 0.0 if beat.after is None else ended[beat.after]) + tool_s)
    return max(_came(plan.script, factor), *ended)


def _came(text: str, factor: float) -> float:
    """Seconds until the strong model has written it."""
    return factor * TEMPI[STRONG].said_after(count_tokens(text))
