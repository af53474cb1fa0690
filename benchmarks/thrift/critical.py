"""Critical: the least time in which any engine could end a plan: the first token, the line that is needed last, the steps.

A read may start when its line has come and the read it stands on has ended, an effect when the whole plan has. Nothing else
takes time: no socket, no check, no commit.
"""

from __future__ import annotations

from benchmarks.thrift.door import STRONG, TEMPI
from benchmarks.thrift.workloads import Workload
from planner.tokens import count_tokens


def critical_path_s(workload: Workload, factor: float, tool_s: float, *, fresh: bool) -> float:
    """Seconds from the goal to the answer; a plan that is not fresh is there at once."""
    lines = workload.script.splitlines(keepends=True)
    ended: list[float] = []
    for line, after, effect in workload.path:
        told = lines if effect else lines[: line + 1]
        came = factor * TEMPI[STRONG].said_after(count_tokens("".join(told))) if fresh else 0.0
        ended.append(max(came, 0.0 if after is None else ended[after]) + tool_s)
    whole = factor * TEMPI[STRONG].said_after(count_tokens(workload.script)) if fresh else 0.0
    return max(whole, *ended)
