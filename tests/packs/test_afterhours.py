"""The pack `afterhours`: a night is gone through once, whoever dies, and who does not answer is followed by the next one."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from executor.pack import PackHost
from executor.tool import ToolContext, ToolFailed
from packs.afterhours.records import Records
from packs.afterhours.rules import judged
from packs.afterhours.told import Incident, Paged, Waiting
from tests.planrail.command import Command

PLAYBOOK = Path(__file__).parents[2] / "packs" / "afterhours" / "playbooks" / "night_watch.plan"
QUICK = (
    PLAYBOOK.read_text(encoding="utf-8").split("---\n")[2].replace("limit=limit", "limit=50")
    .replace('every="1m", timeout="10m"', 'every="1s", timeout="2s"')
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path}/night.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    yield Records(PackHost(engine, tmp_path))
    engine.dispose()


KEYS = (ToolContext(f"key{n}") for n in itertools.count())


def test_an_effect_with_the_same_key_is_the_same_effect(records: Records) -> None:
    once = ToolContext("once")
    first = records.night.open(once, 1, "now", "Water.")
    assert isinstance(first, Incident)
    assert records.night.open(once, 1, "now", "Water.") == first
    again = records.night.open(next(KEYS), 1, "morning", "Water again.")
    assert again == first.model_copy(update={"new": False})


def test_nobody_is_paged_twice_for_one_incident_and_who_came_first_has_it(records: Records) -> None:
    opened = [records.night.open(next(KEYS), m, "now", "x") for m in (1, 5)]
    ids = [i.id for i in opened if isinstance(i, Incident)]
    assert records.night.page(next(KEYS), 3, ids) == Paged(person="Chris Lindqvist", incidents=ids, again=[])
    assert records.night.page(next(KEYS), 3, ids) == Paged(person="Chris Lindqvist", incidents=[], again=ids)
    assert records.night.waiting(ids).incidents == ids
    assert records.night.take(next(KEYS), ids[:1], 2) == Waiting(incidents=[], taken_by=["Ben Okafor"])
    assert records.night.take(next(KEYS), ids, 1) == Waiting(incidents=[], taken_by=["Ana Reyes", "Ben Okafor"])


def test_the_inbox_is_gone_through_forward_only_and_what_is_not_there_is_told(records: Records) -> None:
    records.night.advance(next(KEYS), 5)
    records.night.advance(next(KEYS), 3)
    news = records.night.new(2)
    assert ([m.id for m in news.items], news.through, news.more) == ([6, 7], 7, 1)
    records.night.advance(next(KEYS), 8)
    assert (records.night.new(10).items, records.night.new(10).through) == ([], 8)
    for failed in (
        records.night.open(next(KEYS), 99, "now", "x"),
        records.night.page(next(KEYS), 9, [1]),
        records.night.page(next(KEYS), 1, [7]),
    ):
        assert isinstance(failed, ToolFailed)
        assert failed.kind == "not_found"


@given(st.text(max_size=300))
def test_rules_judge_any_text(said: str) -> None:
    found = judged(said)
    assert found.urgency in ("now", "morning", "none")
    assert 0 < len(found.summary) <= 120


# -- whole nights


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`planrail` with a data folder that does not exist yet."""
    return Command(tmp_path)


def rows(command: Command, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(command.home / "planrail.db")) as connection:
        return connection.execute(query).fetchall()


def nobody_picks_up(command: Command, but: int = 0) -> None:
    """Let the sample's night begin, with people who do not take a page by themselves."""
    (command.folder / "look.script").write_text("answer(oncall.rota())\n")
    assert command("run", "--script", "look.script").code == 0
    with contextlib.closing(sqlite3.connect(command.home / "planrail.db")) as connection, connection:
        connection.execute("update afterhours_person set picks_up = (id = ?)", (but,))


def test_who_does_not_answer_is_followed_by_the_next_one(command: Command) -> None:
    nobody_picks_up(command, but=2)
    (command.folder / "quick.script").write_text(QUICK)
    done = command("run", "--script", "quick.script")
    assert done.code == 0, done.out + done.err
    assert rows(command, "select person_id, count(*) from afterhours_page group by 1 order by 1") == [(1, 4), (2, 4)]
    assert rows(command, "select distinct taken_by from afterhours_incident where urgency = 'now'") == [(2,)]
    again = command("run", "Go through what came in after hours")
    assert "0 messages: 0 urgent" in again.out


def test_a_night_whose_process_is_killed_while_it_waits_goes_on_and_pages_nobody_twice(command: Command) -> None:
    nobody_picks_up(command)
    (command.folder / "quick.script").write_text(QUICK)
    watch = command.start("run", "--script", "quick.script", "--json")
    while not rows(command, "select 1 from afterhours_page"):
        assert watch.poll() is None, watch.communicate()
    os.kill(watch.pid, signal.SIGKILL)
    watch.communicate()
    (known, _) = command("runs", "--json").json
    done = command("resume", known["id"], "--json")
    assert done.code == 0, done.out + done.err
    assert done.json["answer"].startswith("8 messages: 4 urgent")
    assert rows(command, "select person_id, count(*) from afterhours_page group by 1 order by 1") == [(1, 4), (2, 4), (3, 4)]
    assert rows(command, "select count(*) from afterhours_report") == [(1,)]


def test_the_pack_passes_its_own_suite(command: Command) -> None:
    done = command("eval", "afterhours", "--json", env={"PLANRAIL_PACKS": "afterhours"})
    assert done.code == 0, [t["wrong"] for t in done.json["trials"]]


def test_a_message_that_is_put_into_the_table_is_the_next_one(records: Records) -> None:
    records.night.new(1)
    with records._host.database.begin() as connection:
        row = "('mail', 'ann', 'hello', '2026-11-29T05:00:00.000+00:00')"
        connection.execute(text(f"insert into afterhours_message (source, caller, text, received) values {row}"))
    assert records.night.new(20).items[-1].id == 9
