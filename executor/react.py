"""React: a run without a plan of its own. Its script is one loop: the strong model calls tools until it has the answer.

For goals that cannot be planned up front. The same journal, ceilings and policy hold; the run's ceilings alone bound the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from executor.events import PlanProposed
from executor.submission import Submission
from planner.names import free_name
from planner.toolspec import ToolSpec


def react_plan(submission: Submission, tools: Sequence[ToolSpec]) -> PlanProposed:
    """The script of a run in ReAct mode over these tools; the goal is its parameter."""
    name = free_name("goal", (t.namespace for t in tools))
    listed = ", ".join(t.name for t in tools)
    alone = ", parallel=False" if submission.one_call else ""
    script = f'answer(do({name}, tools=[{listed}], model="planner"{alone}))\n'
    return PlanProposed(script=script, source="react", params={name: submission.goal})
