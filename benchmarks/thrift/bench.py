"""Bench: systems are run on workloads; what each asked its model is counted at the door, and how long it took is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.thrift.door import OpenDoor
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.outputs import Outputs
from benchmarks.thrift.system import Ask, System
from benchmarks.thrift.workloads import Workload

Run = Callable[[], Awaitable[Measured]]


@dataclass(frozen=True)
class Pace:
    """How fast life is: the models' latencies are scaled, and a tool waits so long."""

    factor: float
    tool_s: float


AT_ONCE, TENTH, LIFE = Pace(0.0, 0.0), Pace(0.1, 0.05), Pace(1.0, 0.5)
_EARLIER = (-1, 1, 2)  # seeds of the goals that are asked before, from the one that counts: smaller numbers and larger ones
_WARM = 50  # the seed, likewise, of the goal that has warmed the vendor's cache


@dataclass(frozen=True)
class Bench:
    """The door, and a folder for our databases."""

    door: OpenDoor
    place: Path
    warmed: set[tuple[str, str]] = field(default_factory=set)  # systems and forms

    async def counted(self, systems: Iterable[System], workload: Workload) -> dict[str, Measured]:
        """Every system's model calls. Each has been asked another goal of this form before."""
        found = {}
        for system in systems:
            form = system.name, workload.form.name
            if form not in self.warmed:
                await self.taken(system, replace(workload, seed=workload.seed + _WARM), AT_ONCE)
                self.warmed.add(form)
            found[system.name] = await self.taken(system, workload, AT_ONCE)
        return found

    async def timed(self, systems: Iterable[System], workload: Workload, pace: Pace, number: int) -> dict[str, Measured]:
        """The same at a pace, one after the other: a round of them."""
        return {system.name: await self.taken(system, workload, pace, number) for system in systems}

    async def timed_at_once(self, systems: Iterable[System], workload: Workload, pace: Pace) -> dict[str, Measured]:
        """The same, all at once: most of what they do is wait."""
        async with AsyncExitStack() as stack:
            runs = {s.name: await stack.enter_async_context(self._opened(s, workload, pace, 0)) for s in systems}
            found = await asyncio.gather(*(run() for run in runs.values()))
        return dict(zip(runs, found, strict=True))

    async def taken(self, system: System, workload: Workload, pace: Pace, number: int = 0) -> Measured:
        """One run, and those that have to be before."""
        async with self._opened(system, workload, pace, number) as run:
            return await run()

    @asynccontextmanager
    async def _opened(self, system: System, workload: Workload, pace: Pace, number: int) -> AsyncIterator[Run]:
        """The system, opened on a database of its own, on which those runs have been that have to be before."""
        database = self.place / f"{abs(hash((system.name, workload, pace, number)))}.db"
        for apart in _EARLIER if system.kept else ():
            seed = workload.seed + (apart if workload.form.slots else 0)
            earlier = replace(workload, seed=seed, calm=True)
            url = self._begun(system, earlier, AT_ONCE)
            async with system.opened(url, earlier.form, database) as ask:
                await self._asked(system, earlier, url, ask)
        url = self._begun(system, workload, pace)
        async with system.opened(url, workload.form, database) as ask:
            yield partial(self._asked, system, workload, url, ask)

    def _begun(self, system: System, workload: Workload, pace: Pace) -> str:
        Outputs.size, Outputs.seconds = workload.size, pace.tool_s
        return self.door.begin(system.name, workload, pace.factor)

    async def _asked(self, system: System, workload: Workload, url: str, ask: Ask) -> Measured:
        """Seconds from the goal to the answer, which has to be right."""
        begun = time.perf_counter()
        answer = await ask()
        seconds = time.perf_counter() - begun
        if workload.form.answer not in answer:
            raise RuntimeError(f"{system.name} answers {answer!r} and not {workload.form.answer!r}")
        return Measured(self.door.end(url), [seconds])
