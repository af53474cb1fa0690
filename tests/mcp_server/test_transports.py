"""The MCP door as a user opens it: `planrail mcp` at stdin and stdout, `planrail serve` over HTTP, with keys and tokens."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from planrail.keys import hash_of, new_key
from tests.mcp_server.doors import ERAS, text_of
from tests.warm import warm_command

FRESH = [sys.executable, "-W", "ignore", "-m", "planrail"]
GOAL = {"goal": "List the gym leads in Austin"}
BOUND_S = 90.0


def environment(home: Path, **more: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI"))}
    return {**plain, "PLANRAIL_HOME": str(home), **more}


@asynccontextmanager
async def served(home: Path, config: str = "", *options: str) -> AsyncIterator[str]:
    """The address of a server in a process of its own."""
    (home / "planrail.toml").write_text(config)
    process = await asyncio.create_subprocess_exec(
        warm_command(), "serve", "--port", "0", "--json", *options, cwd=home, stdout=asyncio.subprocess.PIPE,
        env={**environment(home), "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(BOUND_S):
            told = b""
            while not told.rstrip().endswith(b"}"):
                line = await process.stdout.readline()
                assert line, "the server ended"
                told += line
            yield json.loads(told)["address"]
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), BOUND_S) in (0, -15)


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_at_stdin_and_stdout_runs_a_goal_whatever_is_printed(tmp_path: Path, era: str) -> None:
    server = StdioServerParameters(command=FRESH[0], args=[*FRESH[1:], "mcp"], env=environment(tmp_path))
    async with asyncio.timeout(BOUND_S), Client(server, mode=era) as client:
        done = await client.call_tool("run_goal", GOAL)
    assert done.structured_content["status"] == "done"


async def test_one_pipe_speaks_both_eras_one_after_the_other(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *FRESH, "mcp", env=environment(tmp_path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answers = []
    async with asyncio.timeout(BOUND_S):
        for number, (method, params) in enumerate([("server/discover", {"_meta": meta}), ("initialize", hello)], 1):
            process.stdin.write(
                json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"
            )
            answers.append(json.loads(await process.stdout.readline()))
        process.stdin.close()
        assert await process.wait() == 0
    assert "2026-07-28" in answers[0]["result"]["supportedVersions"]
    assert answers[1]["result"]["protocolVersion"] == "2025-11-25"


async def test_a_killed_client_leaves_its_run_which_another_finds_by_its_key(tmp_path: Path) -> None:
    server = StdioServerParameters(command=str(warm_command()), args=["mcp"], env=environment(tmp_path))
    asked = {"script": 'who = ask_user("Who?", returns=str)\nanswer(who)', "key": "k"}
    async with asyncio.timeout(BOUND_S):
        async with Client(server) as client:
            first = await client.call_tool("run_plan", asked)
        async with Client(server) as client:
            again = await client.call_tool("run_plan", asked)
            run, question = again.structured_content["run_id"], again.structured_content["questions"][0]["id"]
            done = await client.call_tool("answer_run", {"run_id": run, "question": question, "answer": "Ann"})
    assert first.structured_content["run_id"] == run
    assert "Ann" in text_of(done)


async def test_over_http_each_key_sees_its_own_runs_and_without_one_there_is_nothing(tmp_path: Path) -> None:
    ann, bob = new_key(), new_key()
    config = "".join(f'[auth.keys.{n}]\nhash = "{hash_of(k)}"\nprincipal = "{n}"\n' for n, k in (("ann", ann), ("bob", bob)))
    async with served(tmp_path, config) as address:
        async with with_key(address, ann) as client:
            mine = (await client.call_tool("run_goal", GOAL)).structured_content["run_id"]
        async with with_key(address, bob) as client:
            listed = (await client.call_tool("list_runs", {})).structured_content["runs"]
            foreign = await client.call_tool("get_run", {"run_id": mine})
        async with httpx.AsyncClient() as web:
            bare = await web.post(f"{address}/mcp", json={})
            wrong = await web.post(f"{address}/mcp", json={}, headers={"Authorization": f"Bearer {new_key()}"})
            health = await web.get(f"{address}/healthz")
    assert (listed, foreign.is_error) == ([], True)
    assert (bare.status_code, wrong.status_code, health.json()["ok"]) == (401, 401, True)


@asynccontextmanager
async def with_key(address: str, key: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    web = httpx2.AsyncClient(headers=headers, timeout=BOUND_S)
    async with web, Client(streamable_http_client(f"{address}/mcp", http_client=web)) as client:
        yield client


@pytest.mark.parametrize("era", ERAS)
async def test_this_machine_needs_no_key_and_strange_hosts_and_origins_are_refused(tmp_path: Path, era: str) -> None:
    async with served(tmp_path) as address:
        async with Client(f"{address}/mcp", mode=era) as client:
            done = await client.call_tool("run_goal", GOAL)
        async with httpx.AsyncClient() as web:
            accept = {"Accept": "application/json, text/event-stream"}
            host = await web.post(f"{address}/mcp", json={}, headers={**accept, "Host": "evil.example"})
            origin = await web.post(f"{address}/mcp", json={}, headers={**accept, "Origin": "https://evil.example"})
    assert done.structured_content["status"] == "done"
    assert (host.status_code, origin.status_code) == (421, 403)
