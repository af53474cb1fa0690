"""planrail agents: a card is pinned by hand, and a plan of the command line delegates to its agent."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agent_host import hosted


async def planrail(home: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "planrail", *arguments, cwd=home, env={**os.environ, "PLANRAIL_HOME": str(home)},
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
