"""Agents: the events of steps that other agents carry out."""

from __future__ import annotations

from typing import Literal

from executor.events.base import Happened


class TaskDelegated(Happened):
    """Another agent has taken a call on, and calls it `task`: whoever goes on with the run goes on with that one."""

    type: Literal["task_delegated"] = "task_delegated"
    step: str
    item: str = ""
    agent: str
    task: str
    context: str = ""
