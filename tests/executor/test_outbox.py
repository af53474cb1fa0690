"""The outbox's table: what its workers ask stays on the indexes after a year, what is over is forgotten, clocks may be set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Select, insert, text, update

from executor.events import RunEnded
from executor.journal.outbox import Subscriber, Wish
from executor.journal.sql import SqlJournal
from executor.journal.tables import push_table as push
from executor.journal.tables import run_table as run
from executor.submission import Submission

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WISH = Wish(id="c", place="https://client.example:443", body="sealed")
MANY = 20_000
DAY_MS = 86_400_000


@pytest.fixture(params=["sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[SqlJournal]:
    url = f"sqlite:///{tmp_path}/j.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    async with await SqlJournal.open(url) as opened:
        yield opened


async def subscribed(journal: SqlJournal, name: str = "r") -> Subscriber:
    await journal.create(Submission(goal=name), run=name, key=name, now=NOW)
    made = await journal.outbox.put(name, WISH, most=9)
    assert made is not None
    return made


async def told(journal: SqlJournal, *, over: bool = False) -> Subscriber:
    """A subscriber that was told all there is."""
    (due,) = await journal.outbox.due(9)
    (held,) = await journal.outbox.take([due], "w", lease_ms=60_000)
    assert await journal.outbox.told(held, seq=1, part=0)
    assert await journal.outbox.let_go(held, seq=1, over=over)
    return held


async def changed(journal: SqlJournal, **values: Any) -> None:
    with journal.engine.begin() as connection:
        connection.execute(update(push).values(values))


async def test_who_was_told_everything_is_asleep_until_the_run_has_an_event(journal: SqlJournal) -> None:
    await subscribed(journal)
    await told(journal)
    (asleep,) = await journal.outbox.of("r")
    assert (asleep.asleep, await journal.outbox.due(9), await journal.outbox.next_due_ms()) == (True, [], None)
    await journal.append("r", [RunEnded(status="done")], epoch=None, status="done")
    assert [s.id for s in await journal.outbox.due(9)] == ["c"]


async def test_an_event_that_comes_just_before_it_is_let_go_of_keeps_it_awake(journal: SqlJournal) -> None:
    await subscribed(journal)
    (due,) = await journal.outbox.due(9)
    (held,) = await journal.outbox.take([due], "w", lease_ms=60_000)
    await journal.append("r", [RunEnded(status="done")], epoch=None, status="done")
    await journal.outbox.let_go(held, seq=1, over=True)
    assert [(s.seq, s.closed) for s in await journal.outbox.due(9)] == [(1, False)]


async def test_a_lease_is_one_workers_and_a_configuration_that_is_changed_stays_its_until_it_has_seen_that(
    journal: SqlJournal,
) -> None:
    await subscribed(journal)
    (due,) = await journal.outbox.due(9)
    (held,) = await journal.outbox.take([due], "one", lease_ms=60_000)
    assert await journal.outbox.take([due], "two", lease_ms=60_000) == []
    await journal.outbox.put("r", WISH.model_copy(update={"body": "elsewhere"}), most=9)
    assert not await journal.outbox.told(held, seq=1, part=0)
    assert await journal.outbox.due(9) == []
    await journal.outbox.leave(held)
    assert [(s.body, s.seq) for s in await journal.outbox.due(9)] == [("elsewhere", 0)]


async def test_who_had_one_that_was_deleted_and_made_anew_settles_nothing_of_the_new_one(journal: SqlJournal) -> None:
    await subscribed(journal)
    (due,) = await journal.outbox.due(9)
    (old,) = await journal.outbox.take([due], "one", lease_ms=60_000)
    await journal.outbox.remove("r", "c")
    await journal.outbox.put("r", WISH, most=9)
    await changed(journal, created_at=old.created_at + 1)  # it may have been the same millisecond
    (again,) = await journal.outbox.take(await journal.outbox.due(9), "two", lease_ms=60_000)
    assert again.lease == old.lease
    assert not await journal.outbox.told(old, seq=1, part=0)
    assert not await journal.outbox.holds(old)
    assert await journal.outbox.holds(again)


async def test_what_is_over_is_forgotten_after_a_while_and_what_is_not_is_kept(journal: SqlJournal) -> None:
    await subscribed(journal)
    await told(journal, over=False)
    await changed(journal, created_at=1, told_at=1)
    assert await journal.outbox.tidy(keep_ms=DAY_MS) == 0, "the run goes on"
    await changed(journal, closed=True)
    assert await journal.outbox.tidy(keep_ms=2**50) == 0, "it is not so long ago"
    assert await journal.outbox.tidy(keep_ms=DAY_MS) == 1
    await journal.outbox.put("r", WISH, most=9)
    await changed(journal, created_at=1, dead=True, failing_at=1)
    assert await journal.outbox.tidy(keep_ms=DAY_MS) == 1


async def test_a_clock_that_is_set_back_holds_nothing_up(journal: SqlJournal) -> None:
    fresh = await subscribed(journal)
    await changed(journal, next_at=fresh.now + 300 * DAY_MS, holder="killed", until=fresh.now + 300 * DAY_MS)
    assert await journal.outbox.due(9) == []
    await journal.outbox.tidy(keep_ms=DAY_MS)
    assert [s.id for s in await journal.outbox.due(9)] == ["c"]


async def test_a_clock_that_is_set_forward_ends_leases_and_who_had_one_settles_nothing(journal: SqlJournal) -> None:
    await subscribed(journal)
    (held,) = await journal.outbox.take(await journal.outbox.due(9), "one", lease_ms=60_000)
    await changed(journal, until=held.now - 1)
    (other,) = await journal.outbox.take(await journal.outbox.due(9), "two", lease_ms=60_000)
    assert other.lease == held.lease + 1
    assert not await journal.outbox.told(held, seq=1, part=0)


async def test_after_a_year_the_workers_queries_read_what_is_due_and_no_more(journal: SqlJournal) -> None:
    await subscribed(journal)
    with journal.engine.begin() as connection:
        one = dict(connection.execute(run.select()).one()._mapping)
        its = dict(connection.execute(push.select()).one()._mapping)
        names = [f"r{n}" for n in range(MANY)]
        connection.execute(insert(run), [{**one, "id": n, "key": n} for n in names])
        states = [{"closed": True, "asleep": True}, {"asleep": True}, {"dead": True}]
        connection.execute(insert(push), [{**its, **states[i % 3], "run": n, "seq": 1} for i, n in enumerate(names)])
        connection.execute(text("analyze"))
        outbox = journal.outbox
        plans = [
            planned(connection, each)
            for each in (outbox.due_statement(99, ["https://slow.example:443"]), *outbox.next_statements())
        ]
    indexes = ("planrail_push_next", "planrail_push_next", "planrail_push_held")
    for plan, index in zip(plans, indexes, strict=True):
        assert index in plan
        assert "scan planrail_run" not in plan.lower().replace("seq scan on", "scan")
        assert "seq scan on planrail_push" not in plan.lower()
    assert [s.run for s in await outbox.due(99)] == ["r"]


def planned(connection: Connection, wanted: Select[Any]) -> str:
    """How the database goes about it."""
    explain = "explain query plan " if connection.dialect.name == "sqlite" else "explain "
    literal = wanted.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return "\n".join(str(tuple(row)) for row in connection.exec_driver_sql(explain + str(literal)))
