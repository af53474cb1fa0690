"""The official conformance suite against a server process: with its fixtures nothing fails; plain, only what needs them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.mcp_server.test_foreign_clients import FOREIGN, NODE
from tests.mcp_server.test_transports import served

SUITE = FOREIGN / "node/node_modules/@modelcontextprotocol/conformance/dist/index.js"
PLAIN = Path(__file__).parent / "plain.yml"
LEGS = {"2025-11-25": 33, "2026-07-28": 40, "all": 65}  # the revision, and how many scenarios the suite has for it
LONGEST_S = 240.0
BAD = ("FAILURE", "WARNING")

pytestmark = pytest.mark.foreign


async def suite(home: Path, leg: str, *more: str) -> tuple[int, str]:
    """Run a leg against the server at that address; its exit code, and what it says."""
    revision = [] if leg == "all" else ["--spec-version", leg]
    process = await asyncio.create_subprocess_exec(
        NODE, str(SUITE), "server", "--suite", "all", *revision, *more, "-o", str(home / "results"), cwd=home,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LONGEST_S)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode()


def checks(home: Path) -> list[tuple[str, str, str]]:
    """Every check as scenario:id, its status, and what was wrong."""
    found = []
    for path in (home / "results").glob("*/checks.json"):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)
        found += [(f"{scenario}:{c['id']}", c["status"], c.get("errorMessage", "")) for c in json.loads(path.read_text())]
    return found


def told(leg: str, home: Path) -> None:
    """A row of the table."""
    found = checks(home)
    counted = Counter(status for _, status, _ in found)
    scenarios = len(list((home / "results").iterdir()))
    bad = len({name.partition(":")[0] for name, status, _ in found if status in BAD})
    failed, skipped = counted["FAILURE"] + counted["WARNING"], counted["SKIPPED"]
    passed = f"{scenarios - bad:>3} of {scenarios} scenarios"
    print(f"\n{leg:<12}{passed}   checks: {counted['SUCCESS']} passed, {failed} failed, {skipped} skipped")


@pytest.mark.parametrize("leg", LEGS)
async def test_the_official_suite_finds_nothing_wrong(tmp_path: Path, leg: str) -> None:
    async with served(tmp_path, "", "--conformance") as address:
        code, said = await suite(tmp_path, leg, "--url", f"{address}/mcp")
    told(leg, tmp_path)
    assert [c for c in checks(tmp_path) if c[1] in BAD] == []
    assert len(list((tmp_path / "results").iterdir())) == LEGS[leg]
    assert code == 0, said[-2000:]


async def test_the_official_suite_finds_nothing_wrong_with_the_plain_server_but_that_it_has_no_fixtures(tmp_path: Path) -> None:
    baseline = shutil.copy(PLAIN, tmp_path)
    async with served(tmp_path) as address:
        code, said = await suite(tmp_path, "all", "--url", f"{address}/mcp", "--expected-failures", baseline)
    told("plain, all", tmp_path)
    assert code == 0, said[-4000:]


def test_each_expected_failure_of_the_plain_server_has_its_reason() -> None:
    entries = [line for line in PLAIN.read_text(encoding="utf-8").splitlines() if line.startswith("  - ")]
    assert [line for line in entries if not re.fullmatch(r"  - [\w-]+:[\w-]+ # .{8,}", line)] == []
