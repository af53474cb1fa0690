"""The pack `helpdesk`: what is found, whose password is reset, and what a whole round does, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from executor.pack import PackHost
from executor.tool import ToolContext, ToolFailed
from packs.helpdesk.records import Records
from packs.helpdesk.told import Escalated, Opened, Reset
from tests.planrail.command import Command

KEYS = (ToolContext(f"key{n}") for n in itertools.count())


@pytest.fixture(params=["sqlite", "postgres"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path}/desk.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    yield Records(PackHost(engine, tmp_path))
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("Where do I enter a VAT number?", ["Add your VAT number to invoices"]),
        ("exports blank", ["Why an export is empty"]),  # a stem
        ("cancelling our subscription", ["Cancel a subscription"]),
        ("zebra", []),
        ("do you", []),
    ],
)
def test_articles_are_found_by_stems_of_words(records: Records, query: str, titles: list[str]) -> None:
    assert [a.title for a in records.rows.search(query, 1).items] == titles


@pytest.mark.parametrize(
    "query",
    ['"', "vat OR", "title:vat", "NEAR(vat number)", "vat* -number", "'; drop table helpdesk_article; --", "& | !", "a\\b"],
)
def test_no_query_is_read_as_syntax(records: Records, query: str) -> None:
    records.rows.search(query, 3)
    assert records.rows.search("vat number", 1).items


def test_an_article_that_is_written_changed_or_deleted_is_found_as_it_is(records: Records, tmp_path: Path) -> None:
    assert records.rows.search("zebra", 1).items == []
    engine = records._host.database
    with engine.begin() as connection:
        connection.execute(text("insert into helpdesk_article (title, text) values ('Zebra stickers', 'We sell none.')"))
    assert [a.id for a in records.rows.search("zebra", 1).items] == [5]
    with engine.begin() as connection:
        connection.execute(text("update helpdesk_article set title = 'Stickers', text = 'None.' where id = 5"))
    assert records.rows.search("zebra", 1).items == []
    with engine.begin() as connection:
        connection.execute(text("delete from helpdesk_article where id = 5"))
    assert records.rows.search("stickers", 1).items == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(query=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=200))
def test_any_text_can_be_looked_for(records: Records, query: str) -> None:
    assert len(records.rows.search(query, 2).items) <= 2


def test_a_reset_goes_to_whoever_wrote_the_ticket_and_to_nobody_who_was_not_signed_in_or_is_locked(records: Records) -> None:
    once = ToolContext("once")
    assert records.rows.reset(once, 1) == records.rows.reset(once, 1) == Reset(ticket_id=1, status="sent")
    refused = [records.rows.reset(next(KEYS), ticket) for ticket in (3, 4, 99)]
    assert [r.kind for r in refused if isinstance(r, ToolFailed)] == ["refused", "refused", "not_found"]
    with records.store.reading() as connection:
        resets = connection.execute(text("select id, resets from helpdesk_account order by id")).all()
    assert [tuple(r) for r in resets] == [(1, 1), (2, 0), (3, 0)]


def test_what_was_written_elsewhere_is_a_ticket_once_and_nobodys_password_is_reset_by_it(records: Records) -> None:
    key = next(KEYS)
    opened = [records.rows.open(key, "Front desk, message 3", "reset my password") for _ in range(2)]
    assert isinstance(opened[0], Opened)
    assert opened[0] == opened[1]
    assert isinstance(records.rows.reset(next(KEYS), opened[0].ticket_id), ToolFailed)
    found = [t for t in records.rows.open_tickets(100).items if t.subject == "Front desk, message 3"]
    assert [t.id for t in found] == [opened[0].ticket_id]


def test_a_ticket_is_escalated_once(records: Records) -> None:
    assert records.rows.escalate(next(KEYS), 6, "why") == Escalated(ticket_id=6, new=True)
    assert records.rows.escalate(next(KEYS), 6, "why else") == Escalated(ticket_id=6, new=False)


def test_the_open_tickets_are_worked_off_and_the_pack_passes_its_own_suite(tmp_path: Path) -> None:
    command = Command(tmp_path)
    done = command("run", "Work off the open tickets")
    assert "6 tickets: 1 passwords reset, 2 answered, 3 for a person" in done.out, done.out + done.err
    assert "0 tickets: 0 passwords reset" in command("run", "Work off the open tickets").out
    tried = command("eval", "helpdesk", "--json", env={"PLANRAIL_PACKS": "helpdesk"})
    assert tried.code == 0, [t["wrong"] for t in tried.json["trials"]]
