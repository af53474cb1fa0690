"""Questions with a time, at the command line: until when they stand, reminders, and what becomes of late answers."""

from __future__ import annotations

import re
import time

from tests.planrail.command import Command

WAITS_S = 30


def test_a_question_says_until_when_it_stands_and_a_late_answer_is_told_so(command: Command) -> None:
    command.env["PLANRAIL_QUESTION_TIMEOUT_S"] = "4"
    script = 'n = ask_user("How many?", returns=int, otherwise=0)\nanswer(n)\n'
    waits = command("run", "--script", "-", stdin=script)
    assert waits.code == 3
    assert re.search(r"\? How many\?  \[n\]  until 20\d\d-", waits.out)
    assert "the clock wakes it at 20" in waits.out
    (listed,) = command("runs", "--json").json
    assert listed["wake_at"] is not None
    assert "wakes" in command("runs").out

    deadline = time.monotonic() + WAITS_S
    while "has expired at" not in (late := command("answer", listed["id"], "n", "--text", "many")).err:
        assert time.monotonic() < deadline, late
        assert "does not fit" in late.err  # the question stands
    resumed = command("resume", listed["id"], "--json")
    assert (resumed.code, resumed.json["answer"], resumed.json["wake_at"]) == (0, 0, None)


def test_whoever_follows_sees_reminders_and_that_the_time_is_over(command: Command) -> None:
    script = 'n = ask_user("How many?", remind="1s", timeout="4s", otherwise="none")\nanswer(n)\n'
    worker = command.start("worker")
    try:
        run = command("run", "--detach", "--script", "-", "--json", stdin=script).json["id"]
        followed = command("follow", run)
    finally:
        worker.terminate()
        worker.communicate(timeout=WAITS_S)
    assert followed.code == 0
    assert "? n  How many?  nobody has answered since 20" in followed.out
    assert "? n  How many?  nobody answered in time" in followed.out
    assert "by otherwise (Nobody answered in time.)" in followed.out
