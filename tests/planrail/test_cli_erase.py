"""`planrail erase`: shows first, asks, refuses while a run goes on that would bring it back, and keeps a receipt."""

from __future__ import annotations

import pytest

from tests.planrail.command import Command

NAME = "Ann Example"


@pytest.fixture
def used(command: Command) -> Command:
    """A data folder with a run that names somebody, one that waits and does, and one that does not."""
    scripts = {
        "names": f'x = files.write(path="note.txt", content="To {NAME}")\nanswer("Hello {NAME.upper()}")',
        "waits": f'approve("write to {NAME}")\nanswer(2)',
        "other": 'answer("Hello Annette Examples")',
    }
    for name, script in scripts.items():
        (command.folder / f"{name}.script").write_text(script)
        command("run", "--script", f"{name}.script", "--key", name)
    return command


def keys(command: Command) -> set[str]:
    return {run["key"] for run in command("runs", "--json").json}


def test_a_person_is_erased_once_nothing_goes_on_that_names_them(used: Command) -> None:
    shown = used("erase", NAME, "--dry-run")
    assert (shown.code, "to be removed: 2 runs" in shown.out) == (0, True), shown.out
    refused = used("erase", NAME, "--yes")
    assert (refused.code, "Nothing was removed." in refused.out) == (1, True), refused.out
    assert keys(used) == {"names", "waits", "other"}
    unasked = used("erase", NAME, "--cancel")
    assert (unasked.code, "Nobody is there to be asked" in unasked.err) == (2, True), unasked.err

    done = used("erase", NAME, "--cancel", "--yes", "--json").json
    assert (done["erased"]["removed"]["runs"], done["erased"]["left"]) == (2, [])
    assert keys(used) == {"other"}
    held = [p for p in used.home.rglob("*") if p.is_file() and NAME.lower().encode() in p.read_bytes().lower()]
    assert held == []
    (run,) = used("runs", "--json").json
    assert "Hello Annette Examples" in used("show", run["id"]).out

    again = used("erase", NAME, "--yes")
    assert (again.code, again.out) == (0, "Nothing here holds it.\n")
    (receipt,) = used("erase", "--receipts", "--json").json
    assert (receipt["id"], receipt["counts"]["runs"]) == (done["erased"]["receipt"], 2)
    assert receipt["id"] in used("erase", "ann example", "--receipts").out
    assert used("erase", "Eve", "--receipts").out == "Nothing of it was erased.\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [((), "Say what is to be erased"), (("x",), "too short to be looked for"), (("", "--principal"), "has an id")],
)
def test_what_cannot_be_meant_is_told(command: Command, options: tuple[str, ...], told: str) -> None:
    done = command("erase", *options)
    assert (done.code != 0, told in done.err) == (True, True), done.err
