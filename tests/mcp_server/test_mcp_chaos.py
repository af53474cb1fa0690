"""Two servers behind a round-robin on one database, of which one is killed, and clients that go away: nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

from tests.mcp_server.test_transports import environment
from tests.warm import warm_command

BOUND_S = 240.0
AT_ONCE = 5
APPROVES = 'approve("save {n}")\ns = crm.save_score(id=8, score=50)\nanswer([s.score, {n}])'
SCRIPTS = {
    "call": "x = crm.get_lead(id=8)\nanswer([x.id, {n}])",
    "long": 'x = crm.get_lead(id=8)\nwait("4s")\nanswer([x.id, {n}])',
    "modern": APPROVES,
    "legacy": APPROVES,
}


@dataclass
class Servers:
    """The processes, and the round-robin in front of them: each connection goes to the next one that takes it."""

    homes: Path
    url: str
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    turn: int = 0

    async def start(self) -> None:
        home = self.homes / f"h{len(self.processes)}"
        home.mkdir()
        env = environment(home, PLANRAIL_DATABASE_URL=self.url, PYTHONPATH=str(Path.cwd()))
        command = [warm_command(), "serve", "--port", "0", "--json"]
        process = await asyncio.create_subprocess_exec(*command, cwd=home, env=env, stdout=asyncio.subprocess.PIPE)
        self.processes.append(process)
        assert process.stdout is not None
        told = b""
        while not told.rstrip().endswith(b"}"):
            told += await process.stdout.readline()
        self.ports.append(int(json.loads(told)["address"].rpartition(":")[2]))

    async def kill(self, number: int) -> None:
        self.processes[number].kill()
        await self.processes[number].wait()

    async def next(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in self.ports:
            self.turn += 1
            try:
                return await asyncio.open_connection("127.0.0.1", self.ports[self.turn % len(self.ports)])
            except OSError:
                continue
        raise ConnectionRefusedError

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to the next server, both ways."""
        try:
            theirs, there = await self.next()
            await asyncio.gather(_carried(reader, there), _carried(theirs, writer))
        except OSError:
            writer.close()


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def served_by_two(homes: Path, url: str) -> AsyncIterator[tuple[Servers, int]]:
    """Two servers, and the port of the round-robin."""
    servers = Servers(homes, url)
    async with asyncio.timeout(BOUND_S):
        try:
            await servers.start()  # the first makes the tables
            await servers.start()
            robin = await asyncio.start_server(servers.take, "127.0.0.1", 0)
            yield servers, robin.sockets[0].getsockname()[1]
            robin.close()
        finally:
            for process in servers.processes:
                if process.returncode is None:
                    process.kill()
                await process.wait()


@asynccontextmanager
async def client_at(port: int, mode: str) -> AsyncIterator[Client]:
    """A client of which each request of the newer era is a connection of its own; its person says yes."""

    async def yes(context: object, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"answer": True})

    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(
            httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_keepalive_connections=0 if mode == "auto" else 5))
        )
        door = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=web)
        yield await stack.enter_async_context(Client(door, mode=mode, elicitation_callback=yes))  # type: ignore[arg-type]


async def ended(servers: Servers, robin: int, kind: str, n: int) -> list[int]:
    """The answer of one run, however often its client and its server go away meanwhile: the key finds it again."""
    asked = {"script": SCRIPTS[kind].format(n=n), "key": f"{kind}-{n}"}
    attempt = 0
    while True:
        attempt += 1
        legacy = kind == "legacy"  # its sessions live in one process: each keeps to one server
        port = servers.ports[(n + attempt) % len(servers.ports)] if legacy else robin
        try:
            async with client_at(port, "legacy" if legacy else "auto") as client:
                if kind == "long" and attempt == 1:  # a client that is gone before its run is done
                    await asyncio.wait_for(client.call_tool("run_plan", asked), 2.0)
                told = (await client.call_tool("run_plan", asked)).structured_content
        except Exception:  # noqa: BLE001  # whatever a client makes of a server that is gone
            await asyncio.sleep(0.1)  # a client that comes again does not come at once
            continue
        if told["status"] == "done":
            found: list[int] = told["answer"]
            return found
        assert told["status"] in ("queued", "running", "waiting"), told


@pytest.mark.parametrize(
    ("calls", "approvals", "longs"), [(6, 2, 2), pytest.param(100, 20, 20, marks=pytest.mark.proof)], ids=["few", "many"]
)
async def test_two_servers_of_which_one_is_killed_and_clients_that_go_away_lose_nothing(
    tmp_path: Path, postgres_url: str, calls: int, approvals: int, longs: int
) -> None:
    half = approvals // 2
    wanted = [("long", longs), ("modern", half), ("legacy", half), ("call", calls)]
    jobs = [(kind, n) for kind, count in wanted for n in range(count)]
    room, over = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(0)

    async def one(kind: str, n: int) -> list[int]:
        async with room:
            answer = await ended(servers, robin, kind, n)
        over.release()
        return answer

    async with served_by_two(tmp_path, postgres_url) as (servers, robin):
        going = [asyncio.create_task(one(*job)) for job in jobs]
        for _ in range(len(jobs) // 4):
            await over.acquire()
        await servers.kill(0)
        await servers.start()
        answers = await asyncio.gather(*going)
        async with client_at(robin, "auto") as client:
            runs: list[Any] = []
            while page := (await client.call_tool("list_runs", {"limit": 50, **_before(runs)})).structured_content["runs"]:
                runs += page
    assert answers == [[8 if kind in ("call", "long") else 50, n] for kind, n in jobs]
    assert [r["status"] for r in runs] == ["done"] * len(jobs)


def _before(runs: list[Any]) -> dict[str, str]:
    return {"before": runs[-1]["run_id"]} if runs else {}
