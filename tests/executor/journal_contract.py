"""What the journal's and the engine's tests share: submissions, events, other processes, bounded waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from executor.events import CancelRequested
from executor.journal.port import Journal
from executor.submission import Principal, Submission
from tests.warm import warm_python

NOON = datetime(2026, 11, 22, 12, 0, 0, 123, tzinfo=UTC)
CANCEL = CancelRequested(by="test")
BOUND_S = 60.0  # no wait of a test is longer


def submission(goal: str = "a goal", principal: str = "local") -> Submission:
    return Submission(goal=goal, principal=Principal(id=principal))


async def create(journal: Journal, run: str, *, principal: str = "local", minute: int = 0) -> None:
    await journal.create(submission(run, principal), run=run, key=run, now=NOON + timedelta(minutes=minute))


async def until(journal: Journal, holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait, bounded, until something holds of the journal; looks again at each change."""
    async with asyncio.timeout(BOUND_S):
        async for _ in journal.changes():
            if await holds():
                return


@asynccontextmanager
async def child(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of journal_child.py; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        warm_python(),
        str(Path(__file__).parent / "journal_child.py"),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that the process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(BOUND_S):
        return (await process.stdout.readline()).decode().strip()


async def go(process: asyncio.subprocess.Process) -> None:
    """Give the process the line it waits for."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()
