"""Bad input gets a clear error, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

from tests.planrail.command import Command


def test_goals_and_options_that_cannot_be_meant_are_usage_errors(command: Command) -> None:
    for arguments, message in (
        ([""], "The goal is empty."),
        (["x" * 60_000], "The goal has 60,000 characters; 50,000 are allowed."),
        (["x", "--budget", "usb=1"], "There is no ceiling usb.\nDid you mean usd?"),
        (["x", "--script", "/nowhere/x"], "/nowhere/x cannot be read: No such file or directory."),
    ):
        refused = command("run", *arguments)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.err
        assert "Traceback" not in refused.err
    document = command("run", "", "--json")
    assert (document.code, document.err) == (2, "")
    assert document.json["error"]["message"] == "The goal is empty."
    assert command("walk").code == 2


def test_text_that_is_not_utf_8_is_told_so(command: Command) -> None:
    line = [os.fsencode(part) for part in command.line("run")]
    refused = subprocess.run([*line, b"caf\xe9"], capture_output=True, env=command.environment(), check=False)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, b"planrail: The goal is not UTF-8.")
    script = command.folder / "latin.py"
    script.write_bytes(b'answer("caf\xe9")\n')
    assert f"{script} is not UTF-8: byte 11 is 0xe9." in command("check", str(script)).err


def test_a_goal_that_nothing_fits_lists_the_nearest_playbooks_and_how_to_add_a_model(command: Command) -> None:
    refused = command("run", "List all dental leads of Austin, please")
    assert refused.code == 1
    for part in ("No playbook fits this goal", "lead_list: List the {vertical} leads", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        assert part in refused.out


def test_a_locked_database_is_told_and_the_run_goes_on_later(command: Command) -> None:
    assert command("runs").code == 0
    with sqlite3.connect(command.home / "planrail.db") as holder:
        holder.execute("begin exclusive")
        locked = command("run", "List the dental leads in Austin")
        holder.rollback()
    assert locked.code == 1
    assert "is locked by another process" in locked.err
    assert command("run", "List the dental leads in Austin").code == 0


def test_a_database_that_is_none_or_nowhere_is_told(command: Command) -> None:
    command.home.mkdir()
    (command.home / "planrail.db").write_bytes(b"no database, " * 100)
    refused = command("runs")
    assert (refused.code, "is not an SQLite database" in refused.err) == (1, True)
    (command.folder / "file").write_text("")
    nowhere = command("runs", "--json", env={"PLANRAIL_DATABASE_URL": f"sqlite:///{command.folder}/file/x.db"})
    assert nowhere.code == 1
    folder = command("runs", env={"PLANRAIL_DATABASE_URL": f"sqlite:///{command.folder}"})
    assert (folder.code, "is a folder" in folder.err) == (1, True)
    assert "cannot be made" in nowhere.json["error"]["message"]


def test_the_doctor_names_what_is_broken_with_its_remedy(command: Command) -> None:
    healthy = command("doctor", "--json", env={"PLANRAIL_SECRET_TOKEN": "hush-hush"})
    assert (healthy.code, healthy.json["ok"]) == (0, True)
    assert "hush-hush" not in healthy.out
    Path(command.folder / "odd_pack.py").write_text("import nothing_of_that_name\n")
    sick = command("doctor", env={"PLANRAIL_PLANNER_MODEL": "m", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert sick.code == 1
    assert "✗ pack odd: The pack odd (odd_pack:pack) cannot be loaded" in sick.out
    assert "leave it out with PLANRAIL_PACKS" in sick.out
    assert "✗ planner model: m: http://127.0.0.1:9/v1 cannot be reached" in sick.out


def test_an_unknown_run_and_a_reader_that_goes_away_are_no_tracebacks(command: Command) -> None:
    unknown = command("show", "nothing")
    assert (unknown.code, unknown.err) == (1, "planrail: There is no run nothing.\n`planrail runs` lists them.\n")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        tools = subprocess.run(
            command.line("tools", "--json"), stdout=pipe, stderr=subprocess.PIPE, env=command.environment(), check=False
        )
    assert (tools.returncode, tools.stderr) == (1, b"")


def test_the_doctor_tries_the_artifact_store(command: Command) -> None:
    def told(url: str, **env: str) -> list[tuple[str, str, str]]:
        findings = command("doctor", "--json", env={"PLANRAIL_ARTIFACTS_URL": url, **env}).json["findings"]
        return [(f["level"], f["told"], f["remedy"]) for f in findings if f["what"] == "artifacts"]

    folder = command.folder / "artifacts"
    assert told("") == [("ok", "in the database", "")]
    assert told(f"file://{folder}") == [("ok", f"file://{folder} takes what is written, and gives it back", "")]
    assert list(folder.iterdir()) == []
    server = {"PLANRAIL_DATABASE_URL": "postgresql://me@127.0.0.1:1/planrail"}
    assert [level for level, _, _ in told(f"file://{folder}", **server)] == ["ok", "note"]
    (folder / "file").touch()
    ((level, message, remedy),) = told(f"file://{folder}/file/below")
    assert level == "problem"
    assert "cannot be written" in message
    assert "PLANRAIL_ARTIFACTS_URL" in remedy
    ((level, message, remedy),) = told("nowhere://x")
    assert (level, "nowhere" in message) == ("problem", True)


def test_a_run_keeps_its_large_values_below_the_url(command: Command) -> None:
    folder = command.folder / "artifacts"
    script = 'rows = data.select(rows=[{"t": "x" * 100} for i in range(900)])\nanswer(len(rows))\n'
    done = command("run", "--script", "-", stdin=script, env={"PLANRAIL_ARTIFACTS_URL": f"file://{folder}"})
    assert done.code == 0, done.out + done.err
    assert len([p for p in folder.rglob("*") if p.is_file()]) == 1
