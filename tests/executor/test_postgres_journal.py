"""The journal on PostgreSQL: what the contract's suite does not ask of every database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cutting_proxy import Cut, cutting_proxy
from journal_contract import BOUND_S, CANCEL, NOON, child, create, go, line, submission
from postgres import PASSWORD, PostgresServer
from sqlalchemy import text

from executor.engine.jobs import bring_jobs_to_head
from executor.errors import JournalUnreachable, LostOwnership
from executor.journal.sql import SqlJournal
from executor.journal.tables import REVISION_TABLE, metadata


@pytest.fixture
async def journal(postgres_url: str) -> AsyncIterator[SqlJournal]:
    async with await SqlJournal.open(postgres_url) as opened:
        yield opened


async def test_eight_processes_that_open_a_new_database_at_once_all_succeed(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(child("open", postgres_url)) for _ in range(8)]
        for process in processes:
            assert await line(process) == "ready"
        for process in processes:
            await go(process)
        assert [await line(process) for process in processes] == ["0"] * 8


async def test_the_tables_are_those_of_the_metadata(journal: SqlJournal) -> None:
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


async def test_the_queues_tables_are_made_once_by_whoever_comes_first(journal: SqlJournal) -> None:
    await asyncio.gather(*(asyncio.to_thread(bring_jobs_to_head, journal.engine) for _ in range(4)))
    await asyncio.to_thread(bring_jobs_to_head, journal.engine)

    with journal.engine.connect() as connection:
        assert connection.execute(text("select count(*) from procrastinate_jobs")).scalar_one() == 0
        assert connection.execute(text("select count(*) from planrail_jobs_revision")).scalar_one() == 1


async def test_a_wrong_password_is_told_without_any_password(postgres: PostgresServer) -> None:
    with pytest.raises(JournalUnreachable) as caught:
        await SqlJournal.open(postgres.url("postgres", password="open-barley"))

    told = f"{caught.value} {caught.value.hint}"
    assert "does not accept the password" in told
    assert "open-barley" not in told
    assert PASSWORD not in told


async def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    with pytest.raises(JournalUnreachable, match=r"nowhere on 127\.0\.0\.1:\d+ does not exist"):
        await SqlJournal.open(postgres.url("nowhere"))


async def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    begun = time.monotonic()
    with pytest.raises(JournalUnreachable, match=r"planrail on 127\.0\.0\.1:1 cannot be reached"):
        await SqlJournal.open("postgres://me:secret@127.0.0.1:1/planrail")

    assert time.monotonic() - begun < BOUND_S / 2


async def test_a_change_is_seen_after_the_listening_connection_broke(journal: SqlJournal, postgres_url: str) -> None:
    async with await SqlJournal.open(postgres_url) as other, asyncio.timeout(BOUND_S):
        await create(other, "r")
        changes = journal.changes()
        await anext(changes)
        await anext(changes)  # the watch is on
        _break_connections(postgres_url)
        await anext(changes)  # it is on again: something may have been missed

        waiting = asyncio.ensure_future(anext(changes))
        await other.append("r", [CANCEL], epoch=None)
        await waiting
        while len(await journal.read("r")) < 2:
            await anext(changes)
        await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_writes_and_reads_go_on_after_their_connections_broke(journal: SqlJournal, postgres_url: str) -> None:
    await create(journal, "r")
    for expected in range(2, 7):
        _break_connections(postgres_url)
        assert await journal.append("r", [CANCEL], epoch=None) == expected
        _break_connections(postgres_url)
        assert [r.seq for r in await journal.read("r")] == list(range(1, expected + 1))


async def test_appends_wait_for_a_server_that_went_away(mortal_postgres: PostgresServer) -> None:
    async with await SqlJournal.open(mortal_postgres.new_database()) as journal:
        await create(journal, "r")
        await asyncio.to_thread(mortal_postgres.stop)
        writing = [asyncio.ensure_future(journal.append("r", [CANCEL], epoch=None)) for _ in range(20)]
        reading = asyncio.ensure_future(journal.get("r"))
        await asyncio.to_thread(mortal_postgres.start)
        async with asyncio.timeout(BOUND_S):
            assert {*await asyncio.gather(*writing)} == {*range(2, 22)}
            assert await reading is not None

        assert len(await journal.read("r")) == 21


async def test_a_server_that_stays_away_is_an_error_in_the_end(mortal_postgres: PostgresServer) -> None:
    async with await SqlJournal.open(mortal_postgres.new_database(), away_s=0.5) as journal:
        await create(journal, "r")
        await asyncio.to_thread(mortal_postgres.stop)
        with pytest.raises(JournalUnreachable, match="cannot be reached"):
            await journal.append("r", [CANCEL], epoch=None)
        with pytest.raises(JournalUnreachable, match="cannot be reached"):
            await journal.read("r")
        await asyncio.to_thread(mortal_postgres.start)


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled(postgres: PostgresServer, cut: Cut) -> None:
    url = postgres.new_database()
    async with cutting_proxy(postgres.port) as (proxy, port):
        async with await SqlJournal.open(url.replace(f":{postgres.port}/", f":{port}/")) as journal:
            await create(journal, "r")
            for expected in range(2, 6):
                proxy.cut = cut
                assert await journal.append("r", [CANCEL], epoch=None) == expected
            assert [r.seq for r in await journal.read("r")] == list(range(1, 6))
        assert proxy.cuts == 4


async def test_a_group_that_is_the_victim_of_a_deadlock_is_written_again(journal: SqlJournal, postgres_url: str) -> None:
    await create(journal, "a")
    await create(journal, "b")
    with psycopg.connect(postgres_url) as rival:
        rival.execute("set deadlock_timeout = '10s'")  # so that the journal's transaction finds the deadlock
        rival.execute("update planrail_run set goal = 'x' where id = 'b'")
        writing = asyncio.gather(*(journal.append(run, [CANCEL], epoch=None) for run in "abab"))
        await asyncio.to_thread(_until_blocked, postgres_url)
        await asyncio.to_thread(rival.execute, "update planrail_run set goal = 'x' where id = 'a'")
        rival.commit()
        assert await writing == [2, 2, 3, 3]


async def test_a_write_that_fails_takes_no_other_of_its_group_with_it(journal: SqlJournal) -> None:
    await create(journal, "r")
    await journal.take("r", "w")

    results = await asyncio.gather(
        *(journal.append("r", [CANCEL], epoch=1 if i % 2 else 7) for i in range(20)), return_exceptions=True
    )

    assert [type(result) for result in results] == [LostOwnership, int] * 10
    assert len(await journal.read("r")) == 11


async def test_a_goal_with_a_nul_can_be_stored_and_its_event_keeps_it(journal: SqlJournal) -> None:
    record = await journal.create(submission("a\0b"), run="r", key="k", now=NOON)

    assert record.goal == "a\N{REPLACEMENT CHARACTER}b"
    assert (await journal.read("r"))[0].event.submission.goal == "a\0b"  # type: ignore[union-attr]  # RunSubmitted


def _break_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() "
            "and pid <> pg_backend_pid()"
        )


def _until_blocked(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + BOUND_S
        while time.monotonic() < deadline:
            if connection.execute("select count(*) from pg_locks where not granted").fetchone() != (0,):
                return
    raise AssertionError("nobody is blocked")
