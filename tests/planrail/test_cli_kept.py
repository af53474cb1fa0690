"""Plans that ran well, on the command line: the fourth goal of a form asks no planner; `planrail plans` shows all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from tests.planrail.command import ROOT, Command

Served = Callable[[], list[dict[str, Any]]]


def written(city: str) -> str:
    return f'leads = crm.find_leads(vertical="dental", city="{city}", limit=20)\nanswer(len(leads.items))\n'


@pytest.fixture
def asked(command: Command) -> Iterator[Served]:
    """A planner behind a real socket that knows three cities; calling the fixture gives the requests so far."""
    rules = [{"match": city, "replies": [{"text": written(city)}]} for city in ("Austin", "Dallas", "Houston")]
    script = command.folder / "model.json"
    script.write_text(json.dumps({"rules": rules}))
    line = [sys.executable, "-m", "tests.model_server", "--script", str(script)]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    command.env |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k", "PLANRAIL_PLANNER_MODEL": "big"}

    def requests() -> list[dict[str, Any]]:
        with urlopen(url.removesuffix("/v1") + "/requests", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    yield requests
    server.kill()
    server.communicate()


def goal(city: str) -> str:
    return f"Count the dental leads in {city}"


def taught(command: Command) -> None:
    for city in ("Austin", "Dallas", "Houston"):
        done = command("run", goal(city))
        assert done.code == 0, done.out + done.err
        assert "plan: by planner" in done.out


def test_the_fourth_goal_of_a_form_makes_no_planner_call(command: Command, asked: Served) -> None:
    taught(command)
    assert len(asked()) == 3

    done = command("run", goal("San Antonio"))
    assert done.code == 0, done.out + done.err
    assert "plan: kept, from 3 runs, with vertical=dental, city=San Antonio" in done.out
    assert "crm.find_leads(vertical=vertical, city=city, limit=20)" in done.out
    assert "no model was asked: 0 tokens" in done.out
    assert len(asked()) == 3

    planned = command("plan", goal("El Paso"), "--json").json
    assert (planned["plan_source"], planned["template_runs"], planned["params"]["city"]) == ("template", 4, "El Paso")
    assert len(asked()) == 3

    fresh = command("run", goal("Austin"), "--fresh", "--json").json
    assert (fresh["plan_source"], len(asked())) == ("planner", 4)
    command.env["PLANRAIL_PLANS_AFTER"] = "0"
    assert command("run", goal("Austin"), "--json").json["plan_source"] == "planner"
    assert len(asked()) == 5


def test_kept_plans_are_listed_shown_exported_and_forgotten(command: Command, asked: Served) -> None:
    assert "No plans are kept yet: a plan is, once it ran well 3 times." in command("plans").out
    for city in ("Austin", "Dallas"):
        command("run", goal(city))
    (waits,) = command("plans", "--json").json
    assert (waits["kept"], waits["runs"], waits["needs"]) == (False, 2, 3)
    assert "2 of 3" in command("plans").out
    command("run", goal("Houston"))
    command("run", goal("Waco"))

    (one,) = command("plans", "list", "--json").json
    assert (one["kept"], one["runs"], one["hits"], one["goal"]) == (True, 4, 1, "Count the {vertical} leads in {city}")
    assert one["saved"] > 500
    listed = command("plans").out
    assert one["id"][:8] in listed
    assert f" {one['saved']:,} " in listed
    shown = command("plans", "show", one["id"][:8])
    assert "city: a name of at most three words" in shown.out
    assert "vertical: one of accounting, dental" in shown.out

    book = command.folder / "home" / "playbooks" / "count.plan"
    book.parent.mkdir()
    exported = command("plans", "export", one["id"][:6], str(book))
    assert exported.code == 0, exported.err
    assert command("plans", "export", one["id"][:8]).out == book.read_text()
    assert "is there already" in command("plans", "export", one["id"][:8], str(book)).err
    checked = command("check", str(book))
    assert checked.code == 0, checked.out
    by_book = command("run", goal("Waco"), "--json").json
    assert (by_book["playbook"], by_book["params"]) == ("count", {"vertical": "dental", "city": "Waco"})
    book.unlink()

    assert "is forgotten" in command("plans", "forget", one["id"][:8]).out
    assert command("plans", "--json").json == []
    unknown = command("plans", "show", one["id"][:8], "--json")
    assert (unknown.code, unknown.json["error"]["fault"]) == (1, "user")
    assert command("run", goal("Austin"), "--json").json["plan_source"] == "planner"


def test_no_playbook_of_a_pack_becomes_a_plan_that_is_kept(command: Command) -> None:
    for _ in range(3):
        assert command("run", "List the gym leads in Austin").code == 0
    assert command("plans", "--json").json == []


def test_another_process_on_one_postgresql_takes_what_the_first_one_kept(
    command: Command, asked: Served, postgres_url: str
) -> None:  # fmt: skip
    command.env |= {"PLANRAIL_DATABASE_URL": postgres_url, "PLANRAIL_PLANS_AFTER": "1"}
    first = command("run", goal("Austin"), "--json")
    assert first.code == 0, first.out + first.err
    second = command("run", goal("Waco"), "--json").json
    assert (second["status"], second["plan_source"], second["template_runs"]) == ("done", "template", 1)
    assert len(asked()) == 1
    assert "plans kept: 1" in command("doctor").out
