"""Who outside is told of which run, and how far: taken by one worker at a time, over every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_contract import BOUND_S, NOON, create

from executor.errors import UnknownRun
from executor.events import CancelRequested, RunEnded, RunResumed
from executor.journal.outbox import Subscriber, Wish
from executor.journal.sql import SqlJournal

WISH = Wish(id="more", place="https://a", body="sealed")
LONG, SHORT = 60_000, 1  # milliseconds of a lease


@pytest.fixture(params=["sqlite", "postgres"])
async def journals(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[SqlJournal]]:
    """Two over the same database, with a run `r` in it."""
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    async with (
        asyncio.timeout(BOUND_S),
        await SqlJournal.open(url, clock=lambda: NOON) as one,
        await SqlJournal.open(url) as other,
    ):
        await create(one, "r")
        yield [one, other]


async def subscribed(journal: SqlJournal, name: str = "s", *, place: str = "https://a") -> Subscriber:
    made = await journal.outbox.put("r", Wish(id=name, place=place, body="sealed"), most=5)
    assert made is not None
    return made


async def take(journal: SqlJournal, found: Subscriber, holder: str, *, lease_ms: int) -> Subscriber | None:
    """What the holder has of one subscriber, if it was quick enough."""
    return next(iter(await journal.outbox.take([found], holder, lease_ms=lease_ms)), None)


async def happens(journal: SqlJournal) -> int:
    """One more event of the run; its number."""
    seq = await journal.append("r", [CancelRequested(by="ann")], epoch=None)
    assert seq is not None
    return seq


async def test_a_new_subscriber_is_due_at_once_and_again_after_each_event(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    made = await subscribed(journals[0])
    assert (made.since, made.seq, made.lease) == (1, 0, 0)

    held = await take(journals[0], made, "w", lease_ms=LONG)
    assert held is not None
    assert await outbox.due(5) == []
    assert await outbox.let_go(held, seq=1)
    assert (await outbox.due(5), await outbox.next_due_ms()) == ([], None)
    assert await happens(journals[1]) == 2
    assert [(s.run, s.id, s.seq) for s in await outbox.due(5)] == [("r", "s", 1)]


async def test_two_workers_never_have_the_same_one(journals: list[SqlJournal]) -> None:
    found = [await subscribed(journals[0], f"s{n}") for n in range(5)]
    takes = [take(journals[n % 2], s, f"w{n % 2}", lease_ms=LONG) for s in found for n in range(4)]
    taken = [s for s in await asyncio.gather(*takes) if s is not None]
    assert sorted(s.id for s in taken) == [f"s{n}" for n in range(5)]


async def test_whoever_slept_through_its_lease_settles_nothing(journals: list[SqlJournal]) -> None:
    ours, theirs = (j.outbox for j in journals)
    slow = await take(journals[0], await subscribed(journals[0]), "slow", lease_ms=SHORT)
    assert slow is not None
    while not (lapsed := await theirs.due(1)):
        pass
    quick = await take(journals[1], lapsed[0], "quick", lease_ms=LONG)
    assert quick is not None

    assert not await ours.told(slow, seq=1, part=0)
    assert not await ours.failed(slow, "time-out", wait_ms=0, give_up=True)
    assert not await ours.let_go(slow, seq=1)
    assert await theirs.told(quick, seq=1, part=2)
    after = await ours.get("r", "s")
    assert after is not None
    assert (after.seq, after.part, after.dead, after.holder) == (1, 2, False, "quick")


async def test_a_lease_that_is_renewed_stays(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    assert await take(journals[0], await subscribed(journals[0]), "w", lease_ms=SHORT) is not None
    await outbox.renew("w", lease_ms=LONG)
    assert await outbox.due(5) == []
    assert 0 < (await outbox.next_due_ms() or 0) <= LONG


async def test_what_fails_waits_counts_and_is_given_up_until_it_is_revived(journals: list[SqlJournal]) -> None:
    outbox, made = journals[0].outbox, await subscribed(journals[0])
    for n, give_up in enumerate((False, True), 1):
        held = await take(journals[0], made, "w", lease_ms=LONG)
        assert held is not None
        assert await outbox.failed(held, "status 500", wait_ms=0 if n == 1 else LONG, give_up=give_up)
        made = await outbox.get("r", "s") or made
        assert (made.attempts, made.problem, made.dead) == (n, "status 500", give_up)
    assert made.failing_at is not None
    assert (await outbox.due(5), await outbox.next_due_ms()) == ([], None)
    assert dict(await outbox.count()) == {"all": 1, "open": 0, "failing": 0, "dead": 1}
    assert [s.id for s in await outbox.find(dead=True)] == ["s"]

    assert await outbox.revive("r") == 1
    assert [(s.attempts, s.problem, s.failing_at) for s in await outbox.due(5)] == [(0, "", None)]


async def test_the_next_attempt_is_waited_for_and_a_full_place_left_alone(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    held = await take(journals[0], await subscribed(journals[0]), "w", lease_ms=LONG)
    assert held is not None
    await outbox.failed(held, "away", wait_ms=LONG, give_up=False)
    await subscribed(journals[0], "other", place="https://b")

    assert 0 < (await outbox.next_due_ms() or 0) <= LONG
    assert [s.id for s in await outbox.due(5)] == ["other"]
    assert await outbox.due(5, full={"https://b"}) == []


async def test_the_same_name_again_changes_where_and_not_how_far(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    held = await take(journals[0], await subscribed(journals[0]), "w", lease_ms=LONG)
    assert held is not None
    await outbox.told(held, seq=1, part=0)
    await happens(journals[0])

    again = await subscribed(journals[1], place="https://elsewhere")
    assert (again.place, again.seq, again.holder) == ("https://elsewhere", 1, "w")  # nobody else tells it meanwhile
    assert not await outbox.told(held, seq=2, part=0), "whoever still tells the old place settles nothing"
    assert [s.id for s in await outbox.of("r")] == ["s"]


async def test_a_run_that_is_over_and_told_is_closed_until_it_goes_on(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    held = await take(journals[0], await subscribed(journals[0]), "w", lease_ms=LONG)
    assert held is not None
    end = await journals[1].append("r", [RunEnded(status="failed")], epoch=None, status="failed")
    assert end == 2
    assert await outbox.let_go(held, seq=2, over=True)
    assert dict(await outbox.count()) == {"all": 1, "open": 0, "failing": 0, "dead": 0}

    await journals[1].append("r", [RunResumed(by="ann")], epoch=None, status="queued")
    assert [s.seq for s in await outbox.due(5)] == [2]


async def test_there_are_only_so_many_of_a_run_and_none_of_an_unknown_one(journals: list[SqlJournal]) -> None:
    outbox = journals[0].outbox
    for n in range(5):
        await subscribed(journals[n % 2], f"s{n}")
    assert await outbox.put("r", WISH, most=5) is None
    assert await outbox.put("r", WISH.model_copy(update={"id": "s0"}), most=5) is not None
    assert (await outbox.remove("r", "s0"), await outbox.remove("r", "s0")) == (True, False)
    with pytest.raises(UnknownRun):
        await outbox.put("nobody", WISH, most=5)
