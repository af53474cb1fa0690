"""What the configuration says of MCP: what clients are offered, which servers are used, who approves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ResourceUpdatedNotification, ToolListChangedNotification

from executor.submission import Principal
from mcp_server.door import Door
from mcp_server.server import McpDoor
from tests.mcp_server.doors import ERAS, client_of, opened, text_of
from tests.mcp_server.test_transports import BOUND_S, environment, served
from tests.mcp_server.test_upstream import entry
from tests.planrail.command import Command
from tests.warm import warm_command

APPROVES = 'approve("save a score")\nsaved = crm.save_score(id=8, score=50)\nanswer(saved.score)'
APPROVER = Principal(kind="agent", scopes=frozenset(("approve",)))  # of the same person as MODEL
SETTINGS = '[mcp]\ntools_tokens = 50000\neffects = ["crm.add_note"]\n'


def at_stdio(folder: Path, config: str, *options: str) -> StdioServerParameters:
    """`planrail mcp` in a folder with that planrail.toml."""
    (folder / "planrail.toml").write_text(config)
    return StdioServerParameters(
        command=str(warm_command()),
        args=["mcp", *options],
        env=environment(folder, PYTHONPATH=str(Path.cwd())),
        cwd=folder,
    )


async def test_effects_are_offered_where_planrail_toml_says_so_at_stdio_and_over_http(tmp_path: Path) -> None:
    async with asyncio.timeout(BOUND_S), Client(at_stdio(tmp_path, SETTINGS)) as client:
        offered = {t.name for t in (await client.list_tools()).tools}
        noted = await client.call_tool("crm_add_note", {"lead_id": 8, "text": "called"})
    async with served(tmp_path, SETTINGS) as address, Client(f"{address}/mcp") as client:
        over_http = {t.name for t in (await client.list_tools()).tools}
    assert {"crm_add_note", "crm_save_score"} & offered == {"crm_add_note"}
    assert offered == over_http
    assert noted.structured_content["status"] == "done"


def test_an_effect_that_there_is_not_is_named_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text('[mcp]\neffects = ["crm.add_noet", "files.write_file"]\n')
    refused = Command(tmp_path)("mcp")
    assert (refused.code, refused.out) == (1, "")
    assert "there is no tool crm.add_noet" in refused.err
    assert "Nearest: crm.add_note" in refused.err


async def test_without_a_worker_runs_are_submitted_and_stay_queued(tmp_path: Path) -> None:
    async with asyncio.timeout(BOUND_S), Client(at_stdio(tmp_path, "[mcp]\nwait_s = 0.3\n", "--no-worker")) as client:
        submitted = await client.call_tool("run_plan", {"script": "answer(1)"})
    async with asyncio.timeout(BOUND_S), Client(at_stdio(tmp_path, "")) as client:
        done = await client.call_tool("run_plan", {"script": "answer(1)"})
    assert submitted.structured_content["status"] == "queued"
    assert (done.structured_content["run_id"], done.structured_content["answer"]) == (submitted.structured_content["run_id"], 1)


async def test_who_may_approve_does_what_who_submitted_may_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        approver = McpDoor(Door(door.door.house, lambda ctx: APPROVER))
        async with client_of(door, "auto") as agent, client_of(approver, "auto") as boss:
            run = (await agent.run("run_plan", script=APPROVES))["run_id"]
            refused = await agent.call("answer_run", run_id=run, question="approve", answer=True)
            seen = await boss.run("get_run", run_id=run)
            done = await boss.call("answer_run", run_id=run, question="approve", answer=True)
            own = await boss.run("run_plan", script=APPROVES, key="own")
            never = await boss.call("answer_run", run_id=own["run_id"], question="approve", answer=True)
    assert refused.is_error
    assert (seen["questions"][0]["answered_by"], seen["next"]) == ("you", f"answer_run('{run}', question, answer)")
    assert (done.structured_content["status"], done.structured_content["answer"]) == ("done", 50)
    assert own["questions"][0]["answered_by"] == "a person"
    assert "is an approval" in text_of(never)


def test_the_servers_of_a_file_are_used_by_the_commands_that_are_told_it(tmp_path: Path) -> None:
    file = tmp_path / "claude.json"
    file.write_text(json.dumps({"mcpServers": {"calc": entry(tmp_path / "s"), "gone": {"command": "/no/such/server"}}}))
    command = Command(tmp_path)
    script = tmp_path / "sum.script"
    script.write_text("answer(calc.add(a=1, b=2))\n")
    ran = command("run", "--script", str(script), "--mcp-config", str(file), "--json")
    checked = command("check", str(script), "--mcp-config", str(file))
    without = command("check", str(script))
    listed = command("tools", "calc", "--mcp-config", str(file))
    told = command("doctor", "--mcp-config", str(file))
    assert (ran.json["answer"], checked.code, without.code) == (3, 0, 1)
    assert "calc.add" in listed.out
    assert "✓ MCP server calc: 6 tools, trusted" in told.out
    assert "✗ MCP server gone: FileNotFoundError" in told.out
    assert told.code == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_has_listed_the_tools_hears_that_they_are_others(tmp_path: Path, era: str) -> None:
    heard = asyncio.Event()

    async def told(message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            heard.set()

    async def listens(client: Client, ready: asyncio.Event) -> None:
        async with client.listen(tools_list_changed=True) as changes:
            ready.set()
            async for _ in changes:
                heard.set()

    async with opened(tmp_path) as door, client_of(door, era, message_handler=told) as c:
        await c.client.list_tools()
        ready = asyncio.Event()
        listening = asyncio.create_task(listens(c.client, ready)) if era == "auto" else None
        if listening is not None:
            await ready.wait()
        for change in door.door.house.hub.changed:
            change()
        async with asyncio.timeout(BOUND_S):
            await heard.wait()
        if listening is not None:
            listening.cancel()
            await asyncio.wait((listening,))


@pytest.mark.filterwarnings("ignore:resources/subscribe is removed")
async def test_an_older_client_that_subscribed_to_a_run_hears_of_it(tmp_path: Path) -> None:
    heard: list[str] = []
    ended = asyncio.Event()

    async def told(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(str(message.params.uri))
            ended.set()

    async with opened(tmp_path) as door, client_of(door, "legacy", message_handler=told) as c:
        asked = await c.run("run_plan", script='who = ask_user("Who?", returns=str)\nanswer(who)')
        await c.client.session.subscribe_resource(f"run://{asked['run_id']}")
        await c.call("answer_run", run_id=asked["run_id"], question=asked["questions"][0]["id"], answer="Ann")
        async with asyncio.timeout(BOUND_S):
            await ended.wait()
    assert set(heard) == {f"run://{asked['run_id']}"}
