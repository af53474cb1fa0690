"""A tool call through our MCP server, and its cold start, beside the bare SDK's: `python -m benchmarks.mcp`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from mcp import Client, StdioServerParameters

from benchmarks.bare_mcp import ARGUMENTS, TOOL
from benchmarks.databases import folder
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared

CALLS = 300  # of a round
OURS, BARE = [sys.executable, "-m", "planrail"], [sys.executable, "-m", "benchmarks.bare_mcp"]
_ROOT = Path(__file__).parents[1]
_CONFIG = "packs = []\n[mcp]\ntools_tokens = 100_000  # one by one, as the bare one has them\n"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Server:
    """A server in a process of its own, and a client in front of it; both sides have the same client."""

    def __init__(self, client: Client, process: int) -> None:
        self._client = client
        self._process = process
        self.cpu_ms: list[float] = []  # of the server's process, a call, in each round

    async def calls(self, count: int) -> float:
        """ms of wall clock a call."""
        begun, used = time.perf_counter(), self._cpu_s()
        for _ in range(count):
            result = await self._client.call_tool(TOOL, ARGUMENTS)
            assert not result.is_error, result
        self.cpu_ms.append((self._cpu_s() - used) / count * 1e3)
        return (time.perf_counter() - begun) / count * 1e3

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S


async def measured(options: Options) -> Table:
    count = options.size(CALLS, 30)
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        (place / "planrail.toml").write_text(_CONFIG)
        environment = _environment(place)
        servers = {
            "stdio": await stack.enter_async_context(at_stdio([*OURS, "mcp"], environment)),
            "bare stdio": await stack.enter_async_context(at_stdio(BARE, environment)),
            "HTTP": await stack.enter_async_context(over_http([*OURS, "serve", "--port"], environment)),
            "bare HTTP": await stack.enter_async_context(over_http(BARE, environment)),
        }
        works: dict[str, Measure] = {name: partial(server.calls, count) for name, server in servers.items()}
        for work in works.values():
            await work()  # warm
        taken = await interleaved(works, options)
    cpu = {name: server.cpu_ms[1:] for name, server in servers.items()}
    rows: list[Row] = []
    for way in ("stdio", "HTTP"):
        rows.append(compared(f"a call, {way}: wall", taken[way], "ms", "bare SDK", taken[f"bare {way}"], Bar("≤", 1.25)))
        rows.append(
            compared(f"a call, {way}: the server's CPU", cpu[way], "ms", "bare SDK", cpu[f"bare {way}"], Bar("≤", 1.25))
        )
    rows += await _cold(options)
    notes = (
        f"One client, `{TOOL}` of two short texts, {count} calls one after the other a round. Wall is the client's, which is "
        "the same on both sides; the newer era of the protocol.",
        "The cold start is from the start of the process to the first `tools/list`, with the bytecode compiled and the files "
        "in memory; its CPU until the process has ended. Ours opens its database and lists all reads, the bare one lists one.",
    )
    return Table("MCP: a tool call, and a cold start", tuple(rows), notes)


async def _cold(options: Options) -> list[Row]:
    with folder() as place:
        (place / "planrail.toml").write_text(_CONFIG)
        environment, cpu = _environment(place), {"ours": list[float](), "bare": list[float]()}
        works: dict[str, Measure] = {
            "ours": partial(first_list_ms, [*OURS, "mcp"], environment, cpu["ours"]),
            "bare": partial(first_list_ms, BARE, environment, cpu["bare"]),
        }
        for work in works.values():
            await work()  # warm: bytecode, the files in memory, the database
        taken = await interleaved(works, options)
    return [
        compared("cold start to the first list: wall", taken["ours"], "ms", "bare SDK", taken["bare"], Bar("≤", 1.3)),
        compared("cold start to the first list: CPU", cpu["ours"][1:], "ms", "bare SDK", cpu["bare"][1:], Bar("≤", 1.3)),
    ]


async def first_list_ms(command: list[str], environment: dict[str, str], cpu_ms: list[float]) -> float:
    """ms of wall clock from the start of a server at stdio to its list of tools; its CPU until its end goes to `cpu_ms`."""
    before, begun = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    async with Client(_parameters(command, environment)) as client:
        await client.list_tools()
        taken = (time.perf_counter() - begun) * 1e3
    after = getrusage(RUSAGE_CHILDREN)
    cpu_ms.append((after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3)
    return taken


@asynccontextmanager
async def at_stdio(command: list[str], environment: dict[str, str]) -> AsyncIterator[Server]:
    before = _children()
    async with Client(_parameters(command, environment)) as client:
        (process,) = _children() - before
        yield Server(client, process)


@asynccontextmanager
async def over_http(command: list[str], environment: dict[str, str]) -> AsyncIterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *command, str(port), cwd=environment["PLANRAIL_HOME"], env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await _listens(port)
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            yield Server(client, process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> None:
    """Return when somebody listens at the port."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _parameters(command: list[str], environment: dict[str, str]) -> StdioServerParameters:
    return StdioServerParameters(command=command[0], args=command[1:], env=environment, cwd=environment["PLANRAIL_HOME"])


def _environment(place: Path) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI"))}
    return {**plain, "PLANRAIL_HOME": str(place), "PYTHONPATH": str(_ROOT)}


def _children() -> frozenset[int]:
    """The processes that this one has started."""
    return frozenset(int(p) for task in Path("/proc/self/task").iterdir() for p in (task / "children").read_text().split())


if __name__ == "__main__":
    main(measured)
