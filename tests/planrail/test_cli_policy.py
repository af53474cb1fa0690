"""The policy on the command line: the file, `tools --policy`, the question and its answers."""

from __future__ import annotations

import json

import pytest

from executor.errors import NotAnswerable
from executor.events import Question
from planrail.cli.asking import reply_of
from tests.planrail.command import Command, Finished

SCRIPT = """\
e = crm.enrich_lead(id=8)
a = crm.upsert_lead(name="Cedar", vertical="dental", city="Austin", email="a@x.example", address=e.summary, website=e.summary)
answer(a.name)
"""


def written(command: Command, policy: str) -> None:
    (command.folder / "planrail.toml").write_text(policy)


def waiting(command: Command) -> tuple[str, Finished]:
    done = command("run", "--script", "-", "--json", stdin=SCRIPT)
    assert done.code == 3, done
    return done.json["id"], done


def test_the_question_shows_values_and_origins_and_how_to_answer(command: Command) -> None:
    done = command("run", "--script", "-", stdin=SCRIPT)
    assert done.code == 3
    assert "flows        crm.upsert_lead: address from tool crm.enrich_lead" in done.out
    assert "? What strangers wrote would be used at 2 places in calls of crm.upsert_lead. Which may it?  [flow]" in done.out
    assert "  2. crm.upsert_lead website = Welcome to Cedar Family Dentistry!" in done.out
    assert "     written by a stranger: crm.enrich_lead  (step a)" in done.out
    assert "--yes | --no | --only 1,3" in done.out


@pytest.mark.parametrize(("option", "code"), [("--yes", 0), ("--no", 1), ("--only=1,2", 0), ("--only=1", 1)])
def test_what_is_allowed_is_done_and_anything_less_is_not(command: Command, option: str, code: int) -> None:
    run, _ = waiting(command)
    done = command("answer", run, option, "--json")
    assert (done.code, done.json["status"]) == (code, "done" if code == 0 else "failed")
    if code:
        assert "did not allow it" in done.json["surprises"][0]["message"]


@pytest.mark.parametrize("option", ["--only=3", "--only=one", "--only=", "--text=maybe"])
def test_an_answer_that_is_none_is_told(command: Command, option: str) -> None:
    run, _ = waiting(command)
    done = command("answer", run, option)
    assert done.code in (1, 2), done
    assert "Traceback" not in done.err
    assert command("show", run, "--json").json["status"] == "waiting"


def test_yes_in_front_answers_no_question_of_the_policy(command: Command) -> None:
    assert command("run", "--script", "-", "--yes", stdin=SCRIPT).code == 3


def test_what_the_file_denies_is_refused_without_a_question(command: Command) -> None:
    written(command, '[policy]\nflows = "deny"\n')
    done = command("run", "--script", "-", stdin=SCRIPT)
    assert done.code == 1
    assert "will be refused" in " ".join(done.out.split())
    assert "The policy refuses it: `address` of crm.upsert_lead is from tool crm.enrich_lead" in done.out


def test_what_the_file_trusts_passes(command: Command) -> None:
    written(command, '[policy.tools."crm.enrich_lead"]\ntrusted = ["summary"]\n')
    assert command("run", "--script", "-", stdin=SCRIPT).code == 0


def test_a_run_goes_on_under_the_policy_that_it_was_checked_with_or_says_so(command: Command) -> None:
    run, _ = waiting(command)
    written(command, "[policy]\nstrict = true\n")
    done = command("answer", run, "--yes")
    assert done.code == 1
    assert "The policy has changed since the plan was certified." in done.out


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ('[policy.tools."crm.enrich_leed"]\n', "names crm.enrich_leed, which is no tool. Nearest: crm.enrich_lead"),
        ('[policy.tools."mail.draft"]\nsensitive = ["too"]\n', "names `too`, which is no argument of mail.draft. Nearest: to"),
        ('[policy.tools."crm.get_lead"]\ntrusted = ["note"]\n', "which crm.get_lead does not give. Nearest: notes"),
        ('[policy]\nflows = "never"\n', "The setting policy.flows"),
    ],
)
def test_a_policy_that_names_what_is_not_there_is_told_with_the_nearest(command: Command, policy: str, said: str) -> None:
    written(command, policy)
    done = command("tools", "--policy")
    assert done.code == 1
    assert said in " ".join(done.err.split())


def test_tools_shows_sinks_and_who_says_so(command: Command) -> None:
    written(command, '[policy.tools."odd.publish"]\nflows = "deny"\nsensitive = ["text"]\n')
    listed = {t["tool"]: t for t in command("tools", "--policy", "--json").json}
    assert listed["odd.publish"]["sinks"] == [{"argument": "text", "source": "policy", "closed": False}]
    assert listed["odd.publish"]["untrusted"] == "refused"
    assert listed["odd.slow"]["sinks"] == [{"argument": "folder", "source": "guess", "closed": False}]
    assert listed["mail.draft"]["sinks"] == [{"argument": "to", "source": "tool", "closed": False}]
    assert listed["crm.get_lead"]["fields"] == {"": "trusted", "notes": "untrusted"}
    told = command("tools", "odd.publish", "--policy").out
    assert "text: an untrusted value is refused  (the policy says so)" in told
    assert "\ntool " in command("tools", "--policy").out


ROWS = [{"number": n, "step": "a"} for n in (1, 2, 3)]
NUMBERS = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 3}, "uniqueItems": True}
FLOW = Question(id="flow", kind="flow", of="a", text="?", shown=ROWS, answer_schema={"anyOf": [{"type": "boolean"}, NUMBERS]})


@pytest.mark.parametrize(
    ("written", "meant"),
    [("yes", True), ("N", False), ("1,3", [1, 3]), ("2", [2]), ("3 1", [3, 1]), ("1, 1", [1])],
)
def test_at_the_terminal_all_none_or_some_are_allowed(written: str, meant: object) -> None:
    assert reply_of(FLOW, written).answer == meant


@pytest.mark.parametrize("written", ["4", "0", "1,4", "-1", "one", "1.5", "１", "1;2", "99999999999999999999"])
def test_at_the_terminal_what_is_no_answer_is_asked_again(written: str) -> None:
    with pytest.raises(NotAnswerable):
        reply_of(FLOW, written)


def test_a_process_that_is_killed_after_the_answer_leaves_a_run_that_asks_nothing_again(command: Command) -> None:
    folder = json.dumps(str(command.folder))
    lines = SCRIPT.replace("answer(a.name)", f"n = odd.slow(number=len(a.name), folder={folder})\nanswer([a.name, n])")
    run = command("run", "--script", "-", "--json", stdin=lines).json["id"]
    answering = command.start("answer", run, "--yes")
    command.until_called(5, answering)
    answering.kill()
    answering.communicate()
    (command.folder / "gate").touch()
    resumed = command("resume", run, "--json")
    assert (resumed.code, resumed.json["answer"]) == (0, ["Cedar", 5])
    events = [json.loads(line) for line in command("follow", run, "--json").out.splitlines()]
    kinds = [e["event"]["type"] for e in events]
    assert (kinds.count("question_asked"), kinds.count("question_answered")) == (1, 1)
    assert [e["event"]["step"] for e in events if e["event"]["type"] == "call_started"].count("a") == 1
