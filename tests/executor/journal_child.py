"""Other processes for the tests: `python journal_child.py WHAT URL …`. Each line that one prints is a fact."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from executor.engine.local import LocalEngine
from executor.engine.lock import WorkerLock
from executor.events import CancelRequested, RunEnded
from executor.journal.sql import SqlJournal


def say(*words: object) -> None:
    print(*words, flush=True)


async def append(url: str, run: str, count: str) -> None:
    """Append so many events from outside, each on its own; print each seq once it is durable. Starts at a line of input."""
    async with await SqlJournal.open(url) as journal:
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        for _ in range(int(count)):
            say(await journal.append(run, [CancelRequested(by="child")], epoch=None))


async def open_(url: str) -> None:
    """Open the journal once a line of input has come."""
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    async with await SqlJournal.open(url) as journal:
        say(len(await journal.find()))


async def hang(url: str, folder: str, worker: str) -> None:
    """An engine that takes one run and never ends it."""

    async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
        say("started", run, epoch)
        await asyncio.Event().wait()

    with WorkerLock(Path(folder), worker) as lock:
        async with (
            await SqlJournal.open(url) as journal,
            LocalEngine(journal, advance, liveness=lock, worker=worker, concurrency=1),
        ):
            await asyncio.to_thread(sys.stdin.readline)


async def work(url: str, folder: str, worker: str) -> None:
    """An engine that ends each run at once and prints it, until a line of input comes."""
    with WorkerLock(Path(folder), worker) as lock:
        async with await SqlJournal.open(url) as journal:

            async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
                say(run)
                await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)

            say("ready")
            async with LocalEngine(journal, advance, liveness=lock, worker=worker, concurrency=8):
                await asyncio.to_thread(sys.stdin.readline)


async def lock(folder: str, worker: str) -> None:
    """Hold a worker's lock until a line of input comes."""
    with WorkerLock(Path(folder), worker):
        say("locked")
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    jobs: dict[str, Callable[..., Awaitable[None]]] = {
        "append": append,
        "open": open_,
        "hang": hang,
        "work": work,
        "lock": lock,
    }

    async def main() -> None:
        await jobs[sys.argv[1]](*sys.argv[2:])

    asyncio.run(main())
