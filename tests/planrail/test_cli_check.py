"""`planrail check`, `tools`, `playbooks`: what can be said without a database."""

from __future__ import annotations

from tests.planrail.command import Command

BAD = """\
leads = crm.find_lead(vertical="dental")
import os
for lead in leads:
    pass
answer(later)
later = 1
"""


def test_a_refused_script_is_told_by_file_line_and_column_with_a_caret(command: Command) -> None:
    file = command.folder / "bad.py"
    file.write_text(BAD)
    refused = command("check", str(file))
    assert refused.code == 1
    lines = refused.out.splitlines()
    assert lines[0].startswith(f"{file}:1:9: error: There is no tool crm.find_lead. Nearest: crm.find_leads")
    assert lines[1:3] == ['    leads = crm.find_lead(vertical="dental")', "            ^" + "~" * 31]
    for place in ("2:1: error: A script imports nothing", "3:1: error: A script has no loops", "5:8: error:"):
        assert f"{file}:{place}" in refused.out
    document = command("check", str(file), "--json")
    assert document.code == 1
    assert [d["line"] for d in document.json["diagnostics"]] == [1, 2, 3, 5]
    assert not command.home.exists()


def test_wrong_types_unknown_keys_and_scripts_of_10_000_lines_are_refused(command: Command) -> None:
    script = 'x = crm.get_lead(id="seven")\ny = crm.find_leads(vertical="dental", city="Austin")\nanswer([x, y.itms])\n'
    refused = command("check", "-", stdin=script)
    assert refused.code == 1
    assert "stdin:1:" in refused.out
    assert "integer" in refused.out
    assert "stdin:3:" in refused.out
    assert "itms" in refused.out
    long = command("check", "-", stdin="a = 1\n" * 10_001)
    assert (long.code, "lines" in long.out) == (1, True)


def test_a_good_script_and_a_good_playbook_are_certified(command: Command) -> None:
    good = command("check", "-", "--json", stdin="x = crm.find_leads(vertical='gym', city='Austin')\nanswer(x.items)\n")
    assert (good.code, good.json["ok"], good.json["certificate"]["worst_case"]["calls"]) == (0, True, 1)
    playbook = command.folder / "mine.plan"
    playbook.write_text('---\ngoal: "Count {city}"\nparams: {city: str, n: int = 2}\n---\nanswer(city + str(n))\n')
    assert "certified  with city=sample, n=2" in command("check", str(playbook)).out
    playbook.write_text('---\ngoal: "Count {city}"\nparams: {city: str}\n---\nanswer(town)\n')
    assert f"{playbook}:5:8: error:" in command("check", str(playbook)).out


def test_tools_and_playbooks_are_listed_and_shown_without_a_database(command: Command) -> None:
    names = [t["name"] for t in command("tools", "--json").json]
    assert {"crm.find_leads", "data.count", "odd.slow"} <= set(names)
    assert "sensitive: to" in command("tools", "mail.draft").out
    unknown = command("tools", "crm.find_lead")
    assert (unknown.code, unknown.err) == (
        1, "planrail: There is no tool crm.find_lead.\nNearest: crm.find_leads, crm.list_leads, crm.get_lead.\n",
    )  # fmt: skip
    playbooks = {p["name"] for p in command("playbooks", "--json").json}
    assert {"lead_generation", "lead_list", "rescore_list", "import_listings"} <= playbooks
    assert "-p city: str" in command("playbooks", "lead_list").out
    assert not command.home.exists()
