"""Mortal: a whole worker in a process of its own that is killed with SIGKILL: nothing is tidied up.

`write=K`: it dies when the write that holds a run's event K is committed, before anybody in the process hears of it (1: when
the run is taken). `act=N`: when its N-th call has acted, before anybody hears of that. `gate`: when it has the run it says
"taken", and goes on when it is told to. Otherwise it says "ready" and lives until `kill`.

The processes are forked from one that has imported everything: a fresh interpreter a kill would be most of a proof's time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from mortal_world import MortalWorld, Shop

from executor.events import Event, Recorded
from executor.journal.port import Journal
from planrail.house import House, open_house
from planrail.settings import Settings

NEVER = 1 << 60
BOUND_S = 60.0  # no wait of a proof is longer, but for a whole soak
_LOADED = ("planrail.house", "executor.engine.procrastinate", "executor.engine.local", "planner.llm.scripted")


@dataclasses.dataclass(frozen=True)
class Doom:
    """When the process is to die."""

    write: int = NEVER
    act: int = NEVER
    gate: bool = False
    pause_s: float = 0.0  # before and after each act


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedJournal:
    """The journal as its segments have it; the process ends at its K-th event."""

    def __init__(self, journal: Journal, doom: Doom, pipe: Connection) -> None:
        self._journal, self._at = journal, doom.write
        self._gate = pipe if doom.gate else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def read(self, run: str, **more: Any) -> list[Recorded]:
        if self._gate is not None:
            gate, self._gate = self._gate, None
            gate.send("taken")
            await asyncio.to_thread(gate.recv)
        if self._at <= 1:
            die()
        return await self._journal.read(run, **more)

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        seq = await self._journal.append(run, events, **more)
        if seq is not None and seq >= self._at:
            die()
        return seq


def furnished(house: House, shop: Shop, journal: Journal | None = None) -> House:
    """The house with the shop's tools and models, and perhaps another journal for its segments."""
    tools, models = shop.toolset(), shop.models()
    planning = dataclasses.replace(house.segments.planning, tools=tools.specs, terms=models.terms(parallel=16))
    segments = dataclasses.replace(
        house.segments, toolset=tools, models=models, planning=planning, journal=journal or house.journal
    )
    return dataclasses.replace(house, toolset=tools, models=models, segments=segments)


def countdown(acts: int) -> Callable[[], None]:
    """Ends the process when it has been called so often."""
    left = iter(range(acts - 1))

    def acted() -> None:
        if next(left, None) is None:
            die()

    return acted


def live(settings: Settings, folder: Path, word: str, doom: Doom, pipe: Connection) -> None:
    """The process."""
    asyncio.run(_live(settings, Shop(MortalWorld(folder), word, countdown(doom.act), doom.pause_s), doom, pipe))


async def _live(settings: Settings, shop: Shop, doom: Doom, pipe: Connection) -> None:
    async with open_house(settings) as opened:
        journal: Any = DoomedJournal(opened.journal, doom, pipe)
        async with furnished(opened, shop, journal).engine():
            if not doom.gate:
                pipe.send("ready")
            await asyncio.Event().wait()


class Mortal:
    """The process, seen from outside."""

    def __init__(self, process: ForkServerProcess, pipe: Connection) -> None:
        self._process, self._pipe = process, pipe

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    async def says(self, word: str) -> None:
        """Wait until it says so."""
        assert await asyncio.to_thread(self._pipe.poll, BOUND_S), f"it never said {word}"
        assert self._pipe.recv() == word

    def go(self) -> None:
        self._pipe.send("go")

    def kill(self) -> None:
        self._process.kill()

    async def gone(self) -> None:
        """Wait until it has been killed."""
        await asyncio.to_thread(self._process.join, BOUND_S)
        assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode


@asynccontextmanager
async def mortal(settings: Settings, world: MortalWorld, word: str, doom: Doom = Doom()) -> AsyncIterator[Mortal]:
    """A worker; killed at the end."""
    ours, theirs = multiprocessing.Pipe()
    process = _nursery().Process(target=live, args=(settings, world.folder, word, doom, theirs), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        yield Mortal(process, ours)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        ours.close()


@cache
def _nursery() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    return context
