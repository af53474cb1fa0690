"""`planrail keys`: made, listed and revoked on the command line, and taken or refused by a server meanwhile."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

import pytest

from planrail.auth import hash_of
from planrail.settings import AuthSettings
from tests.planrail.command import Command


def test_a_key_is_shown_once_and_listed_until_it_is_revoked_and_after(command: Command) -> None:
    made = command("keys", "create", "night", "--principal", "ann", "--tenant", "acme", "--approve", "--expires", "90d")
    listed = command("keys", "list", "--json").json
    assert made.code == 0, made.err
    key = made.out.split()[0]
    (stored,) = listed
    assert (stored["name"], stored["principal"], stored["tenants"], stored["scopes"]) == ("night", "ann", ["acme"], ["approve"])
    assert stored["hash"] == hash_of(key)
    assert 89 <= (datetime.fromisoformat(stored["expires_at"]) - datetime.now(UTC)).days <= 90
    again = command("keys", "create", "night")
    assert (again.code, "already" in again.err) == (2, True)
    assert command("keys", "revoke", "night").code == 0
    shown = command("keys", "list").out
    assert "revoked" in shown
    assert key not in shown
    assert command("keys", "revoke", "night").code == 2


def test_with_toml_the_lines_are_what_the_settings_take_and_nothing_is_kept(command: Command) -> None:
    made = command("keys", "create", "night", "--tenant", "acme", "--person", "--toml")
    key, lines = made.out.split("\n", 1)
    settings = AuthSettings.model_validate(tomllib.loads(lines[lines.index("[auth") :])["auth"])
    known = settings.keys["night"]
    assert (known.hash, known.principal, known.kind, known.tenants) == (hash_of(key), "night", "user", {"acme"})
    assert command("keys", "list", "--json").json == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--expires", "soon"), ("--expires", "2001-01-01"), ("--toml", "--expires", "1d"), ("--principal", "@a/b"),
        ("--tenant", ""),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_meant_is_refused(command: Command, wrong: tuple[str, ...]) -> None:
    refused = command("keys", "create", "night", *wrong)
    assert (refused.code, refused.out) == (2, "")


def test_the_list_tells_what_each_principal_has_taken_of_its_limits(command: Command) -> None:
    (command.folder / "planrail.toml").write_text("[auth.limits]\nrequests_per_minute = 60\nruns = 8\nusd_per_day = 20.0\n")
    assert command("keys", "create", "night", "--principal", "ann").code == 0
    told = command("keys", "list").out.splitlines()[-1].split()
    assert told == ["ann", "60", "0", "of", "8", "$0.00", "of", "$20.00"]
    limits = command("keys", "list", "--json").json[0]["limits"]
    assert (limits["runsAtOnce"], limits["taken"]["runs"], limits["taken"]["usd"]) == ("8", "0", "0")
