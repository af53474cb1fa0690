"""System: one way to reach a goal, and what those are called that are measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.thrift.form import Form

ONE, PARALLEL, ONE_CHEAP, PARALLEL_CHEAP = (
    "ReAct, one call",
    "ReAct, parallel",
    "cheap ReAct, one call",
    "cheap ReAct, parallel",
)
CLASSIC, CLASSIC_TOGETHER = "plan → exec → replan", "plan → exec → replan, parallel"
COMPILER, FRESH, FRESH_CHEAP, KEPT = "LLMCompiler", "Planrail", "Planrail, cheap planner", "Planrail, kept plan"
OUR_ONE, OUR_PARALLEL = "Planrail --mode react --one-call", "Planrail --mode react"
OURS_IN_REACT = {OUR_ONE: ONE, OUR_PARALLEL: PARALLEL}  # and whose mode it is
Ask = Callable[[], Awaitable[str]]
Opened = Callable[[str, Form, Path], AbstractAsyncContextManager[Ask]]  # the model's URL, the goal, a database file


@dataclass(frozen=True)
class System:
    """One way to reach a goal. What `opened` gives is timed; what it takes to open is not."""

    name: str
    opened: Opened
    kept: bool = False  # its plan has been kept from goals of the same form, in which nothing surprised


def rival(run: Callable[[str, Form], Awaitable[str]]) -> Opened:
    """One that has nothing to open, and keeps nothing."""

    @asynccontextmanager
    async def opened(url: str, form: Form, database: Path) -> AsyncIterator[Ask]:
        yield partial(run, url, form)

    return opened
