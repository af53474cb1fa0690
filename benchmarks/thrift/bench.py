"""Bench: systems are run on workloads; what each asked its model is counted at the door, and how long it took is measured."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.thrift.door import OpenDoor
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.outputs import Outputs
from benchmarks.thrift.system import System
from benchmarks.thrift.workloads import Workload


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

    async def taken(self, system: System, workload: Workload, pace: Pace, number: int = 0) -> Measured:
        """One run, and those that have to be before, on a database of their own; `number` is its round."""
        database = self.place / f"{abs(hash((system.name, workload, pace, number)))}.db"
        for apart in _EARLIER if system.kept else ():
            seed = workload.seed + (apart if workload.form.slots else 0)
            await self._run(system, replace(workload, seed=seed, calm=True), AT_ONCE, database)
        return await self._run(system, workload, pace, database)

    async def _run(self, system: System, workload: Workload, pace: Pace, database: Path) -> Measured:
        """Seconds from the goal to the answer, which has to be right."""
        Outputs.size, Outputs.seconds = workload.size, pace.tool_s
        form = workload.form
        url = self.door.begin(system.name, workload, pace.factor)
        async with system.opened(url, form, database) as ask:
            begun = time.perf_counter()
            answer = await ask()
            seconds = time.perf_counter() - begun
        if form.answer not in answer:
            raise RuntimeError(f"{system.name} answers {answer!r} and not {form.answer!r}")
        return Measured(self.door.end(url), [seconds])
