"""What a new process loads for a command: a plan is checked often, by people, editors and other programs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.planrail.command import Command

SCRIPT = """\
leads = crm.find_leads(vertical="dental", city="Austin", limit=3)
page = http.fetch(url="https://example.com")
rows = data.select(rows=[{"n": 1}], limit=1)
draft = mail.draft(lead_id=1, to="a@example.com", subject="Hello", body="There")
answer([leads.items, page.status, rows, draft.id])
"""
HEAVY = {  # each takes 10 ms to a second, and serves what no check does
    "alembic", "asyncio", "attr", "genai_prices", "httpx", "jsonschema", "openai", "procrastinate", "psycopg", "pygments",
    "referencing", "splintr", "sqlalchemy", "sqlite3", "ssl", "tenacity",
}  # fmt: skip


def loaded(command: Command, *arguments: str, stdin: str = "") -> set[str]:
    """The packages that the command imports, at any time."""
    line = [sys.executable, "-X", "importtime", *command.line(*arguments)[1:]]
    done = subprocess.run(
        line,
        input=stdin,
        capture_output=True,
        text=True,
        cwd=command.folder,
        env=command.environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return {name.partition(".")[0] for name in re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE)}


def test_a_check_loads_no_database_no_client_and_no_validator(command: Command) -> None:
    found = loaded(command, "check", "-", stdin=SCRIPT)
    assert {"planner", "executor", "packs", "pydantic", "rich"} <= found
    assert found & (HEAVY | {"yaml"}) == set()


def test_a_check_for_a_program_loads_nothing_that_draws(command: Command) -> None:
    assert loaded(command, "check", "-", "--json", stdin=SCRIPT) & (HEAVY | {"yaml", "rich"}) == set()


def test_a_check_of_a_playbook_loads_what_reads_its_head_alone(command: Command) -> None:
    (command.folder / "mine.plan").write_text('---\ngoal: "Count {city}"\nparams: {city: str}\n---\nanswer(city)\n')
    assert loaded(command, "check", "mine.plan") & (HEAVY | {"yaml"}) == {"yaml"}


def test_help_loads_neither_models_nor_what_carries_commands_out(command: Command) -> None:
    assert loaded(command, "--help") & (HEAVY | {"pydantic", "planner", "executor", "packs", "rich", "yaml"}) == set()


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/of all/x.db", "postgresql://me:secret@db.example/planrail", "postgresql+psycopg://db:5432/p"]
)
def test_a_check_takes_a_database_url_on_its_word(command: Command, url: str) -> None:
    command.env["PLANRAIL_DATABASE_URL"] = url
    assert loaded(command, "check", "-", "--json", stdin=SCRIPT) & HEAVY == set()


@pytest.mark.parametrize("url", ["nothing", "mongodb://db/planrail", "sqlite+nothing:///x.db"])
def test_a_check_refuses_a_url_that_names_no_database(command: Command, url: str) -> None:
    command.env["PLANRAIL_DATABASE_URL"] = url
    refused = command("check", "-", "--json", stdin=SCRIPT)
    assert refused.code == 1
    assert json.loads(refused.out)["error"]["message"].startswith("The setting database_url names no database: ")
