"""planrail send: a goal at a node of ours, from a terminal and from scripts, over real sockets."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from planrail.auth import hash_of
from tests.a2a_node.nodes import Node, node, start
from tests.planrail.command import Command, Finished, finish
from tests.planrail.terminal import Terminal

LEADS = """\
a = crm.find_leads(city="Austin", vertical="dental", limit=3)
names = [crm.score_lead(id=l.id) for l in a.items]
if len(names) > 100:
    answer("many")
answer(len(names))
"""
ASKS = 'who = ask_user("Whom?", returns=str)\nn = ask_user("How many?", returns=int)\nanswer(who + str(n))\n'
APPROVES = 'approve("go on")\nanswer("went on")\n'
KEYS = f"""\
[auth]
resource = "https://agent.example"
[auth.keys.ann]
hash = "{hash_of("pr_person")}"
principal = "ann"
kind = "user"
[auth.keys.robot]
hash = "{hash_of("pr_program")}"
principal = "robot"
"""
WAITS = 'a = wait("600s")\nanswer("late")\n'


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that a person and a program have keys to."""
    with node(tmp_path_factory.mktemp("agent"), KEYS) as started:
        yield started


@pytest.fixture
def here(tmp_path: Path) -> Command:
    """`planrail` with a data folder of its own, which is not the node's, and the person's key."""
    return Command(tmp_path, {"KEY": "pr_person", "PROGRAM": "pr_program"})


def send(command: Command, agent: Node, *arguments: str, key: str = "KEY") -> Finished:
    return command("send", agent.address, "--token-env", key, *arguments)


def script(command: Command, text: str) -> str:
    path = command.folder / "it.script"
    path.write_text(text)
    return str(path)


def sent(out: str) -> str:
    found = re.search(r"^task   (\w+)  at ", out, re.MULTILINE)
    assert found is not None, out
    return found[1]


def shown(out: str) -> list[str]:
    """The plan and the steps as a command has shown them, without what they took."""
    until = out.index("\ndone\n")
    return [re.sub(r"  [\d.]+ m?s$", "", line).rstrip() for line in out[:until].split("\n") if not line.startswith("plan: ")]


def test_a_goal_that_is_sent_is_shown_as_run_shows_it(agent: Node, here: Command) -> None:
    sends = send(here, agent, "--script", script(here, LEADS))
    runs = here("run", "--script", script(here, LEADS))
    assert (sends.code, runs.code) == (0, 0), sends
    assert shown(sends.out) == shown(runs.out)
    assert "\ndone\n3\n" in sends.out


def test_what_is_asked_is_asked_at_the_terminal_and_the_steps_are_a_tree(agent: Node, here: Command) -> None:
    terminal = Terminal(here, "send", agent.address, "--token-env", "KEY", "--script", script(here, ASKS))
    terminal.until("Whom?")
    terminal.until("refuse >")
    terminal.write("Ann\n")
    terminal.until("a whole number; empty")
    terminal.write("many\n")
    terminal.until("That does not fit")
    terminal.write("3\n")
    assert terminal.end() == 0
    assert "├── ✓ who" in terminal.plain
    assert "Ann3" in terminal.plain


def test_without_a_terminal_what_is_asked_is_answered_by_further_commands(agent: Node, here: Command) -> None:
    waits = send(here, agent, "--script", script(here, ASKS))
    task = sent(waits.out)
    half = send(here, agent, "--task", task, "--question", "n", "3")
    done = send(here, agent, "--task", task, "Bob")
    assert (waits.code, half.code, done.code) == (3, 3, 0)
    assert f"planrail send {agent.address} --task {task} --question who ANSWER" in waits.out
    assert "\ndone\nBob3\n" in done.out


def test_for_programs_each_thing_that_is_said_is_a_line_and_the_last_one_is_the_end(agent: Node, here: Command) -> None:
    done = send(here, agent, "--script", script(here, LEADS), "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [next(iter(lines[0])), next(iter(lines[-1]))] == ["task", "end"]
    assert {next(iter(line)) for line in lines[1:-1]} == {"statusUpdate", "artifactUpdate"}
    end = lines[-1]["end"]
    assert (end["task"], end["status"], end["answer"], end["exit"]) == (lines[0]["task"]["id"], "done", 3, 0)


def test_the_same_key_is_the_same_task_and_yes_answers_the_script_s_own_approvals(agent: Node, here: Command) -> None:
    first = send(here, agent, "--script", script(here, APPROVES), "--key", "night-1")
    again = send(here, agent, "--script", script(here, APPROVES), "--key", "night-1", "--yes")
    assert (first.code, again.code) == (3, 0)
    assert sent(first.out) == sent(again.out)
    assert "\ndone\nwent on\n" in again.out


def test_a_task_is_cancelled_by_its_name(agent: Node, here: Command) -> None:
    task = sent(send(here, agent, "--script", script(here, ASKS)).out)
    ended = send(here, agent, "--task", task, "--cancel")
    again = send(here, agent, "--task", task, "--cancel")
    assert "\ncancelled" in ended.out
    assert again.code == 1
    assert "planrail: Planrail: " in again.err


def test_ctrl_c_at_the_terminal_asks_whether_the_task_ends_there_too(agent: Node, here: Command) -> None:
    terminal = Terminal(
        here,
        "send",
        agent.address,
        "--token-env",
        "KEY",
        "--script",
        script(here, WAITS),
        "--key",
        "long-1",
    )
    terminal.until("It waits for the clock")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("it goes on >")
    terminal.write("yes\n")
    assert terminal.end() == 130
    after = send(here, agent, "--script", script(here, WAITS), "--key", "long-1")
    assert "\ncancelled" in after.out


def test_ctrl_c_without_a_terminal_leaves_the_task_going_and_says_how_to_go_on(agent: Node, here: Command) -> None:
    going = here.start("send", agent.address, "--token-env", "KEY", "--script", script(here, WAITS), "--json")
    assert going.stdout is not None
    task = json.loads(going.stdout.readline())["task"]["id"]
    stopped = finish(going, interrupt=True)
    told = json.loads(stopped.out.splitlines()[-1])["error"]
    assert (stopped.code, told["hint"]) == (130, f"planrail send {agent.address} --task {task} goes on from here.")
    assert send(here, agent, "--task", task, "--cancel").code == 1
    assert "Traceback" not in stopped.err


def test_an_approval_by_a_program_is_not_taken_and_the_run_waits_on(agent: Node, here: Command) -> None:
    asked = send(here, agent, "--script", script(here, APPROVES), "--yes", key="PROGRAM")
    assert asked.code == 3
    assert "It does not take the answer: approve is answered by a person" in asked.out
    assert "pr_program" not in asked.out + asked.err


def test_who_sends_no_token_is_told_that_one_is_wanted(agent: Node, here: Command) -> None:
    told = here("send", agent.address, "find leads")
    unset = here("send", agent.address, "find leads", "--token-env", "NOWHERE")
    assert told.code == 1
    assert "the token is missing, or does not allow it.\n--token-env VARIABLE or --token-secret NAME" in told.err
    assert (unset.code, unset.err[:46]) == (2, "planrail: The variable NOWHERE is not set.\n--t")


def free_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


@pytest.mark.proof
def test_a_node_that_is_killed_and_started_again_is_listened_to_again(tmp_path: Path) -> None:
    home, port = tmp_path / "node", free_port()
    home.mkdir()
    here = Command(tmp_path)
    first = start(home, "", "--port", port)
    going = here.start("send", first.address, "--script", script(here, WAITS.replace("600", "4")))
    assert going.stdout is not None
    while "certificate " not in (line := going.stdout.readline()):
        assert line
    first.process.kill()
    first.ended()
    assert first.process.stdout is not None
    first.process.stdout.close()
    with node(home, "", "--port", port):
        told = finish(going)
    assert (told.code, "\ndone\nlate\n" in told.out) == (0, True), told
    assert told.out.count("✓ a  wait") == 1
