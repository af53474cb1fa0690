"""The journal's contract, over every implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from journal_contract import BOUND_S, CANCEL, NOON, create, submission

from executor.errors import KeyTaken, LostOwnership, UnknownRun
from executor.events import CallFinished, Recorded, RunStatus, RunSubmitted, SegmentStarted
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal, Receipt, RunRecord
from executor.journal.sql import SqlJournal


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal(clock=lambda: NOON)
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url, clock=lambda: NOON) as opened:
            yield opened


async def test_a_created_run_is_queued_and_its_first_event_is_the_submission(journal: Journal) -> None:
    record = await journal.create(submission("find leads"), run="r", key="k", now=NOON)

    assert record == RunRecord(
        id="r", principal="local", key="k", goal="find leads", status="queued", seq=1, epoch=0, owner=None, tools="",
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    assert await journal.get("r") == record
    assert await journal.read("r") == [
        Recorded(seq=1, at=NOON, event=RunSubmitted(submission=submission("find leads"), now=NOON))
    ]


async def test_the_same_submission_with_the_same_key_is_the_same_run(journal: Journal) -> None:
    first = await journal.create(submission(), run="r1", key="k", now=NOON)

    assert await journal.create(submission(), run="r2", key="k", now=NOON + timedelta(hours=1)) == first
    assert await journal.get("r2") is None
    assert len(await journal.read("r1")) == 1


async def test_another_submission_with_the_same_key_is_refused(journal: Journal) -> None:
    await journal.create(submission("one"), run="r1", key="k", now=NOON)

    with pytest.raises(KeyTaken):
        await journal.create(submission("two"), run="r2", key="k", now=NOON)


async def test_a_key_belongs_to_its_principal(journal: Journal) -> None:
    await journal.create(submission(principal="ann"), run="r1", key="k", now=NOON)

    assert (await journal.create(submission(principal="bob"), run="r2", key="k", now=NOON)).id == "r2"


async def test_concurrent_creations_with_one_key_make_one_run(journal: Journal) -> None:
    made = await asyncio.gather(*(journal.create(submission(), run=f"r{i}", key="k", now=NOON) for i in range(20)))

    assert len({record.id for record in made}) == 1
    assert len(await journal.find()) == 1


async def test_an_append_sets_what_it_names_and_leaves_the_rest(journal: Journal) -> None:
    await create(journal, "r")
    assert await journal.take("r", "w") == 1

    assert await journal.append("r", [CANCEL, CANCEL], epoch=1, tools="f") == 3
    held = await journal.get("r")
    assert await journal.append("r", [], epoch=1, status="waiting", release=True) == 3
    released = await journal.get("r")

    assert held is not None
    assert (held.status, held.seq, held.owner, held.tools, held.epoch) == ("running", 3, "w", "f", 1)
    assert released == held.model_copy(update={"status": "waiting", "owner": None})


async def test_an_old_epoch_writes_nothing(journal: Journal) -> None:
    await create(journal, "r")
    await journal.take("r", "old")
    await journal.take("r", "new", dead=["old"])
    before = await journal.get("r"), await journal.read("r")

    with pytest.raises(LostOwnership):
        await journal.append("r", [CANCEL], epoch=1, status="done", release=True)
    with pytest.raises(LostOwnership):
        await journal.append("r", [CANCEL], epoch=1, only_if=["queued"])

    assert (await journal.get("r"), await journal.read("r")) == before
    assert await journal.append("r", [CANCEL], epoch=2) == 2


async def test_a_condition_that_does_not_hold_writes_nothing(journal: Journal) -> None:
    await create(journal, "r")

    assert await journal.append("r", [CANCEL], epoch=None, only_if=["waiting", "running"]) is None
    assert len(await journal.read("r")) == 1
    assert await journal.append("r", [CANCEL], epoch=None, status="cancelled", only_if=["queued"]) == 2
    assert await journal.append("r", [CANCEL], epoch=None, only_if=["queued"]) is None


async def test_a_run_that_is_not_there_cannot_be_written(journal: Journal) -> None:
    with pytest.raises(UnknownRun):
        await journal.append("nowhere", [CANCEL], epoch=None)
    with pytest.raises(UnknownRun):
        await journal.append("nowhere", [CANCEL], epoch=1, only_if=["running"])
    with pytest.raises(UnknownRun):
        await journal.keep_receipt("nowhere", Receipt(key="k", finished=CallFinished(step="s")))
    assert await journal.read("nowhere") == []
    assert await journal.receipts("nowhere") == []
    assert await journal.get("nowhere") is None
    assert await journal.take("nowhere", "w") is None


async def test_concurrent_appends_get_seqs_without_a_gap(journal: Journal) -> None:
    await create(journal, "r")
    await journal.take("r", "w")

    seqs = await asyncio.gather(*(journal.append("r", [CANCEL], epoch=1 if i % 2 else None) for i in range(60)))

    assert sorted(s for s in seqs if s) == list(range(2, 62))
    assert [recorded.seq for recorded in await journal.read("r")] == list(range(1, 62))


async def test_reading_goes_on_after_any_seq_and_stops_at_the_limit(journal: Journal) -> None:
    await create(journal, "r")
    await journal.append("r", [SegmentStarted(epoch=i, worker="w", version="1") for i in range(2, 8)], epoch=None)

    assert [r.seq for r in await journal.read("r", after=3, limit=2)] == [4, 5]
    assert [r.seq for r in await journal.read("r", after=6)] == [7]
    assert await journal.read("r", after=7) == []
    assert (await journal.read("r", after=6))[0].event == SegmentStarted(epoch=7, worker="w", version="1")


async def test_a_principal_that_has_all_its_runs_running_gets_no_further_one(journal: Journal) -> None:
    for run in ("r1", "r2", "r3"):
        await create(journal, run, principal="ann")
    await create(journal, "other", principal="bob")

    taken = await asyncio.gather(*(journal.take(run, "w", principal_runs=2) for run in ("r1", "r2", "r3", "other")))
    assert taken == [1, 1, None, 1]
    assert await journal.take("r1", "heir", dead=["w"], principal_runs=2) == 2  # a run that is taken over runs already
    await journal.append("r2", [], epoch=1, status="waiting", release=True)
    assert await journal.take("r3", "w", principal_runs=2) == 1


async def test_records_can_be_read_oldest_first(journal: Journal) -> None:
    for minute, run in enumerate("abcde"):
        await create(journal, run, minute=minute)

    page = await journal.find(statuses=["queued"], limit=3, oldest_first=True)
    rest = await journal.find(statuses=["queued"], limit=3, oldest_first=True, before=page[-1].id)
    assert [record.id for record in [*page, *rest]] == list("abcde")


async def test_a_principals_runs_are_counted_by_status(journal: Journal) -> None:
    for run in "abc":
        await create(journal, run)
    await journal.take("b", "w")

    assert dict(await journal.counts("local")) == {"queued": 2, "running": 1}
    assert dict(await journal.counts("nobody")) == {}


async def test_only_a_free_run_can_be_taken_and_each_time_its_epoch_grows(journal: Journal) -> None:
    await create(journal, "r")

    assert await journal.take("r", "a") == 1
    assert await journal.take("r", "b") is None
    assert await journal.take("r", "b", dead=["c"]) is None
    assert await journal.take("r", "b", dead=["c", "a"]) == 2
    await journal.append("r", [], epoch=2, release=True)
    assert await journal.take("r", "c") == 3
    await journal.append("r", [], epoch=3, status="waiting", release=True)
    assert await journal.take("r", "d", dead=["c"]) is None


async def test_of_many_takers_one_gets_the_run(journal: Journal) -> None:
    await create(journal, "r")

    epochs = await asyncio.gather(*(journal.take("r", f"w{i}") for i in range(20)))

    assert [e for e in epochs if e is not None] == [1]


async def test_lists_are_newest_first_filtered_and_paged(journal: Journal) -> None:
    for i in range(6):
        await create(journal, f"r{i}", principal="ann" if i % 2 else "bob", minute=i // 2)
    await journal.append("r5", [], epoch=None, status="done")
    await journal.append("r0", [], epoch=None, status="failed")

    async def ids(**wanted: object) -> list[str]:
        return [record.id for record in await journal.find(**wanted)]  # type: ignore[arg-type]  # forwarded as they are

    assert await ids() == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert await ids(limit=2) == ["r5", "r4"]
    assert await ids(limit=3, before="r4") == ["r3", "r2", "r1"]
    assert await ids(principal="ann") == ["r5", "r3", "r1"]
    assert await ids(statuses=["queued"]) == ["r4", "r3", "r2", "r1"]
    assert await ids(statuses=["done", "failed", "queued", "queued"], limit=3) == ["r5", "r4", "r3"]
    assert await ids(statuses=["done", "failed"], before="r5") == ["r0"]
    assert await ids(principal="bob", statuses=["queued", "failed"]) == ["r4", "r2", "r0"]
    assert await ids(statuses=[]) == []
    assert await ids(before="nowhere") == []


async def test_runs_that_the_clock_wakes_are_found_by_their_time(journal: Journal) -> None:
    times = {"later": 5, "sooner": 1, "alike": 5}
    for run, minutes in times.items():
        await create(journal, run)
        await journal.take(run, "w")
        wake_at = NOON + timedelta(minutes=minutes)
        await journal.append(run, [], epoch=1, status="waiting", release=True, wake_at=wake_at)
    await create(journal, "asks")
    await journal.append("asks", [], epoch=None, status="waiting")

    found = await journal.waking()
    assert [r.id for r in found] == ["sooner", "alike", "later"]
    assert [r.id for r in await journal.waking(limit=1)] == ["sooner"]
    record = await journal.get("sooner")
    assert record == found[0]
    assert record.wake_at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize("status", ["queued", "running", "cancelled", "waiting"])
async def test_a_run_that_moves_on_is_not_woken_any_more(journal: Journal, status: RunStatus) -> None:
    await create(journal, "r")
    await journal.append("r", [], epoch=None, status="waiting", wake_at=NOON + timedelta(minutes=1))
    await journal.append("r", [CANCEL], epoch=None)
    assert len(await journal.waking()) == 1

    await journal.append("r", [], epoch=None, status=status, wake_at=NOON if status != "waiting" else None)
    record = await journal.get("r")
    assert record is not None
    assert (record.status, record.wake_at) == (status, None)
    assert await journal.waking() == []


async def test_of_many_that_wake_a_run_one_does(journal: Journal) -> None:
    await create(journal, "r")
    await journal.append("r", [], epoch=None, status="waiting", wake_at=NOON)

    woken = await asyncio.gather(
        *(journal.append("r", [], epoch=None, status="queued", only_if=["waiting"]) for _ in range(10))
    )
    assert [seq for seq in woken if seq is not None] == [1]


async def test_the_first_receipt_with_a_key_counts(journal: Journal) -> None:
    await create(journal, "r")
    first = Receipt(key="a", finished=CallFinished(step="s", value={"n": [1, None, "ä"]}))
    other = Receipt(key="b", finished=CallFinished(step="s", value=2))

    for receipt in (first, other, Receipt(key="a", finished=CallFinished(step="s", value="late"))):
        await journal.keep_receipt("r", receipt)

    assert await journal.receipts("r") == [first, other]


async def test_a_worker_learns_which_of_its_running_runs_have_news_from_outside(journal: Journal) -> None:
    for run in ("quiet", "told", "parked", "foreign"):
        await create(journal, run)
        await journal.take(run, "other" if run == "foreign" else "w")
    for run in ("told", "parked", "foreign"):
        await journal.append(run, [CANCEL, CANCEL], epoch=None)
    await journal.append("told", [CANCEL], epoch=1)
    await journal.append("quiet", [CANCEL], epoch=1)
    await journal.append("parked", [], epoch=1, status="waiting", release=True)

    assert await journal.outside("w") == {"told": 3}


async def test_every_kind_of_write_is_a_change(journal: Journal) -> None:
    async def write(what: int) -> object:
        match what:
            case 0:
                return await journal.create(submission(), run="r", key="r", now=NOON)
            case 1:
                return await journal.take("r", "w")
            case 2:
                return await journal.append("r", [CANCEL], epoch=1)
            case _:
                return await journal.append("r", [], epoch=None, status="done")

    async with asyncio.timeout(BOUND_S):
        for what in range(4):
            changes = journal.changes()
            await anext(changes)
            waiting = asyncio.ensure_future(anext(changes))
            await write(what)
            await waiting
            await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_two_followers_are_both_woken(journal: Journal) -> None:
    first, second = journal.changes(), journal.changes()
    await anext(first)
    await anext(second)
    waiting = [asyncio.ensure_future(anext(changes)) for changes in (first, second)]

    await create(journal, "r")

    async with asyncio.timeout(BOUND_S):
        await asyncio.gather(*waiting)
    for changes in (first, second):
        await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_follower_gets_every_event_once_and_in_order(journal: Journal) -> None:
    """However far it is behind, and whoever gives up waiting for a write."""
    await create(journal, "r")
    assert await journal.take("r", "w") == 1
    heard: list[int] = []
    async with asyncio.timeout(BOUND_S):
        async for batch in journal.follow("r"):
            heard += [recorded.seq for recorded in batch]
            if heard[-1] >= 320:
                break
            if not batch:
                continue
            if heard[-1] == 1:
                await journal.append("r", [CallFinished(step=f"{i}") for i in range(300)], epoch=1)
            elif heard[-1] == 301:
                for _ in range(18):
                    await journal.append("r", [CANCEL], epoch=None)
                given_up = asyncio.ensure_future(journal.append("r", [CallFinished(step="last")], epoch=1))
                await asyncio.sleep(0)
                given_up.cancel()
    assert heard == list(range(1, 321))
    assert [recorded.seq async for batch in _first(journal, "r", 318) for recorded in batch] == [319, 320]


async def _first(journal: Journal, run: str, after: int) -> AsyncIterator[list[Recorded]]:
    async for batch in journal.follow(run, after=after):
        yield batch
        return
