"""ReAct mode and look-ups on the command line, with a model behind a real socket."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.planrail.command import ROOT, Command

ROWS = [{"a": 1}, {"a": 2}]
COUNT = {"calls": [{"name": "data-count", "arguments": {"rows": ROWS}}, {"name": "data-nothing", "arguments": {}}]}
PLAN = 'n = data.count(rows=[{"a": 1}])\nanswer(n)\n'


@pytest.fixture
def serve(command: Command) -> Iterator[Callable[..., str]]:
    """Start the model server with the strong model's replies; the command then finds it. Gives the server's address."""
    servers: list[subprocess.Popen[str]] = []

    def start(*replies: dict[str, Any]) -> str:
        script = Path(command.folder / "model.json")
        script.write_text(json.dumps({"rules": [{"model": "big", "replies": replies}]}))
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.model_server", "--script", str(script)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        servers.append(server)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        command.env |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k", "PLANRAIL_PLANNER_MODEL": "big"}
        return url

    yield start
    for server in servers:
        server.kill()
        server.communicate()


def test_a_run_in_react_mode_shows_its_calls_and_answers(command: Command, serve: Callable[..., str]) -> None:
    serve(COUNT, {"text": "There are two."})
    done = command("run", "--mode", "react", "Count the rows")
    assert done.code == 0, done.out + done.err
    assert "There are two." in done.out
    assert "1.1  data.count(rows=" in done.out
    shown = command("show", "--json", json.loads(command("runs", "--json").out)[0]["id"])
    step = next(s for s in shown.json["steps"] if s["kind"] == "do")
    assert [(i["item"], i["call"], i["done"]) for i in step["inner"]] == [
        ("m1", "do", True), ("1.1", "data.count", True), ("m2", "do", True),
    ]  # fmt: skip
    assert (shown.json["plan_source"], step["done"]) == ("react", 1)


def test_the_plan_of_react_mode_is_certified_to_take_no_more_than_the_budget(
    command: Command, serve: Callable[..., str]
) -> None:  # fmt: skip
    serve(COUNT)
    planned = command("plan", "--mode", "react", "Count the rows", "--budget", "calls=8,tokens=1000", "--json")
    assert planned.code == 0, planned.out + planned.err
    worst = planned.json["certificate"]["worst_case"]
    assert (worst["calls"], worst["input_tokens"] + worst["output_tokens"]) == (6, 750)  # less the reserve


def test_a_mode_that_there_is_not_and_a_script_in_react_mode_are_refused(command: Command) -> None:
    assert "There is no mode dance" in command("run", "--mode", "dance", "Count").err
    (command.folder / "x.plan").write_text(PLAN)
    refused = command("run", "--mode", "react", "--script", "x.plan", "Count")
    assert (refused.code, "in ReAct mode there is a goal and no plan" in refused.err) == (2, True)


def test_the_planner_looks_up_what_it_was_allowed_to_and_then_writes(command: Command, serve: Callable[..., str]) -> None:
    serve({"calls": COUNT["calls"][:1]}, {"text": "Two rows."}, {"text": PLAN})
    done = command("run", "--probe", "2", "Count the rows", "--json")
    assert done.code == 0, done.out + done.err
    assert (done.json["answer"], done.json["cost"]["tool_calls"], done.json["cost"]["usage"]["model_calls"]) == (1, 2, 3)
