"""Goals over hundreds of tools, on the command line: what the model server was really sent."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from planner.tokens import count_tokens
from tests.planrail.command import ROOT, Command

TRADES = """
from executor.pack import Pack
from executor.tool import tool
from executor.toolset import Toolset
from benchmarks.catalogue import tools

def declared(name, description):
    def act(text: str) -> str:
        return text
    act.__doc__ = description
    return tool(effect="read", name=name)(act)

def pack(host):
    spaces = {}
    for spec in tools().values():
        space, _, own = spec.name.partition(".")
        if space not in ("mail", "crm"):
            spaces.setdefault(space, []).append(declared(own, spec.description))
    joined = Toolset()
    for space, functions in spaces.items():
        joined |= Toolset.declared(space, functions)
    return Pack("trades", "Tools of many trades.", joined)
"""


@pytest.fixture
def server(command: Command) -> Iterator[str]:
    """A model server that always writes a plan with a tool that it was not told of, found by a command with many tools."""
    (command.folder / "trades_pack.py").write_text(TRADES)
    info = command.folder / "trades_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trades-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[planrail.packs]\ntrades = trades_pack:pack\n")
    plans = [{"text": 'answer(stocks.get_dividends(symbol="X"))'}, {"text": 'answer(stocks.get_dividends(text="X"))'}]
    script = command.folder / "model.json"
    script.write_text(json.dumps({"rules": [{"model": "big", "replies": plans}]}))
    line = [sys.executable, "-m", "tests.model_server", "--script", str(script)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        command.env |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sesame", "PLANRAIL_PLANNER_MODEL": "big"}
        yield url
        process.kill()


def requests(url: str) -> list[list[dict[str, Any]]]:
    """The messages of each request so far."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/requests", timeout=10) as response:
        return [r["body"]["messages"] for r in json.load(response)]


def test_with_500_tools_the_prompt_has_the_right_ones_within_its_budget(command: Command, server: str) -> None:
    command.env["PLANRAIL_PLANNER_TOOLS_TOKENS"] = "1500"
    done = command("run", "Will it rain in Leeds on Saturday? If so, call off the barbecue in my diary", "--json")
    assert done.code == 0, done.out + done.err

    first, repair = requests(server)
    tools = first[1]["content"].partition("\n\nGoal: ")[0].removeprefix("Tools\n")
    assert 1_000 < count_tokens(tools) <= 1_500
    described = {line.partition("(")[0] for line in tools.splitlines()[:-1]}
    assert described >= {"weather.get_forecast", "calendar.list_events", "calendar.cancel_event"}
    assert tools.splitlines()[-1].startswith("Also there, not described: ")
    assert not any(name.startswith("stocks.") for name in described)
    assert repair[:2] == first
    assert "\n\nTools\nstocks.get_dividends(text: str) -> str  # Dividends that were paid." in repair[3]["content"]


def test_a_larger_budget_describes_all(command: Command, server: str) -> None:
    command.env["PLANRAIL_PLANNER_TOOLS_TOKENS"] = "100000"
    command("run", "Will it rain?", "--json")
    tools = requests(server)[0][1]["content"].partition("\n\nGoal: ")[0].splitlines()[1:]
    assert len(tools) > 500
    assert tools == sorted(tools, key=lambda line: line.partition("(")[0])
