"""Other people's MCP servers as tools: real servers in processes of their own, with their faults."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from executor.call import call_tool
from executor.errors import ToolDeclarationError
from executor.mcp_tools.hub import McpHub
from executor.mcp_tools.result import data_in
from executor.mcp_tools.server import expanded, mcp_servers, namespace_of, read_mcp_servers
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from executor.toolset import LiveToolset, Toolset
from planner.policy import Policy, ToolPolicy
from planner.toolspec import Json
from tests.rig import ANN, BOUND_S, answer_of, rig
from tests.warm import warm_python

SERVER = Path(__file__).with_name("foreign_server.py")


def entry(state: Path, mode: str = "", **more: Json) -> dict[str, Json]:
    env = {"STATE": str(state), "MODE": mode}
    return {"command": str(warm_python()), "args": [str(SERVER)], "env": env, "trusted": True, **more}


@asynccontextmanager
async def connected(servers: dict[str, Json], policy: Policy | None = None) -> AsyncIterator[tuple[LiveToolset, McpHub]]:
    live = LiveToolset(Toolset(), policy or Policy())
    async with asyncio.timeout(4 * BOUND_S), McpHub(mcp_servers(servers, "a test"), live) as hub:
        await hub.ready(BOUND_S)
        yield live, hub


async def called(tools: Toolset, name: str, **arguments: Json) -> ToolResult:
    return await call_tool(tools[name], arguments, ToolContext(key="k"))


async def until_back(hub: McpHub, name: str, listings: int) -> None:
    """Wait until the server has listed its tools that often."""
    connection = hub.connections[name]
    changed = asyncio.Event()
    hub.changed.append(changed.set)
    while connection.listing.number < listings:
        changed.clear()
        await changed.wait()


async def test_a_servers_tools_are_called_with_what_they_give_read_as_data(tmp_path: Path) -> None:
    async with connected({"calc": entry(tmp_path / "s")}) as (tools, _):
        assert list(tools.specs) == [f"calc.{n}" for n in ("add", "fail", "flood", "hang", "told", "write")]
        assert await called(tools, "calc.add", a=1, b=2) == ToolDone(3)
        assert await called(tools, "calc.told", text='{"x": [1]}') == ToolDone({"x": [1]})
        assert await called(tools, "calc.told", text="just words") == ToolDone("just words")
        missing = await called(tools, "calc.add", a=1)
        failed = await called(tools, "calc.fail")
    assert isinstance(missing, ToolFailed)
    assert missing.kind == "invalid"
    assert isinstance(failed, ToolFailed)
    assert "secret" not in failed.message


async def test_nothing_that_a_server_says_of_itself_is_believed_unless_it_is_trusted(tmp_path: Path) -> None:
    servers = {"a": entry(tmp_path / "s"), "b": {**entry(tmp_path / "s"), "trusted": False}}
    async with connected(servers, Policy(tools={"b.write": ToolPolicy(effect="write", trusted=("",))})) as (tools, _):
        a, b, write = tools.specs["a.add"], tools.specs["b.add"], tools.specs["b.write"]
    assert (a.effect, a.open_world) == ("read", False)
    assert (b.effect, b.open_world, dict(b.labels)) == ("irreversible", True, {})
    assert (write.effect, dict(write.labels)) == ("write", {"": "trusted"})


async def test_servers_that_are_missing_or_silent_or_talk_on_stdout_disturb_no_other(tmp_path: Path) -> None:
    servers = {
        "good": entry(tmp_path / "s"), "missing": {"command": "/nonexistent"}, "chatty": entry(tmp_path / "s", "chatty"),
        "silent": entry(tmp_path / "s", "silent", startup_s=0.5),
    }  # fmt: skip
    async with connected(servers) as (tools, hub):
        assert await called(tools, "good.add", a=1, b=1) == ToolDone(2)
        assert await called(tools, "chatty.add", a=1, b=1) == ToolDone(2)
        problems = {name: c.problem for name, c in hub.connections.items() if not c.is_up}
    assert set(problems) == {"missing", "silent"}
    assert "nonexistent" in problems["missing"]
    assert "0.5 s" in problems["silent"]


async def test_a_server_that_is_killed_in_mid_call_comes_back_and_the_call_says_that_nobody_knows(tmp_path: Path) -> None:
    state = tmp_path / "s"
    async with connected({"calc": entry(state, command=sys.executable)}) as (tools, hub):
        call = asyncio.create_task(called(tools, "calc.hang"))
        await asyncio.to_thread(until_there, state)  # the call says in a file that it has begun
        back = asyncio.create_task(until_back(hub, "calc", 2))
        os.kill(child_of(SERVER), signal.SIGKILL)
        lost = await call
        await back
        again = await called(tools, "calc.add", a=2, b=2)
    assert isinstance(lost, ToolFailed)
    assert (lost.kind, again) == ("timeout", ToolDone(4))


async def test_a_call_that_tells_nothing_for_too_long_is_given_up(tmp_path: Path) -> None:
    async with connected({"calc": entry(tmp_path / "s", idle_s=0.3)}) as (tools, _):
        silent = await called(tools, "calc.hang")
        assert await called(tools, "calc.add", a=1, b=2) == ToolDone(3)
    assert isinstance(silent, ToolFailed)
    assert (silent.kind, "0.3 s" in silent.message) == ("timeout", True)


async def test_five_megabytes_are_a_result_and_twenty_are_a_failure(tmp_path: Path) -> None:
    async with connected({"calc": entry(tmp_path / "s")}) as (tools, _):
        large = await called(tools, "calc.flood", kib=5 * 1024)
        huge = await called(tools, "calc.flood", kib=20 * 1024)
    assert isinstance(large, ToolDone)
    assert len(large.value) == 5 << 20
    assert isinstance(huge, ToolFailed)


async def test_a_tool_that_is_another_one_by_now_is_not_called(tmp_path: Path) -> None:
    state = tmp_path / "s"
    async with connected({"calc": entry(state, "renamed", command=sys.executable)}) as (tools, hub):
        before = tools.snapshot()
        state.touch()
        os.kill(child_of(SERVER), signal.SIGKILL)
        await called(before, "calc.told", text="x")  # whoever calls finds out that it is gone
        await until_back(hub, "calc", 2)
        changed = await called(before, "calc.add", a=1, b=2)
        assert "calc.sum" in tools
        assert "calc.add" not in tools
    assert isinstance(changed, ToolFailed)
    assert (changed.kind, "has changed" in changed.message) == ("refused", True)


async def test_a_run_uses_a_servers_tools_as_any_others(tmp_path: Path) -> None:
    state = tmp_path / "s"
    async with connected({"calc": entry(state)}) as (tools, _), rig(tmp_path, tools) as house:
        run = await house.carried('total = calc.add(a=1, b=2)\nw = calc.write(line=f"{total}")\nanswer(w)')
    assert (answer_of(run), state.read_text()) == ("written", "3\n")
    assert run.submission.principal == ANN


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}), ("[1, 2]", [1, 2]), ("[1, NaN]", "[1, NaN]"), ("12", "12"), ("", ""),
        ("name: Ann\nage: 7", {"name": "Ann", "age": 7}), ("opens: 9:30\nclosed: no", {"opens": "9:30", "closed": "no"}),
        ("Note: it rains", "Note: it rains"), ("Dear Ann,\nhow are you: well?", "Dear Ann,\nhow are you: well?"),
        ("- id: 1\n- id: 2", [{"id": 1}, {"id": 2}]), ("a: &x 1\nb: *x", "a: &x 1\nb: *x"), ("{" * 5000, "{" * 5000),
    ],
)  # fmt: skip
def test_text_that_is_a_document_is_data_and_other_text_is_text(text: str, value: Any) -> None:
    assert data_in(text) == value


def test_names_and_variables_are_read_as_claude_desktops_file_has_them(tmp_path: Path) -> None:
    assert [namespace_of(n) for n in ("my-server", "2do", "class", "Päck!", "--")] == [
        "my_server",
        "mcp_2do",
        "mcp_class",
        "p_ck",
        "server",
    ]
    assert expanded("a ${X} ${Y:-z} ${GONE}.", {"X": "1"}) == "a 1 z ."
    file = tmp_path / "claude.json"
    web = {"type": "http", "url": "https://x.example/mcp", "headers": {"A": "b"}}
    file.write_text(json.dumps({"mcpServers": {"web": web, "off": {"command": "x", "disabled": True}}}))
    assert list(read_mcp_servers(file)) == ["web"]
    with pytest.raises(ToolDeclarationError, match=r"web in there: .*either command or url"):
        mcp_servers({"web": {}}, "there")
    with pytest.raises(ToolDeclarationError, match="would be the namespace a_b"):
        mcp_servers({"a-b": {"command": "x"}, "a_b": {"command": "x"}}, "there")


def until_there(file: Path) -> None:
    """Return when the file is there: another process writes it, and nothing tells of that."""
    subprocess.run(["timeout", str(BOUND_S), "sh", "-c", f"until [ -e '{file}' ]; do sleep 0.02; done"], check=True)


def child_of(script: Path) -> int:
    """The process of this test's server."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", str(script)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[-1])
