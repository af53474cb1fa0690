"""Farewell: the agents that have a task of a run that is cancelled are told so, also those whose question it waits for.

A call in flight tells its agent itself. Whoever ends the run tells the others: its owner, or who has cancelled it and found
that nobody carries it on. An agent may be told twice; one that cannot be reached in time keeps its task.
"""

from __future__ import annotations

import asyncio
import logging

from executor.agent_tools.tools import AgentTool
from executor.events import TaskDelegated
from executor.run import Run
from executor.toolset import Toolset
from planner.agents import tool_name_of

log = logging.getLogger(__name__)
_WITHIN_S = 5.0


def left_behind(run: Run) -> list[TaskDelegated]:
    """The tasks that other agents have of the run, and that have not ended as far as it knows."""
    calls = ((run.call(*address), task) for address, task in run.delegated.items())
    return [task for call, task in calls if call.finished is None and call.failed is None]


async def farewell(run: Run, toolset: Toolset) -> None:
    """Tell all of them, side by side, for a few seconds at most."""
    await asyncio.gather(*(_told(run.id, task, toolset) for task in left_behind(run)))


async def _told(run: str, task: TaskDelegated, toolset: Toolset) -> None:
    name = tool_name_of(task.agent)
    tools = [toolset[name]] if name in toolset else []
    told = [await tool.cancel(task.task, _WITHIN_S) for tool in tools if isinstance(tool, AgentTool)]
    if not any(told):
        log.warning("run %s is cancelled, and %s could not be told of its task %s", run, task.agent, task.task)
