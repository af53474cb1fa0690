"""Other people's A2A clients at our door, as they come: the SDKs by `make foreign`, the frameworks by `make foreign-all`."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_server.test_foreign_clients import NODE, PYTHON, ran
from tests.mcp_server.test_transports import served

HERE = Path(__file__).parent / "clients"
SDKS = {
    "javascript-v1-jsonrpc": [NODE, str(HERE / "javascript_v1.mjs"), "JSONRPC"],
    "javascript-v1-rest": [NODE, str(HERE / "javascript_v1.mjs"), "HTTP+JSON"],
    "javascript-v03-jsonrpc": [NODE, str(HERE / "javascript_v03.mjs"), "JSONRPC"],
    "javascript-v03-rest": [NODE, str(HERE / "javascript_v03.mjs"), "HTTP+JSON"],
    "python-v03-jsonrpc": [PYTHON, str(HERE / "python_v03.py"), "JSONRPC"],
    "python-v03-rest": [PYTHON, str(HERE / "python_v03.py"), "HTTP+JSON"],
}
GOALS = {
    "plain": "Find dental leads in Austin and draft introductions",
    "ask": "Count the gyms of a city",
    "answer": "Austin",
    "quiet": "Be quiet for a while",
    "late": "Be quiet for an hour",
}
PLAYBOOKS = {
    "ask": """
city = ask_user("Which city?", returns=str)
leads = crm.find_leads(vertical="gym", city=city, limit=20)
answer(f"{len(leads.items)} gyms in {city}")
""",
    "quiet": 'wait("7s")\nanswer("awake")\n',  # longer than the five seconds after which the SDKs give up
    "late": 'wait("1h")\nanswer("late")\n',
}
DRAFTED = re.compile(r"\d+ introductions drafted, \d+ scores saved; the drafts wait in the outbox\. For: .+")
GYMS = re.compile(r"\d+ gyms in Austin")


@asynccontextmanager
async def agent(home: Path, *options: str) -> AsyncIterator[str]:
    """The target of a client: a server that knows the goals."""
    (home / "playbooks").mkdir()
    for name, script in PLAYBOOKS.items():
        (home / "playbooks" / f"{name}.plan").write_text(f"---\ngoal: {GOALS[name]}\n---\n{script}")
    async with served(home, "", *options) as address:
        yield json.dumps({"url": address, "goals": GOALS})


async def seen_by(command: list[str], target: str) -> dict[str, Any]:
    said, complained, code = await ran(command, target)
    assert code == 0, complained
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.foreign
async def test_foreign_sdks_stream_a_goal_are_asked_answer_cancel_and_bear_a_quiet_step(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    async with agent(tmp_path, "--grpc-port", "0") as target:
        tales = await asyncio.gather(*(seen_by(command, target) for command in SDKS.values()))
    for client, seen in zip(SDKS, tales, strict=True):
        with subtests.test(client):
            as_it_should_be(seen, binding=SDKS[client][-1])


def as_it_should_be(seen: dict[str, Any], *, binding: str) -> None:
    """What a user of an SDK has to see."""
    assert seen["name"] == "Planrail"
    assert seen.get("spoken", binding) == binding
    assert seen["done"]["states"][-2:] == ["working", "completed"]
    assert all(re.fullmatch(r"Planning|Step \d+/\d+: [\w.]+", words) for words in seen["done"]["said"]), seen["done"]["said"]
    assert list(seen["done"]["artifacts"]) == ["result"]
    assert DRAFTED.fullmatch(seen["done"]["artifacts"]["result"])
    assert (seen["asked"]["states"][-1], seen["asked"]["said"][-1]) == ("input_required", "Which city?")
    assert seen["answered"]["task"] == seen["asked"]["task"]
    assert seen["answered"]["states"][-1] == "completed"
    assert GYMS.fullmatch(seen["answered"]["artifacts"]["result"])
    assert (seen["quiet"]["states"][-1], seen["quiet"]["artifacts"]) == ("completed", {"result": "awake"})
    assert (seen["cancelled"], seen["left"]["states"][-1], seen["left"]["artifacts"]) == ("canceled", "canceled", {})


def framework(name: str) -> list[str]:
    """What runs that framework's client, in its environment."""
    return [str(Path(sys.prefix) / f"foreign-{name}" / "bin" / "python"), str(HERE / f"{name}_client.py")]


@pytest.mark.frameworks
async def test_googles_adk_shows_one_answer_thinks_the_steps_and_asks_by_a_call(tmp_path: Path) -> None:
    async with agent(tmp_path) as target:
        seen = await seen_by(framework("adk"), target)
    assert all(words.startswith(("Planning", "Step ")) for words in seen["done"]["thought"])
    assert [bool(DRAFTED.fullmatch(words)) for words in seen["done"]["shown"]] == [True]
    assert [(name, about) for _, name, about in seen["asked"]["asked"]] == [
        ("mock_function_call_for_required_user_input", {"input_required": "Which city?"})
    ]
    assert [bool(GYMS.fullmatch(words)) for words in seen["answered"]["shown"]] == [True]
    assert seen["quiet"]["shown"] == ["awake"]


@pytest.mark.frameworks
async def test_microsofts_agent_framework_shows_one_answer_asks_and_cancels(tmp_path: Path) -> None:
    async with agent(tmp_path) as target:
        seen = await seen_by(framework("agent_framework"), target)
    assert DRAFTED.fullmatch(seen["done"]["shown"])
    assert DRAFTED.fullmatch(seen["streamed"]["shown"])
    assert (seen["asked"]["shown"], seen["asked"]["requests"]) == ("Which city?", 1)
    assert GYMS.fullmatch(seen["answered"]["shown"])
    assert (seen["quiet"]["shown"], seen["cancelled"]) == ("awake", "canceled")


@pytest.mark.frameworks
async def test_strands_shows_the_answer_and_the_question(tmp_path: Path) -> None:
    async with agent(tmp_path) as target:
        seen = await seen_by(framework("strands"), target)
    assert DRAFTED.fullmatch(seen["done"]["shown"])
    assert seen["asked"] == {"shown": "Which city?", "stopped": "interrupt"}
    assert seen["quiet"] == {"shown": "awake", "stopped": "end_turn"}
