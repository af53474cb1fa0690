"""`planrail eval`: suites of goals with checks, the report, and what makes a build fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from planrail.evals.shelf import Shelf
from tests.planrail.command import Command, Finished

GOOD = {"when": "Say hello", "says": "Hello."}
WORDY = {"when": "Say hello", "says": "Hello. " * 120}


def suite(*cases: dict[str, Any], replies: tuple[dict[str, str], ...] = (GOOD,), **more: Any) -> str:
    models = {"executor": {"model": "gpt-5-mini", "replies": list(replies)}}
    return yaml.safe_dump({"suite": "desk", "models": models, "cases": list(cases), **more})


def greeting(**more: Any) -> dict[str, Any]:
    return {"name": "a greeting", "script": 't = ask("Say hello.")\nanswer(t)', **more}


def evaluated(command: Command, text: str, *options: str) -> Finished:
    (command.folder / "desk.yaml").write_text(text, encoding="utf-8")
    return command("eval", "desk.yaml", *options)


def test_a_suite_whose_cases_hold_passes_and_tells_what_a_session_took(command: Command) -> None:
    done = evaluated(command, suite(greeting(expect={"answer": "Hello.", "most": {"model_calls": 1}})))
    assert done.code == 0, done.out + done.err
    assert "a greeting" in done.out
    assert "100%" in done.out
    assert done.out.endswith("Passed.\n")


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"answer": 3}, "Its answer is 2 instead of 3."),
    ({"contains": ["7"]}, "Its answer has no '7': 2."),
    ({"holds": ["answer > 2"]}, "`answer > 2` does not hold for 2."),
    ({"holds": ["answer.n"]}, "`answer.n` has no value for 2"),
    ({"status": "partial"}, "It is done instead of partial"),
    ({"asked": ["why"]}, "Nobody was asked 'why'"),
    ({"calls": [{"tool": "data.count", "times": 2}]}, "data.count was called 1 times instead of 2 times."),
    ({"calls": [{"tool": "data.count", "at_most": 0}]}, "was called 1 times instead of 0 times."),
    ({"calls": [{"tool": "data.count", "at_least": 1, "with": {"rows": []}}]}, 'with {"rows":[]} instead of at least 1'),
    ({"database": [{"sql": "select 1, 'a'", "gives": [[2, "a"]]}]}, '`select 1, \'a\'` gives [[1,"a"]] instead of [[2,"a"]].'),
    ({"database": [{"sql": "delete from planrail_run", "gives": []}]}, "attempt to write a readonly database"),
    ({"most": {"calls": 0}}, "It took 1 calls; 0 is the most."),
)


def test_what_does_not_hold_is_told_in_a_sentence_and_fails(command: Command) -> None:
    script = 'n = data.count(rows=[{"a": 1}, {"a": 2}])\nanswer(n)'
    cases = [{"name": f"case {n}", "script": script, "expect": expect} for n, (expect, _) in enumerate(WRONG)]
    done = evaluated(command, suite(*cases))
    assert done.code == 1, done.out + done.err
    assert [told for _, told in WRONG if told not in done.out] == []
    assert "quality is 0; the suite's limit is at least 1." in done.out


def test_a_person_of_the_suite_answers_and_what_nobody_answers_is_told(command: Command) -> None:
    asks = 'who = ask_user("Who comes?")\nanswer(who)'
    one = {
        "name": "answered",
        "script": asks,
        "answers": [{"asks": "Who", "answer": "Ann"}],
        "expect": {"answer": "Ann", "asked": ["comes"]},
    }
    other = {"name": "silent", "script": asks}
    done = evaluated(command, suite(one, other), "--json")
    assert done.code == 1
    assert [t["wrong"] for t in done.json["trials"]] == [[], ["It is waiting instead of done; it waits for 'Who comes?'"]]


def test_each_trial_has_a_database_of_its_own_in_which_the_setup_has_run(command: Command) -> None:
    note = {
        "name": "one more note", "script": 'n = odd.publish(text="hi")\nanswer(n)', "answers": [{"answer": True}],
        "expect": {"database": [{"sql": "select count(*) from planrail_run", "gives": [[2]]}]},
    }  # fmt: skip
    done = evaluated(command, suite(note, setup="n = data.count(rows=[])\nanswer(n)"), "--repeat", "3", "--parallel", "2")
    assert done.code == 0, done.out + done.err
    assert not (command.home / "planrail.db").exists()


# -- regressions


def baseline(command: Command, text: str, *options: str) -> None:
    done = evaluated(command, text, "--save-baseline", "base.json", *options)
    assert done.code == 0, done.out + done.err


def test_a_session_that_has_become_dearer_fails(command: Command) -> None:
    baseline(command, suite(greeting()))
    assert evaluated(command, suite(greeting()), "--baseline", "base.json").code == 0
    done = evaluated(command, suite(greeting(), replies=(WORDY,)), "--baseline", "base.json", "--json")
    assert done.code == 1
    assert {(r["what"], r["of"]) for r in done.json["regressions"]} == {
        ("usd", ""), ("tokens", ""), ("usd", "a greeting"), ("tokens", "a greeting"),
    }  # fmt: skip
    assert evaluated(command, suite(greeting(), replies=(WORDY,)), "--max-cost", "0.00001").code == 1


def test_a_session_that_has_become_slower_fails(command: Command) -> None:
    (command.folder / "gate").touch()
    quick = {"name": "look", "script": f'n = odd.slow(number=2, folder="{command.folder}")\nanswer(n)'}
    baseline(command, suite(quick))
    assert evaluated(command, suite(quick), "--baseline", "base.json", "--tolerance-p95", "30").code == 0
    slow = {"name": "look", "script": 'wait("2s")\nanswer(2)'}
    done = evaluated(command, suite(slow), "--baseline", "base.json", "--json")
    assert done.code == 1
    assert [r["what"] for r in done.json["regressions"]] == ["p95_s"]
    assert evaluated(command, suite(slow), "--max-p95", "1").code == 1


def test_an_answer_that_has_become_worse_fails_even_where_the_suite_allows_some(command: Command) -> None:
    right, wrong = greeting(expect={"answer": "Hello."}), greeting(expect={"answer": "Good evening."})
    lenient = {"limits": {"quality": 0.0}}
    baseline(command, suite(right, **lenient))
    assert evaluated(command, suite(wrong, **lenient)).code == 0
    done = evaluated(command, suite(wrong, **lenient), "--baseline", "base.json")
    assert done.code == 1
    assert "quality of a greeting is 0; the baseline is at least 1." in done.out


# -- bad suites, reports


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("suite: x\ncases:\n  - nam: y\n", "line 3: cases.0.name: Field required"),
        ("suite: x\ncases: []\n", "line 2: cases: Tuple should have at least 1 item"),
        (
            "suite: x\ncases:\n - {name: a, expect: {holds: ['1 +']}}\n",
            "line 3: cases.0.expect.holds.0: '1 +' is no expression",
        ),
        ("suite: x\ncases:\n - {name: a, expect: {asked: ['(']}}\n", "is no regular expression"),
        ("suite: x\ncases:\n - {name: a, expect: {calls: [{tool: t}]}}\n", "say how often: times, at_least or at_most"),
        ("suite: x\ncases:\n - {name: a}\n - {name: a}\n", "two cases are named 'a'"),
        ("suite: [\n", "line 2: "),
        ("a: &a [1]\nb: *a\n", "line 2: aliases (*name) are not taken"),
        ("- 1\n", "line 1: Input should be"),
    ],
)
def test_a_suite_that_cannot_be_meant_is_told_with_its_line(command: Command, text: str, told: str) -> None:
    done = evaluated(command, text)
    assert done.code == 2
    assert told in done.err


def test_what_is_not_there_is_told_with_what_there_is(command: Command) -> None:
    assert "a pack that has one: afterhours, " in command("eval", "gmt").err
    assert "There is no noise typo." in evaluated(command, suite(greeting()), "--noise", "typo").err
    assert "cannot be read" in evaluated(command, suite(greeting()), "--baseline", "none.json").err
    (command.folder / "base.json").write_text("{}")
    assert "is no baseline: suite: Field required" in evaluated(command, suite(greeting()), "--baseline", "base.json").err
    done = evaluated(command, suite(greeting(), setup="answer(data.nothing())"))
    assert (done.code, "The setup of desk is failed" in done.err) == (2, True), done.err


def test_reports_hold_what_tools_gave_as_text(command: Command, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\x07"
    case = {"name": hostile, "script": "answer(t)", "params": {"t": hostile}, "expect": {"answer": "<b>"}}
    done = evaluated(command, suite(case), "--junit", "r.xml", "--html", "r.html")
    assert done.code == 1
    assert "\x07" not in done.out
    page = (command.folder / "r.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    (failed, worse) = ElementTree.parse(command.folder / "r.xml").iter("testcase")
    assert failed.find("failure") is not None
    assert worse.get("name") == "quality of the suite"


def test_the_data_of_a_trial_that_fails_is_kept_where_it_is_wanted(command: Command) -> None:
    done = evaluated(command, suite(greeting(expect={"answer": "Bye."})), "--keep", "kept", "--json")
    (trial,) = done.json["trials"]
    shown = command("why", trial["run"], env={"PLANRAIL_HOME": trial["kept"]})
    assert shown.code == 0, shown.err
    assert "kept is not empty" in evaluated(command, suite(greeting()), "--keep", "kept").err


def test_the_pack_of_lead_generation_passes_its_own_suite(command: Command) -> None:
    done = command("eval", "gtm", "--json", env={"PLANRAIL_PACKS": "gtm"})
    (left,) = Shelf(command.home).listed()  # for the console
    assert done.code == 0, [t["wrong"] for t in done.json["trials"]]
    assert done.json["summary"]["quality"] == 1.0
    assert (left.passed, left.suite) == (True, done.json["suite"])


# -- cassettes


def test_a_suite_that_was_recorded_runs_again_without_any_model(command: Command) -> None:
    whole = suite(greeting(expect={"answer": "Hello."}))
    assert evaluated(command, whole, "--record", "tape.jsonl").code == 0
    offline = yaml.safe_dump({"suite": "desk", "cases": [greeting(expect={"answer": "Hello."})]})
    again = evaluated(command, offline, "--replay", "tape.jsonl", "--json")
    assert again.code == 0, again.out + again.err
    assert again.json["summary"]["tokens"] > 0
    other = yaml.safe_dump({"suite": "desk", "cases": [{**greeting(), "script": 't = ask("Say hello!")\nanswer(t)'}]})
    missed = evaluated(command, other, "--replay", "tape.jsonl")
    assert missed.code == 1
    assert "tape.jsonl has no answer of gpt-5-mini" in missed.out


def test_a_recording_that_was_cut_off_is_taken_as_far_as_it_goes_and_a_broken_one_is_refused(command: Command) -> None:
    whole = suite(greeting())
    evaluated(command, whole, "--record", "tape.jsonl")
    tape = command.folder / "tape.jsonl"
    recorded = tape.read_text()
    tape.write_text(recorded + '{"ask": "12')
    assert evaluated(command, whole, "--replay", "tape.jsonl").code == 0
    tape.write_text("nonsense\n" + recorded)
    done = evaluated(command, whole, "--replay", "tape.jsonl")
    assert (done.code, "line 1: this is no answer of a model" in done.err) == (2, True)
    assert json.loads(recorded.splitlines()[0])["terms"]["executor"]["model"] == "gpt-5-mini"


# -- faults


def test_disturbed_tools_are_called_again_and_equal_seeds_disturb_equally(command: Command) -> None:
    script = 'leads = [odd.slow(number=n, folder=".") for n in [0, 0, 1, 1, 0, 1]]\nanswer(leads)'
    case = {"name": "calls", "script": script, "expect": {"answer": [0, 0, 1, 1, 0, 1]}}
    options = ("--faults", "429,5xx", "--fault-rate", "0.5", "--seed", "1", "--json")
    calm = evaluated(command, suite(case), "--json").json["trials"][0]
    one, two = (evaluated(command, suite(case), *options) for _ in range(2))
    assert one.code == two.code == 0, one.out
    assert one.json["trials"][0]["calls"] == two.json["trials"][0]["calls"] > calm["calls"]
    every = evaluated(command, suite(case), "--faults", "malformed", "--fault-rate", "1", "--json")
    assert every.code == 1
    assert "failed" in every.json["trials"][0]["wrong"][0]
