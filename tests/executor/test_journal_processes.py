"""The journal between processes: real ones, some of them killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from journal_contract import BOUND_S, CANCEL, child, create, go, line

from executor.journal.sql import SqlJournal


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    made: str = request.getfixturevalue("postgres_url")
    return made


async def test_two_processes_writing_into_one_run_leave_no_gap(url: str) -> None:
    async with await SqlJournal.open(url) as journal:
        await create(journal, "r")
        await journal.take("r", "w")
        async with child("append", url, "r", 40) as a, child("append", url, "r", 40) as b:
            assert [await line(a), await line(b)] == ["ready", "ready"]
            await go(a)
            await go(b)
            fenced = [await journal.append("r", [CANCEL], epoch=1) for _ in range(40)]
            outside = [int(await line(process)) for process in (a, b) for _ in range(40)]

        assert sorted([*outside, *[s for s in fenced if s]]) == list(range(2, 122))
        assert [r.seq for r in await journal.read("r")] == list(range(1, 122))


async def test_a_change_by_another_process_is_seen(url: str) -> None:
    async with await SqlJournal.open(url) as journal:
        await create(journal, "r")
        async with child("append", url, "r", 3) as process:
            assert await line(process) == "ready"
            changes = journal.changes()
            await anext(changes)
            await go(process)
            async with asyncio.timeout(BOUND_S):
                while len(await journal.read("r")) < 4:
                    await anext(changes)
            await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_killed_writer_leaves_every_append_it_was_told_of_and_no_gap(url: str) -> None:
    async with await SqlJournal.open(url) as journal:
        await create(journal, "r")
        for _ in range(3):
            async with child("append", url, "r", 1_000_000) as process:
                await line(process)
                await go(process)
                told = [int(await line(process)) for _ in range(10)]
                process.kill()
                await process.wait()

            seqs = [r.seq for r in await journal.read("r")]
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) >= told[-1]
            assert await journal.append("r", [CANCEL], epoch=None) == len(seqs) + 1


async def test_processes_that_open_a_new_database_at_once_all_succeed(url: str) -> None:
    async with child("open", url) as a, child("open", url) as b, child("open", url) as c:
        for process in (a, b, c):
            assert await line(process) == "ready"
        for process in (a, b, c):
            await go(process)
        assert [await line(process) for process in (a, b, c)] == ["0", "0", "0"]


async def test_a_follower_hears_of_its_own_process_and_of_another_in_order(url: str) -> None:
    async with await SqlJournal.open(url) as journal:
        await create(journal, "r")
        heard: list[int] = []
        async with child("append", url, "r", 20) as process, asyncio.timeout(BOUND_S):
            assert await line(process) == "ready"
            async for batch in journal.follow("r"):
                heard += [recorded.seq for recorded in batch]
                if heard == [1]:
                    await go(process)
                    for _ in range(20):
                        await journal.append("r", [CANCEL], epoch=None)
                if len(heard) == 41:
                    break
    assert heard == list(range(1, 42))
