"""Chores: what a process that carries runs on does besides, found by the entry point group `planrail.chores`.

[project.entry-points."planrail.chores"]
push = "a2a_node.push.chore:delivering"
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points

from planrail.house import House

GROUP = "planrail.chores"

Chore = Callable[[House], AbstractAsyncContextManager[None]]
"""Entered while the process carries runs on; it starts what it does, and ends it."""


@asynccontextmanager
async def chores(house: House) -> AsyncIterator[None]:
    """All that are installed, while it is entered."""
    async with AsyncExitStack() as stack:
        for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
            chore: Chore = point.load()
            await stack.enter_async_context(chore(house))
        yield
