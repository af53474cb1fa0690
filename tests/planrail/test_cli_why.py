"""`planrail why`: whatever became of a run, one screen says where it came from, where it hurt, what it cost, what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.planrail.command import ROOT, Command

WIDE = {"COLUMNS": "100", "NO_COLOR": "1"}
NARROW = {"COLUMNS": "80", "NO_COLOR": "1"}
SCRIPT = """\
leads = crm.find_leads(vertical="dental", city="Austin", limit=20)
scored = [
    crm.score_lead(id=l.id)
    for l in leads.items
]
if len(scored) > 100:
    many = crm.get_lead(id=1)
else:
    few = crm.get_lead(id=leads.items[0].id)
lead = crm.get_lead(id=9999)
answer(lead.name)
"""


def why(command: Command, run: str, width: dict[str, str] = WIDE) -> str:
    """The screen, which is one."""
    shown = command("why", run, env=width)
    assert (shown.code, shown.err) == (0, "")
    assert len(shown.out.splitlines()) <= 40
    labels = [line[:7].strip() for line in shown.out.splitlines() if line[:7].strip() in LABELS]
    assert labels == sorted(labels, key=LABELS.index)
    assert {"goal", "run", "plan", "cost", "next"} <= set(labels)
    return shown.out


LOOKS = [
    {"calls": [{"name": "crm-get_lead", "arguments": {"id": 1}}, {"name": "crm-get_lead", "arguments": {"id": 9999}}]},
    {"text": "Northgate."},
]
PROBES = LOOKS[0]
LABELS = ["goal", "run", "plan", "fork", "hurt", "notes", "answer", "cost", "ReAct", "next"]


@pytest.fixture
def answers(command: Command) -> Iterator[Any]:
    """Start the model server: the strong model gives these plans, the cheap one these values."""
    servers: list[subprocess.Popen[str]] = []

    def start(plans: list[Any], values: list[Any]) -> None:
        rules = [
            {"model": "big", "replies": [{"text": plan} if isinstance(plan, str) else plan for plan in plans]},
            {"model": "small", "replies": [{"json": value} for value in values] or LOOKS},
        ]
        script = Path(command.folder / "model.json")
        script.write_text(json.dumps({"rules": rules, "api_key": "sesame"}))
        line = [sys.executable, "-m", "tests.model_server", "--script", str(script)]
        server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT)
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


def test_a_failed_run_shows_the_script_by_statements_and_the_arguments_that_hurt(command: Command) -> None:
    run = command("run", "--script", "-", "--json", stdin=SCRIPT).json["id"]
    out = why(command, run)
    assert "goal   (a script)" in out
    assert "plan   the script that was submitted; at most 23 tool calls, $0.00" in out
    assert re.search(r"✓  2 scored = \[ crm\.score_lead\(id=l\.id\) for l in leads\.items \] +16/16 .*[━╸]", out)
    assert re.search(r"–  7   many = crm", out)
    assert re.search(r"\n     else:", out)
    assert re.search(r"✓  9   few = crm", out)
    assert re.search(r"✗ 10 lead = crm\.get_lead\(id=9999\)", out)
    assert "✗ failed  · not reached  – its if was false" in out
    assert "hurt   ✗ line 10, lead: There is no lead 9999. (failed) given id=9999" in out
    assert f"next   planrail resume {run} tries again what failed" in out
    narrow = why(command, run, NARROW)
    assert all(len(line) <= 80 for line in narrow.splitlines() if re.match(r"[✓✗–·] ", line))
    assert not re.search("[━╸]", narrow)


def test_a_run_that_is_fine_says_so(command: Command) -> None:
    script = 'rows = data.count(rows=[{"a": 1}, {"a": 2}])\nanswer(rows)\n'
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    out = why(command, run)
    assert "hurt   nothing: every call went as the plan says" in out
    assert "answer 2" in out
    assert "next   nothing" in out


def test_what_the_models_took_is_told_by_step_and_what_does_not_count_with_its_floor(command: Command, answers: Any) -> None:
    plan = """\
kinds = [ask("Which kind?", n=n, returns="a" | "b", sure=0.8, otherwise="b") for n in range(3)]
answer(kinds)
"""
    answers(
        ["for x in y:\n    pass\n", plan], [{"value": "a", "sure": 0.9}, {"value": "b", "sure": 0.4}, {"value": "a", "sure": 1}]
    )
    run = command("run", "Tell the kinds", "--budget", "parallel=1", "--json").json["id"]  # so the answers come in that order
    out = why(command, run)
    assert re.search(r"plan   written by big in [\d.]+ m?s after 1 repair; at most 0 tool calls, 3 model calls", out)
    assert "notes  ~ kinds: 1 of 3 answers do not count (sure; the least sure was 0.4, the floor is 0.8)" in out
    assert re.search(r"most by the plan [\d,]+ tokens, \$[\d.]+ · kinds [\d,]+ tokens", out)
    view = command("why", run, "--json").json
    assert [(f["step"], f["item"], f["value"]) for f in view["confidence"]] == [("kinds", "1", 0.4)]
    assert [use["purpose"] for use in view["planner"]] == ["write", "repair"]


def test_a_run_most_of_whose_answers_do_not_count_says_which(command: Command, answers: Any) -> None:
    answers(["answer(1)\n"], [{"value": 7}])
    script = 'ks = [ask("Which?", n=n, returns="a" | "b", otherwise="b") for n in range(4)]\nanswer(ks)\n'
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    out = why(command, run)
    assert "hurt   ✗ Only 0% of the models' answers count; the floor is 50% (share)." in out
    assert "~ ks: 4 of 4 answers do not count (invalid)" in out
    assert "↺ ks: 4 retries, the first after: Your reply does not fit the schema" in out


def test_a_replanned_run_shows_what_was_replaced_by_what(command: Command, answers: Any) -> None:
    plan = (
        'leads = crm.find_leads(vertical="dental", city="Austin", limit=3)\nlead = crm.get_lead(id=9999)\nanswer(lead.name)\n'
    )
    answers([plan, "lead = crm.get_lead(id=leads.items[0].id)\nanswer(lead.name)\n"], [{"value": 7}])
    run = command("run", "Name a dentist of Austin", "--json").json["id"]
    out = why(command, run)
    assert re.search(r"plan   written by big in [\d.]+ m?s, replanned once; then at most ", out)
    assert "notes  ↻ a replan after lead: There is no lead 9999.: 1 statement replaced by 1" in out
    assert "− lead = crm.get_lead(id=9999)\n" in out
    assert "+ lead = crm.get_lead(id=leads.items[0].id)\n" in out
    revisions = command("why", run, "--json").json["revisions"]
    assert [(r["revision"], r["source"]) for r in revisions] == [(1, "planner"), (2, "replan")]


def test_a_loop_tells_its_calls_and_those_that_failed(command: Command, answers: Any) -> None:
    answers(["answer(1)\n"], [])
    script = 'who = do("Whom?", tools=[crm.get_lead], max_calls=3)\nanswer(who)\n'
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    out = why(command, run)
    assert re.search(r"✓ 1 who = do\(.* 2 calls ", out)
    assert "notes  ~ who: 1 of 2 calls failed, and the model was told" in out


def test_what_the_planner_looked_up_is_told(command: Command, answers: Any) -> None:
    answers([PROBES, "lead = crm.get_lead(id=1)\nanswer(lead.name)\n"], [{"value": 7}])
    run = command("run", "Name the first lead", "--probe", "2", "--json").json["id"]
    out = why(command, run)
    assert re.search(r"plan   written by big in [\d.]+ m?s after 2 look-ups; at most 1 tool call", out)
    assert command("why", run, "--json").json["looked"]["calls"] == 2


def test_a_run_that_took_its_fallback_says_why(command: Command, answers: Any) -> None:
    answers(["answer(1)\n"], [{"value": 7}])
    folder = command.home / "playbooks"
    folder.mkdir(parents=True)
    steps = 'ks = [ask("Which?", n=n, returns="a" | "b", otherwise="b") for n in range(4)]\nanswer(ks)\n'
    (folder / "guess.plan").write_text(f'---\ngoal: "Guess the kinds"\nfallback: plain.plan\n---\n{steps}')
    (folder / "plain.plan").write_text('---\nparams: {}\n---\nanswer("by hand")\n')
    run = command("run", "Guess the kinds", "--json").json["id"]
    out = why(command, run)
    assert "plan   the playbook guess, then its fallback plain()" in out
    assert "↻ the fallback plain: 2 statements replaced by 1" in out
    assert "~ Only 0% of the models' answers count; the floor is 50% (share)." in out
    assert "answer by hand" in out


def test_a_refused_plan_shows_what_is_wrong_and_what_to_do(command: Command, answers: Any) -> None:
    answers(["for x in y:\n    pass\n"], [{"value": 7}])
    run = command("run", "Tell the kinds", "--json").json["id"]
    out = why(command, run)
    assert "plan:1:1: error: A script has no loops." in out
    assert "The nearest playbooks:" in out


def test_a_waiting_a_refused_and_a_cancelled_run_say_what_people_said(command: Command) -> None:
    script = (
        f'a = odd.slow(number=0, folder={str(command.folder)!r})\napprove("publish it")\nanswer(odd.publish(text="news"))\n'
    )
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    assert f"next   planrail answer {run} …, as it stands above" in why(command, run)
    assert command("answer", run, "--no").code == 1
    assert "? approve “publish it”: local said no" in why(command, run)
    other = command("run", "--script", "-", "--json", stdin=script).json["id"]
    assert command("cancel", other).code == 0
    out = why(command, other)
    assert "✗ local cancelled it." in out
    assert f"next   planrail resume {other}" in out


def test_a_run_at_its_ceiling_names_it(command: Command) -> None:
    folder = str(command.folder)
    script = f"""\
a = odd.slow(number=1, folder={folder!r})
b = odd.slow(number=2 * a, folder={folder!r}, timeout="1s", retry=0, otherwise=0)
c = odd.slow(number=b, folder={folder!r})
answer([a, b, c])
"""
    run = command("run", "--script", "-", "--budget", "seconds=0.6", "--json", stdin=script).json["id"]
    out = why(command, run)
    assert "hurt   ■ the ceiling seconds: 0.6 allowed, " in out
    assert f"next   planrail resume {run} --budget seconds=" in out


def test_who_takes_a_goal_is_told_with_what_decided_it(command: Command, answers: Any) -> None:
    answers(["answer(len(desk.open_tickets(limit=5).items))\n"] * 2, [{"value": 3, "sure": 0.92}, {"value": 3, "sure": 0.2}])
    command.env["PLANRAIL_ROUTER"] = "auto"
    run = command("run", "How many people wait for help?", "--json").json
    assert (run["routed"]["specialist"], run["routed"]["how"], run["routed"]["sure"]) == ("helpdesk", "model", 0.92)
    assert [(use["purpose"], use["model"]) for use in run["planner"]] == [("route", "small"), ("write", "big")]
    out = why(command, run["id"])
    assert "route  helpdesk, chosen by small, 0.92 sure" in out
    assert re.search(r"plan   written by big in [\d.]+ m?s; at most 1 tool call", out)
    unsure = command("run", "How many wait?", "--json").json["id"]
    told = "route  nobody in particular: small is 0.2 sure; the floor is 0.6, leaning to helpdesk"
    assert told in why(command, unsure)
    named = command("run", "--skill", "frontdesk", "How many wait, I ask?", "--json").json
    assert "route  frontdesk, named" in why(command, named["id"])
    assert named["refusals"][0]["code"] == "not-its-own"
