"""Child: another process of a benchmark. It does one role, writes JSON lines, and ends at the end of its input.

python -m benchmarks.child ROLE ARGUMENTS-AS-JSON
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.hook import Hook
from benchmarks.ours import NOBODY, PLENTY, Ours, chain, open_ours
from executor.events import CallFinished
from planrail.process import settle

_ROOT = Path(__file__).parents[1]
_LINE = 10_000_000  # bytes of the longest line
_LINGER = 0.3  # seconds that a follower settles before its CPU is counted


class Child:
    """The parent's end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:  # JSON
        """The next line that it writes."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a benchmark's other process ended too early")
        return json.loads(line)

    async def asked(self) -> Any:  # JSON
        """What it answers to an empty line."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return await self.line()

    async def end(self) -> None:
        """Close its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()


@asynccontextmanager
async def child(role: str, **arguments: object) -> AsyncIterator[Child]:
    """A process in that role."""
    command = [sys.executable, "-m", "benchmarks.child", role, json.dumps(arguments)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=_ROOT, limit=_LINE)
    held = Child(process)
    try:
        yield held
    finally:
        await held.end()
        await process.wait()


async def work(url: str, runs: int) -> None:
    """A worker with so many slots; for each line of its input, the CPU seconds that it has used."""
    async with open_ours(url) as house, house.engine(runs=runs):
        _tell("ready")
        async for _ in await _input():
            _tell(time.process_time())


async def follow(url: str, run: str) -> None:
    """A follower: for each stamped step, the seconds from the tool's return to here."""
    async with open_ours(url) as house:
        _tell("ready")
        async for recorded in house.runs.events(run, NOBODY):
            event = recorded.event
            if isinstance(event, CallFinished) and event.step != "answer" and isinstance(event.value, float):
                _tell(time.monotonic() - event.value)
        _tell(None)


async def idle(url: str, run: str, seconds: float) -> None:
    """A follower of a run to which nothing happens: the CPU seconds it used meanwhile."""
    async with open_ours(url) as house:
        following = asyncio.create_task(_exhaust(house, run))
        await asyncio.sleep(_LINGER)
        begun = time.process_time()
        await asyncio.sleep(seconds)
        _tell(time.process_time() - begun)
        following.cancel()


async def burst(url: str, runs: int, followed: bool) -> None:
    """All runs in this one process: seconds from the first submit to the last end, CPU seconds, and the peak memory in MB."""
    async with open_ours(url) as house, house.engine(runs=runs):
        await house.ended(await house.submit(chain("pure")))  # warm
        script = chain("wait,ms=50")
        start, cpu = time.perf_counter(), time.process_time()
        submitted = await asyncio.gather(*(house.submit(script, PLENTY) for _ in range(runs)))
        if followed:
            await asyncio.gather(*(house.ended(run) for run in submitted))
        else:
            await house.all_ended()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        _tell([time.perf_counter() - start, time.process_time() - cpu, peak])


async def hook() -> None:
    """A receiver of notifications: its port; for each task that ends, how many came since its input's last line, and when."""
    heard = 0

    def hear(ended: bool) -> None:
        nonlocal heard
        heard += 1
        if ended:
            _tell([heard, time.monotonic()])

    server = await asyncio.get_running_loop().create_server(lambda: Hook(hear), "127.0.0.1", 0, backlog=1_000)
    _tell(server.sockets[0].getsockname()[1])
    async for _ in await _input():
        heard = 0
        _tell("ready")


ROLES: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    "work": work, "follow": follow, "idle": idle, "burst": burst, "hook": hook
}  # fmt: skip


async def _exhaust(house: Ours, run: str) -> None:
    async for _ in house.runs.events(run, NOBODY):
        pass


async def _input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _tell(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    settle()
    asyncio.run(ROLES[sys.argv[1]](**json.loads(sys.argv[2])))
