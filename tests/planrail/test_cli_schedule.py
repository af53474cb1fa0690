"""`planrail schedule`: from the command line to a run that a worker begins when it is due."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.planrail.command import Command, finish

SCRIPT = 'n = data.count(rows=[{"a": 1}])\nanswer(n)\n'


@pytest.fixture
def scheduled(command: Command) -> Command:
    """A data folder with a schedule that is due every day at half past six."""
    (command.folder / "n.script").write_text(SCRIPT)
    done = command("schedule", "add", "30 6 * * *", "Count the rows", "--script", "n.script", "--tz", "UTC")
    assert (done.code, done.err) == (0, "")
    assert re.match(r"count-the-rows is due first at .*; planrail serve or planrail worker begins it.", done.out)
    return command


def test_a_worker_begins_what_is_due_and_the_list_tells_of_it(scheduled: Command) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    engine = create_engine(f"sqlite:///{scheduled.home}/planrail.db")
    with engine.begin() as connection:
        connection.execute(text("update planrail_schedule set next_at = :past"), {"past": past})
    engine.dispose()
    assert "1 schedule overdue since" in scheduled("doctor").out
    worker = scheduled.start("worker")
    try:
        followed = None
        while followed is None:
            (known,) = scheduled("schedule", "list", "--json").json
            if known["run"]:
                followed = scheduled("follow", known["run"], "--json")
    finally:
        finish(worker, interrupt=True)
    assert followed.code == 0, followed.err
    assert json.loads(followed.out.splitlines()[-1])["event"]["answer"] == 1
    assert known["run"] in scheduled("schedule", "list").out
    assert datetime.fromisoformat(known["next_at"]) > datetime.now(UTC)
    assert "1 schedule, due next at" in scheduled("doctor").out


def test_it_is_paused_resumed_run_besides_and_removed(scheduled: Command) -> None:
    assert scheduled("schedule", "pause", "count-the-rows").out == "count-the-rows is paused.\n"
    assert "paused" in scheduled("schedule", "list").out
    assert scheduled("schedule", "resume", "count-the-rows").out.startswith("count-the-rows goes on; it is due next at ")
    run = scheduled("schedule", "run-now", "count-the-rows", "--json").json
    assert scheduled("show", run["id"], "--json").json["status"] == "queued"
    assert scheduled("schedule", "remove", "count-the-rows").code == 0
    assert "There are no schedules." in scheduled("schedule", "list").out
    assert scheduled("show", run["id"]).code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "every day", "Count"), "'every day' is no cron expression. Five fields"),
        (("add", "0 0 * * *", "Count", "--tz", "Mars"), "There is no time zone 'Mars'."),
        (("add", "0 0 * * *"), "The goal is empty."),
        (("add", "0 0 * * *", "Count the rows"), "There is a schedule count-the-rows already."),
        (("pause", "nothing"), "There is no schedule nothing. There are: count-the-rows."),
    ],
)
def test_what_cannot_be_scheduled_is_told(scheduled: Command, arguments: tuple[str, ...], told: str) -> None:
    done = scheduled("schedule", *arguments)
    assert done.code in (1, 2)
    assert told in " ".join(done.err.split()), done.err
