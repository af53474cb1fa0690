"""The pack `frontdesk`: what was said is understood or left to a person, and no slot is booked twice, on both databases."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from executor.pack import PackHost
from executor.tool import ToolContext, ToolFailed
from packs.frontdesk.arguments import When
from packs.frontdesk.phrases import fits, when_of
from packs.frontdesk.records import Records
from packs.frontdesk.rules import read_by_rules
from packs.frontdesk.told import Booked, Cancelled, Deposit, Reminded
from tests.planrail.command import ROOT, Command

SUNDAY = date(2026, 11, 29)
SERVICES = [("cleaning", "cleaning,cleening"), ("checkup", "checkup,check up")]
KEYS = (ToolContext(f"key{n}") for n in itertools.count())


@pytest.fixture(params=["sqlite", "postgres"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path}/front.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    yield Records(PackHost(engine, tmp_path))
    engine.dispose()


def rows(records: Records, query: str) -> list[tuple[object, ...]]:
    with records.store.reading() as connection:
        return [tuple(r) for r in connection.execute(text(query))]


def change(records: Records, statement: str) -> None:
    records.front.new(1)  # the tables are made by the first call
    with records._host.database.begin() as connection:
        connection.execute(text(statement))


# -- what was said


@pytest.mark.parametrize(
    ("said", "weekdays", "after", "before"),
    [
        ("tuesday after 4", [1], "16:00", "24:00"),
        ("uh tues afternoon pls", [1], "12:00", "17:00"),
        ("tuseday at four thirty", [1], "16:30", "16:31"),
        ("monday no wait wensday after four", [2], "16:00", "24:00"),
        ("tuesday, no, wednesday before 10", [2], "00:00", "10:00"),
        ("tuesday or thursday morning", [1, 3], "00:00", "12:00"),
        ("anything but monday, after 5 p.m.", [1, 2, 3, 4, 5, 6], "17:00", "24:00"),
        ("i can't do mondays or fri", [1, 2, 3, 5, 6], "00:00", "24:00"),
        ("good morning, friday between 2 and 4", [4], "14:00", "16:00"),
        ("fri around 3 pm", [4], "14:00", "16:01"),
        ("i called this morning, weds 9 am", [2], "09:00", "09:01"),
        ("unit 4, 2 people", [], "00:00", "24:00"),
    ],
)
def test_a_day_and_a_time_are_heard_in_noisy_words(said: str, weekdays: list[int], after: str, before: str) -> None:
    when, _ = when_of(said, SUNDAY)
    assert (when.weekdays, when.after, when.before) == (weekdays, after, before)


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("tomorrow", "2026-11-30", "2026-11-30"),
        ("tmrw am", "2026-11-30", "2026-11-30"),
        ("the day after tomorrow", "2026-12-01", "2026-12-01"),
        ("today", "2026-11-29", "2026-11-29"),
        ("next week", "2026-11-30", "2026-12-06"),
        ("some day", "", ""),
    ],
)
def test_days_are_counted_from_the_one_on_which_it_was_said(said: str, first: str, last: str) -> None:
    when, _ = when_of(said, SUNDAY)
    assert (when.first, when.last) == (first, last)


@pytest.mark.parametrize(
    "said", ["12/3", "the 3rd", "dec 3", "in two weeks", "at half past 3", "monday tuesday", "after 4 before 2"]
)
def test_a_time_that_is_not_understood_is_not_clear(said: str) -> None:
    assert when_of(said, SUNDAY)[1] is False


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("hi can i get a cleening tues after 4", "book"),
        ("need a check up asap", "book"),
        ("cant make it tuesday can we do thursday instead", "move"),
        ("pls cancel my cleaning", "cancel"),
        ("dont cancel my appointment!!", "person"),
        ("cancel mine and book my daughter", "person"),
        ("i was charged twice", "person"),
        ("how much do i owe", "bill"),
        ("do u take insurance", "question"),
        ("my face is swollen, need an appointment", "emergency"),
        ("the thing, you know", "person"),
    ],
)
def test_rules_hear_what_is_wanted(message: str, intent: str) -> None:
    assert read_by_rules(message, SUNDAY, SERVICES).intent == intent


def test_a_move_goes_to_the_day_behind_and_not_to_the_one_that_is_given_up() -> None:
    for said in (
        "move my tuesday cleaning to thursday",
        "cant make it tuesday can we do thursday instead",
        "move to thu not tue",
    ):
        assert read_by_rules(said, SUNDAY, SERVICES).when.weekdays == [3]


@given(st.text(max_size=200))
def test_any_text_is_read_and_what_is_clear_can_be_met(message: str) -> None:
    read = read_by_rules(message, SUNDAY, SERVICES)
    assert not read.clear or read.when.after < read.when.before
    assert When.model_validate(read.when.model_dump()) == read.when


@given(st.dates(SUNDAY, SUNDAY + timedelta(days=800)), st.times())
def test_a_slot_fits_its_own_day_and_time_alone(on: date, at: time) -> None:
    day, clock = on.isoformat(), f"{at:%H:%M}"
    assert fits(When(first=day, last=day, weekdays=[on.weekday()], after=clock), f"{day}T{clock}")
    assert not fits(When(weekdays=[(on.weekday() + 1) % 7]), f"{day}T{clock}")
    assert not fits(When(last=(on - timedelta(days=1)).isoformat()), f"{day}T{clock}")
    assert not fits(When(before=clock), f"{day}T{clock}")


# -- what is booked


def test_the_database_itself_refuses_a_second_booking_of_a_slot_or_a_message_and_a_second_slot_of_a_time(
    records: Records,
) -> None:
    again = (
        "insert into frontdesk_booking (slot_id, service_id, customer_id, status, made) "
        "select slot_id, 1, 1, 'booked', '' from frontdesk_booking where id = 1"
    )
    twice = (
        "insert into frontdesk_slot (provider_id, start, minutes) "
        "select provider_id, start, 60 from frontdesk_slot where id = 1"
    )
    other = (
        "insert into frontdesk_booking (slot_id, service_id, customer_id, message_id, status, made) "
        "select 7, 1, 1, message_id, 'booked', '' from frontdesk_booking where message_id = 1"
    )
    assert isinstance(records.bookings.book(next(KEYS), 1, "whitening", When(weekdays=[2])), Booked)
    for statement in (again, twice, other):
        with pytest.raises(IntegrityError):
            change(records, statement)


def at_once(records: Records, messages: list[int], service: str, when: When) -> list[Booked | ToolFailed]:
    records.front.new(1)
    together = Barrier(len(messages))

    def book(message: int, key: ToolContext) -> Booked | ToolFailed:
        together.wait(30)
        return records.bookings.book(key, message, service, when)

    with ThreadPoolExecutor(len(messages)) as pool:
        return list(pool.map(book, messages, [next(KEYS) for _ in messages]))


def test_messages_that_race_for_one_slot_book_it_once(records: Records) -> None:
    when = When(weekdays=[3], after="16:00")  # in two weeks: two slots
    done = at_once(records, [1, 2, 3, 4, 6, 7], "cleaning", when)
    booked = [d for d in done if isinstance(d, Booked)]
    assert len({b.start for b in booked}) == len(booked) == 2
    assert {d.kind for d in done if isinstance(d, ToolFailed)} == {"refused"}
    assert rows(records, "select count(*) from frontdesk_booking where status = 'booked'") == [(4,)]


def test_a_message_that_is_handled_many_times_at_once_books_once(records: Records) -> None:
    done = at_once(records, [1] * 6, "whitening", When())
    assert len({d.booking_id for d in done if isinstance(d, Booked)}) == 1
    assert sorted(d.new for d in done if isinstance(d, Booked)) == [False] * 5 + [True]
    assert rows(records, "select count(*), sum(cents) from frontdesk_deposit") == [(1, 5000)]


def test_a_call_with_the_same_key_is_the_same_call(records: Records) -> None:
    once = ToolContext("once")
    first = records.bookings.book(once, 1, "whitening", When())
    assert isinstance(first, Booked)
    assert first.new
    assert records.bookings.book(once, 1, "whitening", When()) == first


def test_a_slot_that_is_cancelled_is_free_again_and_a_deposit_that_is_due_is_dropped(records: Records) -> None:
    when = When(weekdays=[4], after="16:00")
    first = records.bookings.book(next(KEYS), 1, "whitening", when)
    assert isinstance(first, Booked)
    gone = records.bookings.cancel(next(KEYS), 1, When(weekdays=[4]))
    assert gone == Cancelled(
        message_id=1, booking_id=first.booking_id, service="whitening", start=first.start, deposit="dropped"
    )
    second = records.bookings.book(next(KEYS), 2, "cleaning", when)
    assert isinstance(second, Booked)
    assert second.start == first.start
    failed = records.bookings.cancel(next(KEYS), 1, When())
    assert isinstance(failed, ToolFailed)


def test_a_move_takes_the_new_slot_with_its_deposit_and_frees_the_old_one_or_changes_nothing(records: Records) -> None:
    change(records, "insert into frontdesk_deposit (booking_id, cents, status, asked) values (1, 2000, 'paid', '')")
    full = records.bookings.move(next(KEYS), 4, When(weekdays=[6]))
    assert isinstance(full, ToolFailed)
    assert rows(records, "select status from frontdesk_booking where id = 1") == [("booked",)]
    moved = records.bookings.move(next(KEYS), 4, When(weekdays=[3]))
    assert isinstance(moved, Booked)
    assert (moved.service, moved.start[11:], moved.deposit_cents) == ("filling", "09:00", 2000)
    assert records.bookings.move(next(KEYS), 4, When()) == moved.model_copy(update={"new": False})
    assert rows(records, "select status from frontdesk_booking where id = 1") == [("cancelled",)]
    assert rows(records, "select booking_id, status from frontdesk_deposit") == [(moved.booking_id, "paid")]


def test_who_is_not_known_or_speaks_of_another_time_changes_nobodys_booking(records: Records) -> None:
    refused = [
        records.bookings.cancel(next(KEYS), 9, When()),  # from no number
        records.bookings.cancel(next(KEYS), 1, When()),  # from whoever has none
        records.bookings.cancel(next(KEYS), 5, When(weekdays=[2])),  # theirs is on a Monday
        records.bookings.book(next(KEYS), 9, "cleaning", When()),
    ]
    assert [r.kind for r in refused if isinstance(r, ToolFailed)] == ["refused"] * 4
    assert rows(records, "select count(*) from frontdesk_booking where status = 'booked'") == [(2,)]


def test_a_deposit_is_paid_once_and_to_the_cent(records: Records) -> None:
    booked = records.bookings.book(next(KEYS), 1, "whitening", When())
    assert isinstance(booked, Booked)
    wrong = records.bookings.settle(next(KEYS), booked.booking_id, 4999)
    assert isinstance(wrong, ToolFailed)
    paid = [records.bookings.settle(next(KEYS), booked.booking_id, 5000) for _ in range(2)]
    assert paid == [Deposit(booking_id=booked.booking_id, cents=5000, new=new) for new in (True, False)]


def test_reminders_that_are_due_are_told_and_sent_once(records: Records) -> None:
    assert records.front.due(10).items == []
    change(records, f"update frontdesk_reminder set due = '{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M}'")
    (first, second) = records.front.due(10).items
    assert [records.front.remind(next(KEYS), first.id) for _ in range(2)] == [
        Reminded(id=first.id, new=True), Reminded(id=first.id, new=False),
    ]  # fmt: skip
    change(records, f"update frontdesk_booking set status = 'cancelled' where id = {second.booking_id}")
    assert records.front.due(10).items == []


# -- the whole desk


def test_the_messages_are_answered_once_and_the_pack_passes_its_own_suite(tmp_path: Path) -> None:
    command = Command(tmp_path)
    done = command("run", "Answer the front desk's messages")
    told = "11 messages: 3 booked, 1 moved, 1 cancelled, 2 answered, 1 urgent, 3 for a person"
    assert told in done.out, done.out + done.err
    assert "0 messages: 0 booked" in command("run", "Answer the front desk's messages").out
    tried = command("eval", "frontdesk", "--json", env={"PLANRAIL_PACKS": "frontdesk"})
    assert tried.code == 0, [t["wrong"] for t in tried.json["trials"]]


def test_what_is_the_help_desks_is_handed_to_it_as_fields_and_becomes_tickets_once(tmp_path: Path) -> None:
    command = Command(tmp_path)
    assert command("run", "Hand the messages about the portal to the help desk", "--json").json["answer"]["handed"] == 0
    heard = "insert into frontdesk_message (id, channel, phone, text, received, status) values "
    with sqlite3.connect(tmp_path / "home" / "planrail.db") as database:
        columns = [row[1] for row in database.execute("pragma table_info(frontdesk_message)")]
        assert {"id", "channel", "phone", "text", "status"} <= set(columns)
        database.execute(f"{heard} (90, 'chat', null, 'i am locked out of the portal, urgent', '2026-11-29T08:00', 'open')")
    done = command("run", "Hand the messages about the portal to the help desk", "--json")
    assert done.json["answer"] == {"messages": 12, "handed": 1, "urgent": 1}, done.out + done.err
    assert done.json["routed"]["specialist"] == "frontdesk"
    assert command("run", "Hand the messages about the portal to the help desk", "--json").json["answer"]["handed"] == 0
    with sqlite3.connect(tmp_path / "home" / "planrail.db") as database:
        found = list(database.execute("select subject, kind, priority from helpdesk_ticket where id > 6"))
    assert found == [("Front desk, message 90", "password", "high")]
    tried = command("eval", str(ROOT / "packs" / "frontdesk" / "evals_handed.yaml"), "--json")
    assert tried.code == 0, [t["wrong"] for t in tried.json["trials"]]
