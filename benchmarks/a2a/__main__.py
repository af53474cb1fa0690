"""Goals and streams of our agent beside one on the SDK's own machinery, on the same database: `python -m benchmarks.a2a`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial

from benchmarks.a2a.server import PLAIN, Agent, bare, listening, ours, plan
from benchmarks.databases import folder, postgres_server, sqlite
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared, latency

DATABASES = ("SQLite", "PostgreSQL")
STREAMS = 200
_CONFIG = f"runs = {STREAMS}\n"


class Cpu:
    """The CPU of an agent, ms a time, in each round."""

    def __init__(self) -> None:
        self.ms: dict[str, list[float]] = {}

    async def taken(self, name: str, agent: Agent, work: Callable[[], Awaitable[None]], times: int) -> float:
        """ms of wall clock a time."""
        begun, used = time.perf_counter(), agent.cpu_s()
        for _ in range(times):
            await work()
        self.ms.setdefault(name, []).append((agent.cpu_s() - used) / times * 1e3)
        return (time.perf_counter() - begun) / times * 1e3


async def measured(options: Options) -> Table:
    goals, chunks = options.size(50, 10), options.size(1_000, 100)
    cpu, works = Cpu(), dict[str, Measure]()
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        urls = stack.enter_context(_databases())
        for database in DATABASES:
            place = stack.enter_context(folder())
            pair = {
                "ours": await stack.enter_async_context(ours(urls[f"{database} ours"], place, _CONFIG)),
                "bare": await stack.enter_async_context(bare(urls[f"{database} bare"])),
            }
            for side, agent in pair.items():
                await agent.send()  # warm
                name = f"{database} {side}"
                works[f"{name} goal"] = partial(cpu.taken, f"{name} goal", agent, agent.send, goals)
                works[f"{name} stream"] = partial(cpu.taken, f"{name} stream", agent, partial(agent.chunks, chunks), 1)
        taken = await interleaved(works, options)
        for database in DATABASES:
            for what, told in (("goal", "a goal that is nothing, to its end"), ("stream", f"a stream of {chunks:,} chunks")):
                mine, theirs = f"{database} ours {what}", f"{database} bare {what}"
                rows.append(compared(f"{database}: {told}: wall", taken[mine], "ms", "the SDK", taken[theirs], Bar("≤", 0.7)))
                rows.append(compared(f"{database}: {told}: the agent's CPU", cpu.ms[mine], "ms", "the SDK", cpu.ms[theirs]))
    with sqlite() as url, folder() as place:
        async with ours(url, place, _CONFIG) as agent:
            rows += await _linear(agent, chunks, options)
    with sqlite() as url, folder() as place:
        async with ours(url, place, _CONFIG) as agent:
            rows += await _at_once(agent, options)
    notes = (
        "One client that reads HTTP+JSON, the same for both, each agent a process of its own. The SDK's is its "
        "DefaultRequestHandler with its DatabaseTaskStore, whose executor says what ours says and does nothing; ours plans, "
        "certifies, journals and calls a tool for each chunk. Chunks are told to a client with the extension.",
        "Every commit is synced on both sides: SQLite with the journal that each opens it with (ours WAL, the SDK's a rollback "
        "journal), PostgreSQL with fsync.",
        "How late a status is, is counted from the time that the journal gives its event to when another process has read it: "
        "the commit is within. The runs' steps are pauses of a second, or of 200 ms in the run that all listen to; the "
        "listeners are one process that parses each update.",
    )
    return Table("A2A: goals and streams", tuple(rows), notes)


async def _linear(agent: Agent, few: int, options: Options) -> list[Row]:
    """Ten times as many chunks."""
    many = few * 10
    await agent.chunks(few)
    small, large = list[float](), list[float]()
    before = agent.megabytes()
    for _ in range(options.rounds):
        for count, found in ((few, small), (many, large)):
            used = agent.cpu_s()
            await agent.chunks(count)
            found.append((agent.cpu_s() - used) / count * 1e6)
    grown = agent.megabytes() - before
    return [
        compared(f"a chunk of {many:,}: the agent's CPU", large, "µs", f"a chunk of {few:,}", small, Bar("≤", 1.5)),
        Row(f"{many:,} chunks: the agent's memory grows by, at most", grown, "MB"),
    ]


async def _at_once(agent: Agent, options: Options) -> list[Row]:
    """Many streams: of a run each, and of one run."""
    streams, steps = options.size(STREAMS, 20), options.size(10, 4)
    bar = Bar("≤", 250, "ms")
    bodies = [plan(chain(steps, 1_000)) for _ in range(streams)]
    async with listening(agent, "/message:stream", bodies) as late:
        own = await late()
    wish = {**plan(chain(5 * steps, 200)), "configuration": {"returnImmediately": True}}
    answer = await agent.http.post("/message:send", json=wish, headers=PLAIN)
    task = answer.raise_for_status().json()["task"]["id"]
    async with listening(agent, f"/tasks/{task}:subscribe", [{}] * streams) as late:
        same = await late()
    return [
        latency(f"{streams} streams of a run each: a status is late by, p95", own, bar),
        latency(f"{streams} streams of one run: a status is late by, p95", same, bar),
    ]


def chain(steps: int, ms: int) -> str:
    """A script of pauses, one after the other."""
    first = f"a0 = bench.pause(n=0, ms={ms})\n"
    return first + "".join(f"a{i} = bench.pause(n=a{i - 1}, ms={ms})\n" for i in range(1, steps)) + f"answer(a{steps - 1})\n"


@contextmanager
def _databases() -> Iterator[dict[str, str]]:
    """An empty one for each side of each kind."""
    with sqlite() as one, sqlite() as other, postgres_server() as server:
        yield {
            "SQLite ours": one,
            "SQLite bare": other,
            "PostgreSQL ours": server.new_database(),
            "PostgreSQL bare": server.new_database(),
        }


if __name__ == "__main__":
    main(measured)
