"""A Planrail that delegates to another one, as processes: questions up, answers down, cancels, and either of them killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.a2a_node.nodes import Node, node, start
from tests.a2a_node.test_send import free_port
from tests.planrail.command import Command

PLAYBOOKS = {
    "ask whom": 'who = ask_user("Which city?", returns=str)\nanswer("for " + who)\n',
    "approve it": 'approve("go on")\nanswer("went on")\n',
    "take long": 'wait("6s")\nanswer("late")\n',
    "take hours": 'wait("5h")\nanswer("late")\n',
}


def furnished(home: Path) -> Path:
    """The data folder of the agent, with its playbooks."""
    (home / "playbooks").mkdir(parents=True)
    for number, (goal, script) in enumerate(PLAYBOOKS.items()):
        (home / "playbooks" / f"p{number}.plan").write_text(f"---\ngoal: {goal}\n---\n{script}")
    return home


@pytest.fixture(scope="module")
def agent_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnished(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def agent(agent_home: Path) -> Iterator[Node]:
    with node(agent_home) as started:
        yield started


def delegating(folder: Path, url: str, goal: str) -> Command:
    """The other Planrail, which knows the agent, and the script that delegates to it."""
    (folder / "planrail.toml").write_text(f'[agents.other]\nurl = "{url}"\n')
    (folder / "it.script").write_text(f'a = delegate("other", "{goal}")\nanswer(a)\n')
    return Command(folder)


def at_the_agent(home: Path) -> list[dict[str, Any]]:
    """The agent's runs, the newest first."""
    found: list[dict[str, Any]] = Command(home.parent, {"PLANRAIL_HOME": str(home)})("runs", "--json").json
    return found


def until(home: Path, goal: str, status: str) -> None:
    """Return when the agent's last run is of that goal and has that status."""
    deadline = time.monotonic() + 30
    while not (runs := at_the_agent(home)) or (runs[0]["goal"], runs[0]["status"]) != (goal, status):
        assert time.monotonic() < deadline, runs


def test_a_question_comes_up_and_its_answer_goes_down(agent: Node, tmp_path: Path) -> None:
    here = delegating(tmp_path, agent.address, "ask whom")
    waits = here("run", "--script", "it.script", "--json")
    run, (question,) = waits.json["id"], waits.json["questions"]
    done = here("answer", run, "--text", "Austin", "--json")
    assert (waits.code, question["text"]) == (3, "The agent other asks: Which city?")
    assert (done.code, done.json["answer"]) == (0, "for Austin")


def test_what_the_agent_has_to_have_approved_no_agent_approves(agent: Node, agent_home: Path, tmp_path: Path) -> None:
    here = delegating(tmp_path, agent.address, "approve it")
    asked = here("run", "--script", "it.script", "--json")
    told = here("answer", asked.json["id"], "--text", "yes", "--json")
    assert asked.json["questions"][0]["text"].startswith("The agent other asks: go on")
    assert "It does not take the answer: approve is answered by a person" in told.json["reason"]
    assert at_the_agent(agent_home)[0]["status"] == "cancelled"


def test_a_run_that_is_cancelled_is_cancelled_at_the_agent_too(agent: Node, agent_home: Path, tmp_path: Path) -> None:
    here = delegating(tmp_path, agent.address, "take hours")
    going = here.start("run", "--script", "it.script")
    try:
        until(agent_home, "take hours", "waiting")
        run = here("runs", "--json").json[0]
        assert here("cancel", run["id"]).code == 0
        until(agent_home, "take hours", "cancelled")
    finally:
        going.kill()
        going.communicate()


@pytest.mark.proof
@pytest.mark.parametrize("victim", ["the agent", "the one that delegates"])
def test_either_side_is_killed_and_the_task_is_one_and_done(tmp_path: Path, victim: str) -> None:
    home, port = furnished(tmp_path / "agent"), free_port()
    (tmp_path / "here").mkdir()
    first = start(home, "", "--port", port)
    here = delegating(tmp_path / "here", first.address, "take long")
    going = here.start("run", "--script", "it.script", "--key", "k", "--json")
    until(home, "take long", "waiting")
    struck = first.process if victim == "the agent" else going
    struck.kill()
    struck.communicate()
    if victim == "the agent":
        with node(home, "", "--port", port):
            out, _ = going.communicate(timeout=90)
            ended = here("run", "--script", "it.script", "--key", "k", "--json")
    else:
        ended = here("run", "--script", "it.script", "--key", "k", "--json")
        first.process.terminate()
        first.process.communicate()
        out = ""
    assert (ended.code, ended.json["answer"]) == (0, "late"), (ended, out)
    assert [run["status"] for run in at_the_agent(home)] == ["done"]
