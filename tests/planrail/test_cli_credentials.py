"""Secrets on the command line: asked for by name, put where the process finds them, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from planrail.settings import load_settings
from tests.planrail.command import Command

SCRIPT = 'p = odd.publish(text=secret("note"))\nanswer(p)\n'


def test_a_run_waits_for_a_secret_and_says_how_it_is_set(command: Command) -> None:
    waits = command("run", "--script", "-", stdin=SCRIPT)
    assert waits.code == 3
    assert "odd.publish needs the secret `note`, which is not set." in waits.out
    assert "starts it with PLANRAIL_SECRET_NOTE." in waits.out
    assert "planrail answer" in waits.out
    assert "secret:note --yes | --no" in waits.out


@pytest.mark.parametrize("where", ["environment", "file"])
def test_once_it_is_set_a_yes_carries_the_run_on_and_before_that_it_asks_again(command: Command, where: str) -> None:
    run = command("run", "--script", "-", "--json", stdin=SCRIPT).json["id"]
    early = command("answer", run, "--yes", "--json")
    assert (early.code, [q["id"] for q in early.json["questions"]]) == (3, ["secret:note#2"])
    if where == "environment":
        command.env["PLANRAIL_SECRET_NOTE"] = "hush-hush"
    else:
        (command.home / "secrets").mkdir()
        (command.home / "secrets" / "note").write_text("hush-hush\n")
    done = command("answer", run, "--yes", "--json")
    assert (done.code, done.json["answer"]) == (0, "published «secret note»")
    assert "hush-hush" not in done.out + command("follow", run, "--json").out


def test_a_no_fails_the_call(command: Command) -> None:
    run = command("run", "--script", "-", "--json", stdin=SCRIPT).json["id"]
    refused = command("answer", run, "--no")
    assert refused.code == 1
    assert "The secret `note` is not set, and local will not set it." in refused.out


def test_the_environment_wins_over_the_settings_and_these_over_the_folder(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text(
        'secrets_dir = "s"\n[secrets]\nOne = "1 of the settings"\ntwo = "2 of the settings"\n'
    )
    (tmp_path / "s").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "s" / name).write_text(f"{name} of the folder\r\n")
    given = {"PLANRAIL_SECRET_ONE": "1 of the environment", "PLANRAIL_SECRETS_DIR": str(tmp_path / "s")}
    settings = load_settings(given, tmp_path)
    assert [settings.secret(n) for n in ("ONE", "two", "three", "four")] == [
        "1 of the environment", "2 of the settings", "three of the folder", None,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../one", "a/b", "", ".", "..", "one\n", "x" * 200])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "one").write_text("outside")
    (tmp_path / "secrets").mkdir()
    assert load_settings({"PLANRAIL_HOME": str(tmp_path)}, tmp_path).secret(name) is None


def test_a_file_that_is_no_text_too_long_or_empty_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name, content in {"bytes": b"\xff\xfe", "long": b"x" * 70_000, "empty": b"\n"}.items():
        (tmp_path / "secrets" / name).write_bytes(content)
    settings = load_settings({"PLANRAIL_HOME": str(tmp_path)}, tmp_path)
    assert [settings.secret(n) for n in ("bytes", "long", "empty")] == [None, None, None]
