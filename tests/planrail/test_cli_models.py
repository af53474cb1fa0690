"""A goal planned by a model, over a real socket: repair after a refusal, and the refusal after all repairs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planrail.command import ROOT, Command

GOOD = 'n = data.count(rows=[{"a": 1}, {"a": 2}])\nt = ask("Say it.", n=n)\nanswer(t)\n'
BAD = "for x in range(3):\n    pass\n"


@pytest.fixture
def serve(command: Command) -> Iterator[object]:
    """Start the model server with these planner's replies; the command then finds it."""
    servers: list[subprocess.Popen[str]] = []

    def start(*plans: str | dict[str, str]) -> None:
        rules = [
            {"model": "big", "replies": [{"text": p} if isinstance(p, str) else p for p in plans]},
            {"model": "small", "replies": [{"text": "There are two."}]},
        ]
        script = Path(command.folder / "model.json")
        script.write_text(json.dumps({"rules": rules, "api_key": "sesame"}))
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.model_server", "--script", str(script)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        servers.append(server)
        assert server.stdout is not None
        command.env |= {
            "OPENAI_BASE_URL": server.stdout.readline().strip(), "OPENAI_API_KEY": "sesame",
            "PLANRAIL_PLANNER_MODEL": "big", "PLANRAIL_EXECUTOR_MODEL": "small",
            "PLANRAIL_ROUTER": "off",
        }  # fmt: skip

    yield start
    for server in servers:
        server.kill()
        server.communicate()


def test_a_refused_plan_is_repaired_and_every_call_is_billed(command: Command, serve) -> None:  # type: ignore[no-untyped-def]
    serve(BAD, GOOD)
    (command.folder / "planrail.toml").write_text("[prices.big]\ninput = 2.5\ncached_input = 1.0\noutput = 10.0\n")
    done = command("run", "Count the rows")
    assert done.code == 0, done.out + done.err
    assert "plan: by planner" in done.out
    assert "There are two." in done.out
    assert "big: 2 model calls" in done.out
    assert "small: 1 model call " in done.out
    assert "with big for the same calls" in done.out
    doctor = command("doctor", "--live")
    assert "executor model: small answered" in doctor.out
    assert "sesame" not in doctor.out


def test_after_two_repairs_the_refusal_is_told_with_its_places(command: Command, serve) -> None:  # type: ignore[no-untyped-def]
    serve(BAD)
    refused = command("run", "Count the rows", "--json")
    assert (refused.code, refused.json["status"]) == (1, "failed")
    assert refused.json["refusals"][0]["code"] == "loop"
    assert refused.json["cost"]["usage"]["model_calls"] == 3
    shown = command("show", refused.json["id"])
    assert "plan:1:1: error: A script has no loops" in shown.out
    assert "    for x in range(3):\n    ^" in shown.out
    command.env["OPENAI_API_KEY"] = "wrong"
    keyless = command("run", "Count the rows again")
    assert keyless.code == 1
    assert "Traceback" not in keyless.out + keyless.err


def test_reads_start_while_the_plan_is_written_and_are_not_made_again_where_the_stream_breaks(command: Command, serve) -> None:  # type: ignore[no-untyped-def]
    counted = 'n = data.count(rows=[{"a": 1}, {"a": 2}])\n'
    plan = counted + "# a line of no use\n" * 9 + 'm = data.count(rows=[{"a": n}])\nanswer(n + m)\n'
    serve({"text": plan, "fault": "vanish"}, plan)
    done = command("run", "Count the rows", "--json")
    assert (done.code, done.json["answer"]) == (0, 3), done.out + done.err
    cost = done.json["cost"]
    assert (cost["tool_calls"], cost["early"], cost["unused"]) == (2, 2, 0)
    assert "n  data.count  read ahead" in command("show", done.json["id"]).out
    command.env["PLANRAIL_READ_AHEAD"] = "false"
    later = command("run", "Count the rows once more", "--json")
    assert (later.json["answer"], later.json["cost"]["early"]) == (3, 0)


def test_a_surprise_is_replanned_and_every_command_shows_what_was_changed(command: Command, serve) -> None:  # type: ignore[no-untyped-def]
    first = 'rows = [{"a": 1}]\nn = data.count(rows=rows)\nexpect(n > 1, "fewer than two")\nanswer(n)\n'
    serve(first, 'answer(f"only {n}")\n')
    done = command("run", "Count the rows")
    assert done.code == 0, done.out + done.err
    assert "only 1" in done.out
    assert "replanned: expect: fewer than two  (revision 2)" in done.out
    assert '− expect(n > 1, "fewer than two")' in done.out
    assert '+ answer(f"only {n}")' in done.out
    run = done.out.split()[-1]
    shown = command("show", run).out
    assert "replanned: expect: fewer than two" in shown
    assert command("show", run, "--json").json["revisions"][1]["source"] == "replan"
    assert "replan" in command("why", run).out
    assert command("replay", run).code == 0
    forked = command("fork", run, "--from", "n")
    assert forked.code == 0, forked.out + forked.err
    assert "only 1" in forked.out


def test_without_replans_a_surprise_ends_the_run(command: Command, serve) -> None:  # type: ignore[no-untyped-def]
    serve('n = data.count(rows=[])\nexpect(n > 1, "fewer than two")\nanswer(n)\n', "answer(1)\n")
    ended = command("run", "Count the rows", "--budget", "replans=0")
    assert ended.code == 1
    assert "fewer than two" in ended.out
