"""The bundle for Claude Desktop: packed and validated by the official packer, unpacked, started as its manifest says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from bundle.pack import packed, packer

BOUND_S = 300.0


def uv(folder: Path) -> str:
    """uv, as Claude Desktop brings it along; installed where the machine has none."""
    found = shutil.which("uv")
    if found is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "uv"), "uv"]
        subprocess.run(pip, check=True, timeout=BOUND_S)
        found = str(folder / "uv" / "bin" / "uv")
    return found


@pytest.mark.proof
@pytest.mark.skipif(shutil.which("npx") is None, reason="the packer needs Node")
async def test_the_unpacked_bundle_starts_and_lists_its_tools(tmp_path: Path) -> None:
    packer("unpack", str(packed(tmp_path / "planrail.mcpb")), str(tmp_path / "unpacked"))
    manifest = json.loads((tmp_path / "unpacked" / "manifest.json").read_text())
    command = manifest["server"]["mcp_config"]
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI", "PYTHON", "VIRTUAL_ENV"))}
    server = StdioServerParameters(
        command=uv(tmp_path),
        args=[a.replace("${__dirname}", str(tmp_path / "unpacked")) for a in command["args"]],
        env={**plain, "PLANRAIL_HOME": str(tmp_path / "home"), **dict.fromkeys(command["env"], "")},
    )
    async with asyncio.timeout(BOUND_S), Client(server, read_timeout_seconds=BOUND_S) as client:
        listed = {t.name for t in (await client.list_tools()).tools}
        done = await client.call_tool("run_plan", {"script": "answer(6 * 7)"})
    assert {t["name"] for t in manifest["tools"]} <= listed
    assert (command["command"], done.structured_content["answer"]) == ("uv", 42)
