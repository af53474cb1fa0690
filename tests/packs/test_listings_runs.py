"""An import as a run: killed with SIGKILL at any moment and taken over, it puts each row in once; and it stays small."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from executor.events import CallFinished
from executor.run import Run
from executor.submission import Principal, Submission
from packs.listings import tables
from packs.listings.data.make_feed import Feed, make_feed
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings

BOUND_S = 120.0
ROOM = 120 * 1024 * 1024  # bytes: what an import of 50,000 rows may take beyond one of 500
ME = Principal()


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path}/planrail.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return at(url, tmp_path)


def at(url: str, home: Path) -> Settings:
    return load_settings({"PLANRAIL_DATABASE_URL": url, "PLANRAIL_HOME": str(home), "PLANRAIL_PACKS": "listings"}, home)


def put(settings: Settings, feed: Feed) -> None:
    inbox = settings.home / "listings"
    inbox.mkdir(exist_ok=True)
    (inbox / "feed.csv").write_bytes(feed.content)


async def submitted(house: House, rows_per_chunk: int) -> str:
    params = {"file": "feed.csv", "rows_per_chunk": rows_per_chunk}
    return (await house.runs.submit(Submission(goal="import", playbook="import_listings", params=params))).id


async def ended(house: House, run: str) -> Run:
    async with asyncio.timeout(BOUND_S):
        async for _ in house.journal.changes(run):
            state = await house.runs.get(run, ME)
            if state.ended is not None:
                return state
    raise AssertionError("the journal was closed")


def stored(settings: Settings) -> list[Any]:
    engine = create_engine(settings.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        rows = list(connection.execute(select(tables.listing.c.reference, tables.listing.c.revision)))
    engine.dispose()
    return rows


def work(settings: Settings, pipe: Connection) -> None:
    """A worker in a process of its own."""

    async def working() -> None:
        async with open_house(settings) as house, house.engine():
            pipe.send("ready")
            await asyncio.Event().wait()

    asyncio.run(working())


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[int]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["planrail.house", "executor.engine.procrastinate", "executor.engine.local"])
    here, there = context.Pipe()
    process = context.Process(target=work, args=(settings, there), daemon=True)
    process.start()
    try:
        assert await asyncio.to_thread(here.recv) == "ready"
        assert process.pid is not None
        yield process.pid
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


async def killed_at(settings: Settings, house: House, run: str, event: int) -> None:
    """A worker works on the run until its journal has that event, then it is gone."""
    async with worker(settings) as pid, asyncio.timeout(BOUND_S):
        async for _ in house.journal.changes(run):
            if len(await house.journal.read(run)) >= event or (await house.runs.get(run, ME)).ended is not None:
                os.kill(pid, signal.SIGKILL)
                return


async def import_killed_at(settings: Settings, feed: Feed, rows_per_chunk: int, events: list[int]) -> None:
    put(settings, feed)
    async with open_house(settings) as house:
        run = await submitted(house, rows_per_chunk)
        for event in events:
            await killed_at(settings, house, run, event)
        async with house.engine():
            state = await ended(house, run)
        journal = await house.journal.read(run)
    assert state.ended is not None
    assert state.status == "done", state.ended
    assert str(state.ended.answer).startswith(
        f"feed.csv: {feed.rows:,} rows, {feed.listings:,} listings ({feed.listings:,} new, 0 "
    )
    rows = stored(settings)
    assert {row.revision for row in rows} == {1}
    assert len(rows) == len({row.reference for row in rows}) == feed.listings
    finished = [(r.event.step, r.event.item) for r in journal if isinstance(r.event, CallFinished)]
    assert len(finished) == len(set(finished))


async def test_an_import_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    await import_killed_at(at(f"sqlite:///{tmp_path}/planrail.db", tmp_path), make_feed(500, 11), 50, [40])


@pytest.mark.proof
@pytest.mark.parametrize("start", range(4))
async def test_an_import_that_is_killed_again_and_again_inserts_nothing_twice_and_loses_no_row(
    settings: Settings, start: int
) -> None:
    await import_killed_at(settings, make_feed(4_000, 100 + start), 200, list(range(3 + start, 120, 7)))


async def test_a_file_that_is_none_of_listings_stops_before_anything_is_written(tmp_path: Path) -> None:
    settings = at(f"sqlite:///{tmp_path}/planrail.db", tmp_path)
    bad = b"".join(f"R-{n};spaceship;sale;Elm {n};10115;Berlin;450000;80\n".encode() for n in range(20))
    put(settings, Feed(b"Ref;Type;Deal;Address;Postcode;City;Price;Area\n" + bad))
    async with open_house(settings) as house, house.engine():
        state = await ended(house, await submitted(house, 10))
    assert state.status == "failed"
    assert [s.message for s in state.surprises if "20 of 20 rows are no listings" in s.message]


@pytest.mark.proof
async def test_fifty_thousand_rows_are_imported_in_bounded_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = await peak_of(tmp_path / "small", 500), await peak_of(tmp_path / "large", 50_000)
    with capsys.disabled():
        print(f"\npeak of memory: 500 rows {small / 2**20:,.0f} MB, 50,000 rows {large / 2**20:,.0f} MB")
    assert large - small < ROOM


async def peak_of(home: Path, rows: int) -> int:
    """The most memory, in bytes, of a process that imports so many rows."""
    home.mkdir()  # noqa: ASYNC240  # nothing else goes on
    settings = at(f"sqlite:///{home}/planrail.db", home)
    feed = make_feed(rows, 12)
    put(settings, feed)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=imported, args=(settings, there))
    process.start()
    answer, peak = await asyncio.to_thread(here.recv)
    process.join()
    assert answer.startswith(f"feed.csv: {feed.rows:,} rows, {feed.listings:,} listings ({feed.listings:,} new")
    return int(peak)


def imported(settings: Settings, pipe: Connection) -> None:
    """Import the feed in this process, and tell what it took."""

    async def importing() -> str:
        async with open_house(settings) as house, house.engine():
            state = await ended(house, await submitted(house, 1_000))
            assert state.ended is not None
            return str(state.ended.answer)

    answer = asyncio.run(importing())
    pipe.send((answer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
