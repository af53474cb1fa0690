"""Workers: processes that carry on what others submit, and take over from one another."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.planrail.command import Command
from tests.planrail.test_cli_interrupt import open_gate, slow


def worker(command: Command) -> subprocess.Popen[str]:
    """A worker that takes runs."""
    process = command.start("worker")
    assert process.stdout is not None
    assert "takes runs" in process.stdout.readline()
    return process


def test_a_detached_run_is_taken_over_from_a_killed_worker_and_nothing_finished_is_done_again(command: Command) -> None:
    first = worker(command)
    submitted = command("run", "--detach", "--script", slow(command), "--json")
    assert (submitted.code, submitted.json["status"]) == (0, "queued")
    command.until_called(3, first)
    second = worker(command)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    open_gate(command)
    followed = command("follow", submitted.json["id"])
    assert (followed.code, followed.err) == (0, "")
    assert sorted(set(command.calls())) == [0, 1, 2, 3]
    assert [command.calls().count(n) for n in (0, 1)] == [1, 1]
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=30)
    assert second.returncode == 0


def test_the_same_key_submits_once(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "one.py"
    script.write_text("answer(1)\n")
    ids = {command("run", "--detach", "--script", str(script), "--key", "k", "--json").json["id"] for _ in range(2)}
    assert len(ids) == 1
