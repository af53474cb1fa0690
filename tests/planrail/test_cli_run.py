"""`planrail run` and the commands that look at a run, as a user meets them."""

from __future__ import annotations

import re

from tests.planrail.command import Command, Finished

DEMO = "Find dental leads in Austin and draft introductions"
APPROVED = """\
a = odd.slow(number=0, folder={folder!r})
approve("publish it")
p = odd.publish(text="news")
answer(p)
"""


def test_the_demo_shows_plan_certificate_steps_answer_and_cost_and_its_run_can_be_looked_at(command: Command) -> None:
    done = command("run", DEMO, "--key", "k1")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "\x1b" not in done.out
    for part in (
        "leads = crm.find_leads(", "worst case   at most 8 steps", "mail.draft(", "✓ scored  crm.score_lead  9 of 9",
        "✓ drafts  mail.draft  7 of 7", "7 introductions drafted", "no model was asked: 0 tokens · $0.00 · 31 tool calls",
        "for the same calls",
    ):  # fmt: skip
        assert part in done.out
    assert re.search(r"about [\d,]+ \+ [\d,]+ tokens in 32 turns", done.out)

    again = command("run", DEMO, "--key", "k1", "--json")  # the same run, found by its key
    assert (again.code, again.json["status"]) == (0, "done")
    run = again.json["id"]
    assert run in done.out
    assert {s["id"]: s["done"] for s in again.json["steps"]}["drafts"] == 7
    assert again.json["cost"]["react"]["turns"] == 32

    assert command("show", run, "--json").json == again.json
    why = command("why", run[:15]).out
    assert re.search(r"✓ +\d+ leads = crm\.find_leads", why)
    assert "next   nothing" in why
    events = command("follow", run, "--json")
    assert events.code == 0
    assert [line.count('"seq"') for line in events.out.splitlines()] == [1] * again.json["seq"]
    listed = command("runs", "--status", "done", "--json").json
    assert [(r["id"], r["status"]) for r in listed] == [(run, "done")]
    other = command("run", "List the dental leads in Austin", "--key", "k1", "--json")
    assert other.code == 1
    assert "key" in other.json["error"]["message"]


def test_an_approval_waits_with_exit_code_3_shows_its_effects_and_is_answered(command: Command) -> None:
    script = command.folder / "approved.py"
    script.write_text(APPROVED.format(folder=str(command.folder)))
    waits = command("run", "--script", str(script))
    assert waits.code == 3
    assert "odd.publish(text=news)" in waits.out
    command_line = re.search(r"planrail answer (\w+) (\S+) --yes \| --no", waits.out)
    assert command_line is not None
    run, question = command_line.groups()
    unsaid = command("answer", run)
    assert (unsaid.code, "--yes, --no" in unsaid.err) == (2, True)
    bad = command("answer", run, "--value", "7")
    assert (bad.code, "does not fit" in bad.err) == (1, True)
    answered = command("answer", run, question, "--yes", "--json")
    assert (answered.code, answered.json["answer"]) == (0, "published news")
    assert command.calls() == [0]


def test_yes_approves_in_front_and_no_refuses_with_exit_code_1(command: Command) -> None:
    script = APPROVED.format(folder=str(command.folder))
    approved = command("run", "--script", "-", "--yes", "--json", stdin=script)
    assert (approved.code, approved.json["answer"]) == (0, "published news")
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    refused = command("answer", run, "--no")
    assert refused.code == 1
    assert "local refused: publish it" in refused.out


def test_at_a_ceiling_a_run_is_partial_and_a_larger_budget_carries_it_on(command: Command) -> None:
    folder = str(command.folder)
    script = f"""\
a = odd.slow(number=1, folder={folder!r})
b = odd.slow(number=2 * a, folder={folder!r}, timeout="1s", retry=0, otherwise=0)
c = odd.slow(number=b, folder={folder!r})
answer([a, b, c])
"""
    partial = command("run", "--script", "-", "--budget", "seconds=0.6", "--json", stdin=script)
    assert (partial.code, partial.json["status"], partial.json["ceilings"][0]["ceiling"]) == (4, "partial", "seconds")
    why = command("why", partial.json["id"])
    assert "ceiling seconds: 0.6 allowed" in why.out
    assert "planrail resume" in why.out
    (command.folder / "gate").write_text("")
    whole = command("resume", partial.json["id"], "--budget", "seconds=50", "--json")
    assert (whole.code, whole.json["answer"][0]) == (0, 1)
    refused = command("check", "-", "--budget", "calls=2", stdin=script)
    assert "the budget allows" in refused.out


def test_odd_tools_are_told_plainly_and_hurt_nobody_else(command: Command) -> None:
    failed = command("run", "--script", "-", stdin="x = odd.crash()\nanswer(x)\n")
    assert failed.code == 1
    assert "✗ x" in failed.out
    assert "odd.crash crashed (ValueError); the log has the details." in failed.out
    assert "Traceback" not in failed.out + failed.err
    assert "kaboom" in (command.home / "planrail.log").read_text()

    calls = "".join(f'{tool} = odd.{tool}(otherwise="none")\n' for tool in ("hang", "flood", "opaque"))
    others = command("run", "--script", "-", "--json", stdin=f"{calls}answer([hang, flood, opaque])\n")
    assert others.json["answer"] == ["none", "none", "none"]
    notes = {s["id"]: s["note"] for s in others.json["steps"] if s["note"]}
    assert notes == {
        "hang": "timeout: odd.hang did not answer within 0.2 s.",
        "flood": "invalid: odd.flood returned more than 16,777,216 bytes; the limit is 16,777,216.",
        "opaque": "invalid: odd.opaque returned what it does not declare: it is not JSON",
    }


def test_what_tools_print_never_reaches_stdout_and_what_they_say_steers_no_terminal(command: Command) -> None:
    script = "x = odd.noisy()\nanswer(x.text)\n"
    shown = command("run", "--script", "-", stdin=script)
    assert "LOUD" in shown.err
    assert "LOUD" not in shown.out
    assert "[bold red]marked[/] [31mred[0m bell" in shown.out
    assert not {"\x1b", "\x07"} & set(shown.out)
    document = command("run", "--script", "-", "--json", stdin=script)
    assert document.json["answer"] == "[bold red]marked[/] \x1b[31mred\x1b[0m \x07bell"


def test_a_plan_is_shown_and_nothing_of_it_runs_or_stays(command: Command) -> None:
    shown = command("plan", DEMO, "--json")
    assert shown.code == 0
    assert shown.json["plan"]["statements"][0]["call"] == "crm.find_leads"
    assert shown.json["certificate"]["worst_case"]["calls"] == 81
    by_name = command("plan", "--playbook", "lead_list", "-p", "vertical=dental", "-p", "city=Austin")
    assert "worst case   at most" in by_name.out
    assert command("runs").out == "No runs yet.\n"


def test_a_cancelled_run_goes_on_when_it_is_resumed(command: Command) -> None:
    script = APPROVED.format(folder=str(command.folder))
    run = command("run", "--script", "-", "--json", stdin=script).json["id"]
    cancelled = command("cancel", run)
    assert (cancelled.code, cancelled.out) == (0, f"{run} is cancelled.\n")
    again = command("resume", run)
    assert again.code == 3
    assert "publish it" in again.out
    assert command.calls() == [0]


def test_runs_of_a_session_share_its_ceilings(command: Command) -> None:
    script = f"xs = [odd.slow(number=0 * i, folder={str(command.folder)!r}) for i in range(4)]\nanswer(len(xs))\n"
    ceilings = {"PLANRAIL_SESSION_CALLS": "6"}

    def run(*more: str) -> Finished:
        return command("run", "--script", "-", *more, stdin=script, env=ceilings)

    assert run("--session", "talk").code == 0
    second = run("--session", "talk", "--json")
    assert (second.code, second.json["status"], second.json["session"]) == (4, "partial", "talk")
    assert "The ceiling session_calls (6) of the session talk was reached" in second.json["reason"]
    third = run("--session", "talk")
    assert third.code == 1
    assert "talk has nothing left" in third.err
    assert run().code == 0

    shown = command("show", second.json["id"], env=ceilings).out
    assert "session talk: 2 runs · 6 calls · $0.00 · left: 0 of 6 calls" in shown
    assert command("show", second.json["id"], "--json", env=ceilings).json["session_use"]["used"]["calls"] == 6
    listed = command("runs", "--session", "talk")
    assert "session talk: 2 runs · 6 calls · $0.00 · left: no ceiling is set" in listed.out
    assert len(command("runs", "--session", "talk", "--json").json) == 2
    assert command("runs", "--session", "nobody", "--json").json == []
    assert run("--session", " ").code == 2


def test_a_playbook_without_a_parameter_waits_for_it_and_an_answer_in_words_carries_it_on(command: Command) -> None:
    waits = command("run", "--playbook", "lead_list", "-p", "vertical=dental", "--json")
    assert (waits.code, waits.json["status"]) == (3, "waiting")
    (question,) = waits.json["questions"]
    assert (question["id"], question["text"]) == ("@params", "The playbook lead_list needs city (str).")
    run = waits.json["id"]
    assert f"planrail answer {run} @params --text" in command("show", run).out
    done = command("answer", run, "@params", "--text", "Austin", "--json")
    assert (done.code, done.json["status"]) == (0, "done")
    assert done.json["params"]["city"] == "Austin"


def test_a_plan_that_is_only_looked_at_says_what_it_lacks(command: Command) -> None:
    refused = command("plan", "--playbook", "lead_list", "-p", "vertical=dental")
    assert refused.code == 1
    assert "lead_list needs city: str." in refused.out + refused.err
