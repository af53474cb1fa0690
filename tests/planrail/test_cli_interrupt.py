"""Ctrl-C and kill -9 at any time: nothing is lost, nothing that is finished is done again."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from tests.planrail.command import Command, finish

SLOW = """\
a = odd.slow(number=0, folder={folder!r})
b = odd.slow(number=1, folder={folder!r})
c = odd.slow(number=2 + a, folder={folder!r})
d = odd.slow(number=2 + b, folder={folder!r})
answer([a, b, c, d])
"""


def slow(command: Command) -> str:
    script = command.folder / "slow.py"
    script.write_text(SLOW.format(folder=str(command.folder)))
    return str(script)


def open_gate(command: Command) -> None:
    (command.folder / "gate").write_text("")


def test_ctrl_c_stops_cleanly_and_resume_goes_on(command: Command) -> None:
    going = command.start("run", "--script", slow(command))
    command.until_called(3, going)
    stopped = finish(going, interrupt=True)
    assert stopped.code == 130
    told = re.search(r"planrail: Interrupted\.\nplanrail resume (\w+) goes on", stopped.err)
    assert told is not None
    assert "Traceback" not in stopped.err
    open_gate(command)
    resumed = command("resume", told[1], "--json")
    assert (resumed.code, resumed.json["answer"]) == (0, [0, 1, 2, 3])
    assert command.calls().count(0) == command.calls().count(1) == 1


@pytest.mark.parametrize("after_s", [0.3, 1.2])
def test_ctrl_c_at_any_moment_ends_with_130_and_the_same_key_carries_it_on(command: Command, after_s: float) -> None:
    script = slow(command)
    going = command.start("run", "--script", script, "--key", "k")
    with pytest.raises(subprocess.TimeoutExpired):
        going.wait(after_s)
    stopped = finish(going, interrupt=True)
    assert stopped.code == 130, stopped.err
    assert "Traceback" not in stopped.err
    open_gate(command)
    again = command("run", "--script", script, "--key", "k", "--json")
    assert (again.code, again.json["answer"]) == (0, [0, 1, 2, 3])


def test_after_kill_9_resume_gives_the_answer_and_repeats_no_finished_step(command: Command) -> None:
    going = command.start("run", "--script", slow(command))
    command.until_called(3, going)
    going.send_signal(signal.SIGKILL)
    assert finish(going).code == -signal.SIGKILL
    (run,) = command("runs", "--json").json
    assert run["status"] == "running"
    assert f"nobody runs it: planrail resume {run['id']}" in command("why", run["id"]).out
    open_gate(command)
    resumed = command("resume", run["id"], "--json")
    assert (resumed.code, resumed.json["answer"]) == (0, [0, 1, 2, 3])
    assert command.calls().count(0) == command.calls().count(1) == 1


@pytest.mark.proof
@pytest.mark.parametrize("after_s", [0.9 + n * 0.05 for n in range(12)])
def test_the_demo_killed_at_any_moment_gives_its_answer_and_repeats_no_finished_step(command: Command, after_s: float) -> None:
    goal = "Find dental leads in Austin and draft introductions"
    going = command.start("run", goal, "--key", "k")
    try:
        going.wait(after_s)
    except subprocess.TimeoutExpired:
        going.kill()
    finish(going)
    before = _finished(command)
    again = command("run", goal, "--key", "k", "--json")
    assert again.code == 0, again.err
    assert str(again.json["answer"]).startswith("7 introductions drafted, 7 scores saved")
    after = _finished(command)
    assert len(after) == len(set(after))
    assert set(before) <= set(after)
    outbox = command("run", "--script", "-", "--json", stdin="x = mail.list_outbox()\nanswer(len(x.items))\n")
    assert outbox.json["answer"] == 7


def _finished(command: Command) -> list[tuple[str, str]]:
    """The calls that the journal says are finished, each as often as it says so."""
    runs = command("runs", "--json").json
    found: list[tuple[str, str]] = []
    for run in runs:
        finished = re.findall(r'"type": "call_finished", "step": "(\w+)", "item": "(\d*)"', _events(command, run["id"]))
        found += finished
    return found


def _events(command: Command, run: str) -> str:
    """The events so far of a run that may not have ended."""
    going = command.start("follow", run, "--json")
    try:
        return going.communicate(timeout=3)[0]
    except subprocess.TimeoutExpired:
        return finish(going, interrupt=True).out
