"""A town for races: tools whose every call stops twice, before it acts and after, until it is let go.

A call's time is up when somebody asks whether it took effect, as its deadline promises.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from executor.tool import ToolContext, tool


@dataclass(eq=False)
class Worker:
    """Somebody who has the run, or had it."""

    name: str
    begun: int  # on the race's own count of what was done
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[bool] | None = None
    over: int | None = None
    killed: bool = False
    zombie: bool = False

    @property
    def lives(self) -> bool:
        return self.over is None


@dataclass(eq=False)
class Stop:
    """A call that waits to be let go."""

    worker: Worker
    key: str
    acted: bool
    going: asyncio.Future[None]


@dataclass
class Town:
    """The world that the tools change."""

    stops: list[Stop] = field(default_factory=list)
    effects: list[tuple[str, int]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)  # keys
    given: dict[str, list[Worker]] = field(default_factory=lambda: defaultdict(list))  # key → who was told the result
    timed_out: set[Worker] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def begin(self, worker: Worker, key: str, what: str) -> None:
        """Nothing is bought twice: not what an earlier worker, which was not killed, had been given by its end."""
        earlier = [w for w in self.given[key] if not w.killed and w.over is not None and w.over < worker.begun]
        self.wrong += [f"{what} was given to {w.name} and made again by {worker.name}" for w in earlier]

    async def stop(self, worker: Worker, key: str, *, acted: bool) -> None:
        stop = Stop(worker, key, acted, asyncio.get_running_loop().create_future())
        self.stops.append(stop)
        try:
            await stop.going
        finally:
            self.stops.remove(stop)
        if worker in self.timed_out and not acted:
            raise TimeoutError

    def time_is_up(self, workers: Sequence[Worker]) -> None:
        """What these have begun and not done will not be done any more."""
        self.timed_out.update(workers)
        for stop in [s for s in self.stops if s.worker in self.timed_out and not s.acted and not s.going.done()]:
            stop.going.set_result(None)


@dataclass(frozen=True)
class Hands:
    """The tools in the hands of one worker."""

    town: Town
    worker: Worker

    async def _call(self, name: str, x: int, key: str, *, effect: bool = False, once: bool = False) -> int:
        town = self.town
        town.begin(self.worker, key, f"{name}({x})")
        await town.stop(self.worker, key, acted=False)
        if effect and not (once and key in town.done):
            town.effects.append((name, x))
            town.done.add(key)
        await town.stop(self.worker, key, acted=True)
        town.given[key].append(self.worker)
        return x

    @tool(effect="read")
    async def look(self, x: int, context: ToolContext) -> int:
        """A read that costs nothing."""
        return await self._call("look", x, context.key)

    @tool(effect="read", usd=0.01)
    async def price(self, x: int, context: ToolContext) -> int:
        """A read that costs a cent."""
        return await self._call("price", x, context.key)

    @tool(effect="write", idempotent=True)
    async def add(self, x: int, context: ToolContext) -> int:
        """An effect that knows its keys."""
        return await self._call("add", x, context.key, effect=True, once=True)

    def told(self, key: str) -> bool:
        """Whether it took effect."""
        return key in self.town.done

    @tool(effect="irreversible", probe=told)
    async def send(self, x: int, context: ToolContext) -> int:
        """An effect that can be looked up."""
        return await self._call("send", x, context.key, effect=True)

    @tool(effect="irreversible")
    async def ring(self, x: int, context: ToolContext) -> int:
        """An effect of which only a person can tell."""
        return await self._call("ring", x, context.key, effect=True)
