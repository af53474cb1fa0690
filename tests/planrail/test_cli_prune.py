"""`planrail prune`: what leaves, what is asked before, and what is told of a run that has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planrail.command import Command


@pytest.fixture
def used(command: Command) -> Command:
    """A data folder with a run that is done, one that failed, and one that waits."""
    for name, script in (
        ("done", "answer(1)"),
        ("failed", "t = odd.crash()\nanswer(t)"),
        ("waits", 'approve("go on")\nanswer(2)'),
    ):
        (command.folder / f"{name}.script").write_text(script)
        command("run", "--script", f"{name}.script", "--key", name)
    return command


def ids(command: Command) -> dict[str, str]:
    return {run["key"]: run["id"] for run in command("runs", "--json").json}


def test_old_runs_leave_and_what_waits_stays(used: Command) -> None:
    before = ids(used)
    shown = used("prune", "--older-than", "0s", "--dry-run")
    assert (shown.code, "2 runs" in shown.out, set(ids(used))) == (0, True, {"done", "failed", "waits"}), shown.out
    told = used("prune", "--older-than", "0s", "--yes", "--json").json
    assert (told["runs"], told["removed"]["runs"]) == (2, 2)
    assert set(ids(used)) == {"waits"}

    gone = used("show", before["done"])
    assert (gone.code, f"The run {before['done']} was pruned on" in gone.err) == (1, True), gone.err
    again = used("run", "--script", "done.script", "--key", "done")
    assert (again.code, "The idempotency key was used." in again.err) == (1, True), again.err
    assert used("prune", "--older-than", "0s", "--yes").out == "Nothing is old enough.\n"


def test_nothing_is_removed_before_somebody_has_agreed(used: Command) -> None:
    refused = used("prune", "--older-than", "0s")
    assert (refused.code, "Nobody is there to be asked" in refused.err) == (2, True), refused.err
    assert len(ids(used)) == 3


def test_the_age_may_stand_in_the_configuration(used: Command) -> None:
    assert "--older-than 90d" in used("prune", "--yes").err
    Path(used.folder / "planrail.toml").write_text('[retention]\nolder_than = "0s"\nkeep_failed = true\n')
    assert used("prune", "--yes", "--json").json["removed"]["runs"] == 1
    assert set(ids(used)) == {"failed", "waits"}


@pytest.mark.parametrize(
    ("options", "told"),
    [(("--older-than", "soon"), "like 90d or 12h"), (("--older-than", "1d", "--status", "waiting"), "are not removed")],
)
def test_what_cannot_be_meant_is_told(command: Command, options: tuple[str, ...], told: str) -> None:
    done = command("prune", *options)
    assert (done.code, told in done.err) == (2, True), done.err
