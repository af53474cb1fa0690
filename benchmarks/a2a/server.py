"""Server: an agent in a process of its own, and what one client asks of it, by REST on one connection."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from a2a_node.extension import URI
from benchmarks.a2a.pack import install

_ROOT = Path(__file__).parents[2]
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PATIENCE = httpx.Timeout(600)
ROOM = {"calls": 100_000, "calls_per_step": 100_000, "seconds": 10**7, "usd": 1_000, "fan_out": 100_000}
PLAIN = {"A2A-Version": "1.0"}
EXTENDED = PLAIN | {"A2A-Extensions": URI}  # each item of a map is told to those alone who ask for it


@dataclass
class Agent:
    """One agent, and where it is."""

    address: str
    process: int
    ours: bool
    http: httpx.AsyncClient

    async def send(self) -> None:
        """A goal that is nothing, to its end."""
        message = plan('answer("done")') if self.ours else words("")
        answer = await self.http.post("/message:send", json=message)
        task = answer.raise_for_status().json()["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED", task

    async def chunks(self, count: int) -> None:
        """A goal whose result comes in so many chunks, streamed to its end."""
        script = f"found = [bench.same(n=i) for i in range({count})]\nanswer(len(found))"
        heard = state = ""
        number = 0
        async for update, _ in stream(self.http, plan(script) if self.ours else words(str(count))):
            if "artifactUpdate" in update:
                heard = update["artifactUpdate"]["artifact"]["artifactId"]
                number += heard in ("found", "step-found")
            else:
                state = (update.get("task") or update["statusUpdate"])["status"]["state"]
        assert (heard, state) == ("result", "TASK_STATE_COMPLETED"), (heard, state)
        assert number == count + self.ours, number  # ours closes them with the whole

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def megabytes(self) -> float:
        """What it holds in memory, at most, since it has begun."""
        told = Path(f"/proc/{self.process}/status").read_text()
        return int(next(line for line in told.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


async def stream(http: httpx.AsyncClient, body: dict[str, Any]) -> AsyncIterator[tuple[dict[str, Any], float]]:
    """What is streamed for a message, and when each came."""
    async with http.stream("POST", "/message:stream", json=body, headers=EXTENDED) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:]), time.time()


@asynccontextmanager
async def listening(
    agent: Agent, path: str, bodies: list[dict[str, Any]]
) -> AsyncIterator[Callable[[], Awaitable[list[float]]]]:
    """So many streams, each open when it is entered; what it gives waits for their ends: how late each status came, in s."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.a2a.listener", cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    told = {"address": agent.address, "path": path, "bodies": bodies, "headers": PLAIN}
    process.stdin.write(json.dumps(told).encode() + b"\n")
    lines = process.stdout
    try:
        assert await lines.readline() == b"begun\n"

        async def late() -> list[float]:
            found: list[float] = json.loads(await lines.readline())
            return found

        yield late
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def words(text: str, **more: Any) -> dict[str, Any]:
    part = {"text": text} if text else {"data": {}}
    return {"message": {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [part], **more}}


def plan(script: str) -> dict[str, Any]:
    parts = [{"data": {"script": script, "budget": ROOM}}]
    return {"message": {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": parts}}


@asynccontextmanager
async def ours(url: str, home: Path, config: str = "") -> AsyncIterator[Agent]:
    """`planrail serve` on that database, with the pack of the benchmark."""
    install(home)
    (home / "planrail.toml").write_text('packs = ["bench"]\n' + config)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI"))},
        "PLANRAIL_HOME": str(home),
        "PLANRAIL_DATABASE_URL": url,
        "PYTHONPATH": f"{_ROOT}:{home}",
    }
    async with _agent([sys.executable, "-m", "planrail", "serve", "--port", "0", "--json"], environment, True) as agent:
        yield agent


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Agent]:
    """The SDK's own machinery on that database."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    async with _agent([sys.executable, "-m", "benchmarks.a2a.bare", url], environment, False) as agent:
        yield agent


@asynccontextmanager
async def _agent(command: list[str], environment: dict[str, str], is_ours: bool) -> AsyncIterator[Agent]:
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = b""
        while not told.rstrip().endswith(b"}"):
            line = await process.stdout.readline()
            assert line, command
            told += line
        address = json.loads(told)["address"]
        async with httpx.AsyncClient(base_url=address, headers=PLAIN, timeout=_PATIENCE) as http:
            yield Agent(address, process.pid, is_ours, http)
    finally:
        process.terminate()
        await process.wait()
