"""A world in memory that plans read and change, whose every call waits until it is let go.

Latency is an order, not a time: each call that arrives lets go one of the calls that wait, some turns of the loop later, both
drawn from a seed. So calls overtake one another, and yet nothing ever waits for a clock.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from pydantic import BaseModel

from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json

SPACES = ("a", "b", "c")
FLAKY_USD = 0.02  # of each attempt
MAX_TURNS = 12  # of the loop, between a call's arrival and the release that it brings


class Rec(BaseModel):
    """What reads give. `seen` is the number of effects in the namespace by then: it tells when the read was made."""

    id: int
    n: int
    flag: bool
    seen: int = 0


class Page(BaseModel):
    items: list[Rec]
    next: int | None


@dataclass(frozen=True)
class Act:
    """The start or the end of one call in the world."""

    what: str  # "start" or "end"
    tool: str
    x: Json
    key: str


@dataclass
class World:
    """The state: effects by namespace, and everything that happened, in its order."""

    effects: list[tuple[str, int]] = field(default_factory=list)  # (tool, x)
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    by_key: Counter[str] = field(default_factory=Counter)  # attempts that were made with a key
    attempts: Counter[str] = field(default_factory=Counter)  # the same, since the last crash
    done: dict[str, tuple[str, int]] = field(default_factory=dict)  # key → effect
    acts: list[Act] = field(default_factory=list)

    def after_a_crash(self) -> World:
        """The same world for whoever comes next."""
        return World(list(self.effects), Counter(self.calls), Counter(self.by_key), done=dict(self.done))

    def seen(self, space: str) -> int:
        return sum(1 for name, _ in self.effects if name.startswith(f"{space}."))

    def call(self, name: str, x: int, attempt: int) -> Json | ToolFailed:
        """What a call gives; effects happen here and nowhere else."""
        space, _, verb = name.partition(".")
        self.calls[name, x] += 1
        match verb:
            case "look" | "fetch":
                return self.rec(space, x)
            case "some":
                return [self.rec(space, x * 7 + i) for i in range(x)]
            case "find":
                return ToolFailed(f"There is no {x}.", "not_found") if x % 3 == 0 else self.rec(space, x)
            case "broken":
                return ToolFailed(f"{x} is broken.") if x % 3 == 0 else self.rec(space, x)
            case "flaky":
                return ToolFailed("Later.", "transient") if attempt <= x % 4 else self.rec(space, x)
            case "ready":
                return {**self.rec(space, x), "flag": self.calls[name, x] > x % 4, "seen": 0}
            case "page":
                return {"items": [self.rec(space, x * 10 + i) for i in range(2)], "next": x + 1 if x % 3 else None}
            case "try_put" if x % 4 == 0:
                return ToolFailed(f"{x} cannot be put.")
            case _:
                self.effects.append((name, x))
                return self.result(x)

    def result(self, x: int) -> Json:
        return {"id": x, "n": x % 5, "flag": x % 2 == 0, "seen": 0}

    def rec(self, space: str, x: int) -> Json:
        return {"id": x, "n": x % 5, "flag": x % 2 == 0, "seen": self.seen(space)}


@dataclass
class Latency:
    """Lets calls go in an order of its own."""

    seed: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def pass_by(self) -> None:
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        self._after(loop, self._random.randrange(MAX_TURNS))
        await mine

    def _after(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        if turns:
            loop.call_soon(self._after, loop, turns - 1)
            return
        waiting = [w for w in self._waiting if not w.done()]
        if waiting:
            chosen = self._random.choice(waiting)
            self._waiting = [w for w in waiting if w is not chosen]
            chosen.set_result(None)


def tools_of(world: World, latency: Latency) -> Toolset:
    """The world's tools in three namespaces of the same tools."""
    found = Toolset()
    for space in SPACES:
        found |= Toolset.of(space, Space(world, latency, space))
    return found


class Space:
    """The tools of one namespace."""

    def __init__(self, world: World, latency: Latency, space: str) -> None:
        self._world, self._latency, self._space = world, latency, space

    async def _call(self, verb: str, x: int, context: ToolContext) -> Json:
        name, world = f"{self._space}.{verb}", self._world
        world.acts.append(Act("start", name, x, context.key))
        await self._latency.pass_by()
        world.by_key[context.key] += 1
        world.attempts[context.key] += 1
        before = len(world.effects)
        if verb == "add" and context.key in world.done:  # idempotent: it knows the key
            return world.result(x)
        given = world.call(name, x, world.attempts[context.key])
        if len(world.effects) > before:
            world.done[context.key] = (name, x)
        world.acts.append(Act("end", name, x, context.key))
        return given

    @tool(effect="read")
    async def look(self, x: int, context: ToolContext) -> Rec:
        """Look one up."""
        return await self._call("look", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read", open_world=True)
    async def fetch(self, x: int, context: ToolContext) -> Rec:
        """Look one up outside."""
        return await self._call("fetch", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read")
    async def some(self, x: int, context: ToolContext) -> list[Rec]:
        """So many of them."""
        return await self._call("some", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read", not_found=True)
    async def find(self, x: int, context: ToolContext) -> Rec | ToolFailed:
        """Find one that may not be there."""
        return await self._call("find", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read")
    async def broken(self, x: int, context: ToolContext) -> Rec | ToolFailed:
        """Fails for some."""
        return await self._call("broken", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read", retries=2, usd=FLAKY_USD)
    async def flaky(self, x: int, context: ToolContext) -> Rec | ToolFailed:
        """Fails at first."""
        return await self._call("flaky", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read")
    async def ready(self, x: int, context: ToolContext) -> Rec:
        """Look whether one is ready, which it is after a few looks."""
        return await self._call("ready", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read")
    async def page(self, start: int, context: ToolContext, next: int | None = None) -> Page:
        """A page of them."""
        return await self._call("page", next or start, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="write")
    async def put(self, x: int, context: ToolContext) -> Rec:
        """Put one."""
        return await self._call("put", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="write", commutes=True, idempotent=True)
    async def add(self, x: int, context: ToolContext) -> Rec:
        """Put one, in any order, once a key."""
        return await self._call("add", x, context)  # type: ignore[no-any-return]  # the schema checks it

    def told(self, key: str) -> bool:
        """Whether the call with this key took effect."""
        return key in self._world.done

    @tool(effect="irreversible", probe=told)
    async def send(self, x: int, context: ToolContext) -> Rec:
        """Send one."""
        return await self._call("send", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="write")
    async def try_put(self, x: int, context: ToolContext) -> Rec | ToolFailed:
        """Put one, if it can be put."""
        return await self._call("try_put", x, context)  # type: ignore[no-any-return]  # the schema checks it
