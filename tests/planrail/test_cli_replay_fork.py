"""`planrail replay` and `planrail fork`, as a user meets them."""

from __future__ import annotations

import re

from tests.planrail.command import ODD, Command

DEMO = "Find dental leads in Austin and draft introductions"
SCRIPT = """\
a = odd.slow(number=0, folder={folder!r})
b = odd.slow(number=1, folder={folder!r})
p = odd.publish(text=f"{{a}} {{b}}")
answer(p)
"""


def ran(command: Command) -> str:
    """The id of a run of the script, done."""
    script = command.folder / "plan.script"
    script.write_text(SCRIPT.format(folder=str(command.folder)))
    done = command("run", "--script", str(script), "--json")
    assert done.code == 0, done.err
    run: str = done.json["id"]
    return run


def test_the_demo_replays_alike_and_its_fork_asks_before_it_drafts_again(command: Command) -> None:
    run = command("run", DEMO, "--json").json["id"]
    same = command("replay", run)
    assert (same.code, same.err) == (0, "")
    assert "same   today's code does the same, with the same tools" in same.out

    waits = command("fork", run[:15], "--from", "mails", "--key", "k")
    assert waits.code == 3, waits.err
    assert "✓ facts  crm.enrich_lead  7 of 7  7 adopted" in waits.out
    assert "7 calls of mail.draft, with these arguments, are done already, by the run " + run in waits.out
    fork = waits.out.split()[-1]
    assert command("fork", run, "--from", "mails", "--key", "k", "--json").json["id"] == fork
    done = command("answer", fork, "--no")
    assert done.code == 0
    assert "✓ drafts  mail.draft  7 of 7  7 adopted" in done.out
    assert "no model was asked: 0 tokens · $0.00 · 0 tool calls" in done.out
    told = f"fork   of {run} from mails: 31 results adopted"
    assert told in command("why", fork).out
    assert told in command("show", fork).out
    assert command("show", fork, "--json").json["forked_from"] == {"run": run, "step": "mails"}
    assert command("replay", fork).code == 0


def test_a_replay_names_the_part_of_a_tool_that_has_changed_and_exits_with_1(command: Command) -> None:
    run = ran(command)
    changed = ODD.replace("def publish(text: str)", "def publish(text: str, loud: bool = False)")
    (command.folder / "odd_pack.py").write_text(changed)
    told = command("replay", run)
    assert told.code == 1
    assert "≠ tool  odd.publish: input_schema.loud\n    recorded  nothing\n" in told.out
    assert told.out.rstrip().endswith("1 difference")
    report = command("replay", run, "--json")
    assert (report.code, report.json["same"]) == (1, False)
    assert [f["what"] for f in report.json["findings"]] == ["odd.publish: input_schema.loud"]


def test_a_fork_with_another_script_takes_over_what_is_the_same(command: Command) -> None:
    run = ran(command)
    edited = command.folder / "edited.script"
    edited.write_text(SCRIPT.format(folder=str(command.folder)).replace("{a} {b}", "{a} and {b}"))
    done = command("fork", run, "--from", "p", "--script", str(edited), "--budget", "calls=5", "--json")
    assert (done.code, done.json["answer"]) == (0, "published 0 and 1")
    assert sorted(command.calls()) == [0, 1]
    assert done.json["cost"]["tool_calls"] == 1

    edited.write_text("p = odd.publsh(text='x')\nanswer(p)\n")
    refused = command("fork", run, "--from", "p", "--script", str(edited))
    assert refused.code == 1
    assert re.search(r"edited\.script:1:5: error: There is no tool odd\.publsh", refused.out)
    assert command("fork", run, "--from", "p", "--script", str(edited), "--json").json["error"]["diagnostics"]


def test_a_fork_is_left_to_a_worker_and_what_cannot_be_forked_is_told(command: Command) -> None:
    run = ran(command)
    left = command("fork", run, "--from", "b", "--detach", "--json")
    assert (left.code, left.json["status"]) == (0, "queued")
    resumed = command("resume", left.json["id"], "--json")
    assert (resumed.code, [q["id"] for q in resumed.json["questions"]]) == (3, ["repeat:p"])
    assert sorted(command.calls()) == [0, 1, 1]  # the two reads go at once

    unknown = command("fork", run, "--from", "nope")
    assert unknown.code == 1
    assert "no step nope" in unknown.err
    assert "Its steps: a, b, p, answer." in unknown.err
    assert command("fork", run).code == 2
    assert command("fork", "0000", "--from", "a").code == 1
    assert command("replay", "0000").code == 1
