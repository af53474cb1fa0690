"""planrail agents: a card is pinned by hand, and a plan of the command line delegates to its agent."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from a2a.types import CancelTaskRequest, TaskState
from agent_host import hosted

from tests.a2a_node.node import message, node, states, task_of, told
from tests.warm import warm_command


async def planrail(home: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        warm_command(), *arguments, cwd=home, env={**os.environ, "PLANRAIL_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    return told.decode()


async def test_an_agent_that_is_added_is_delegated_to_listed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "a.script").write_text('a = delegate("flights", "say hello")\nanswer(a)\n')
    async with hosted() as host:
        added = await planrail(tmp_path, "agents", "add", host.url, "--name", "flights")
        ran = await planrail(tmp_path, "run", "--script", "a.script")
    listed = await planrail(tmp_path, "agents", "list")
    await planrail(tmp_path, "agents", "remove", "flights")
    assert added.endswith('Plans may write delegate("flights", "goal").\n')
    assert "\ndone\nhello\n" in ran
    assert listed.startswith(f"flights  {host.url}  irreversible\n")
    assert "No agent is known" in await planrail(tmp_path, "agents", "list")


async def test_cancelling_a_run_that_waits_for_an_agent_s_question_cancels_it_there_though_no_worker_is_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.script").write_text('a = delegate("flights", "ask")\nanswer(a)\n')
    async with hosted() as host:
        (tmp_path / "planrail.toml").write_text(f'[agents.flights]\nurl = "{host.url}"\n')
        waits = json.loads(await planrail(tmp_path, "run", "--script", "a.script", "--json"))
        cancelled = json.loads(await planrail(tmp_path, "cancel", waits["id"], "--json"))
        (task,) = await host.tasks()
    assert (waits["status"], cancelled["status"]) == ("waiting", "cancelled")
    assert host.agent.cancelled == [task.id]


async def test_a_node_that_was_restarted_cancels_at_another_agent_what_waits_for_its_question(tmp_path: Path) -> None:
    asks = message(data={"script": 'a = delegate("flights", "auth")\nanswer(a)'})
    async with hosted() as host:
        (tmp_path / "planrail.toml").write_text(f'[agents.flights]\nurl = "{host.url}"\n')
        async with node(tmp_path) as before, before.client() as client:
            waits = await told(client, asks)
        async with node(tmp_path) as after, after.client() as client:
            cancelled = await client.cancel_task(CancelTaskRequest(id=task_of(waits).id))
        (task,) = await host.tasks()
    assert (states(waits)[-1], TaskState.Name(cancelled.status.state)) == ("AUTH_REQUIRED", "TASK_STATE_CANCELED")
    assert host.agent.cancelled == [task.id]
