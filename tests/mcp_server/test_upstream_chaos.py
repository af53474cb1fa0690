"""Other people's MCP servers that come, go, rename their tools and talk too much, while the others go on."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from executor.mcp_tools import connection
from executor.mcp_tools.hub import McpHub
from executor.run import is_over
from executor.tool import ToolDone, ToolFailed
from tests.mcp_server.test_upstream import SERVER, called, connected, entry, until_back
from tests.rig import ANN, BOUND_S, answer_of, reason_of, rig

RECOVERY_S = 5.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def over_http(state: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server that listens at the port; it is killed at the end."""
    env = {**os.environ, "STATE": str(state), "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-W", "ignore", str(SERVER), env=env)
    try:
        async with asyncio.timeout(BOUND_S):
            while not await listens(port):  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # nothing tells of a port that is open
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def until_gone(hub: McpHub, name: str) -> None:
    """Wait until the connection is known to be gone."""
    await asyncio.wait_for(hub.connections[name]._gone.wait(), BOUND_S)


async def test_a_server_over_http_that_is_killed_and_comes_back_is_called_again_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_FIRST_WAIT_S", 30.0)  # as if it had been away for long
    state, port = tmp_path / "s", free_port()
    async with over_http(state, port) as process:
        web = {"url": f"http://127.0.0.1:{port}/mcp", "trusted": True}
        async with connected({"web": web, "calc": entry(state)}) as (tools, hub):
            assert await called(tools, "web.add", a=1, b=2) == ToolDone(3)
            hanging = asyncio.create_task(called(tools, "web.hang"))
            while not state.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # the call says in a file that it has begun
            process.kill()
            lost = await asyncio.wait_for(hanging, BOUND_S)
            waiting = asyncio.create_task(called(tools, "web.add", a=2, b=2))  # finds out that it is gone, or waits for it
            await until_gone(hub, "web")
            assert await called(tools, "calc.add", a=1, b=1) == ToolDone(2)
            async with over_http(state, port):
                since = time.monotonic()
                late = await waiting
                again = late if isinstance(late, ToolDone) else await called(tools, "web.add", a=2, b=2)
                took = time.monotonic() - since
    assert isinstance(lost, ToolFailed)
    assert lost.kind == "timeout"
    assert again == ToolDone(4)
    assert took < RECOVERY_S


async def test_a_server_that_renames_a_tool_in_the_midst_of_a_run_is_not_called_by_the_old_name(tmp_path: Path) -> None:
    servers = {"calc": entry(tmp_path / "s", "restless"), "other": entry(tmp_path / "o")}
    script = "n = ask_user('How many?', returns=int)\nx = {}.add(a=n, b=2)\nanswer(x)"
    async with connected(servers) as (tools, hub), rig(tmp_path, tools) as house:
        renamed, other = [(await house.carried(script.format(name))).id for name in servers]
        await called(tools, "calc.rename")
        await until_back(hub, "calc", 2)
        for run in (renamed, other):
            await house.runs.answer(run, ANN, 3)
        async with house.engine():
            ended = await house.until(renamed, is_over)
            undisturbed = await house.until(other, is_over)
    assert "calc.add" in reason_of(ended)
    assert answer_of(undisturbed) == 5


async def test_a_server_that_floods_its_client_with_progress_disturbs_no_other(tmp_path: Path) -> None:
    servers = {"calc": entry(tmp_path / "s", "restless"), "other": entry(tmp_path / "o")}
    async with connected(servers) as (tools, _):
        flood = asyncio.create_task(called(tools, "calc.noise", times=5_000))
        others = [await called(tools, "other.add", a=n, b=1) for n in range(20)]
        during = flood.done()
        assert await flood == ToolDone(5_000)
    assert others == [ToolDone(n + 1) for n in range(20)]
    assert not during
