"""Erasing: everything that names a person leaves, or is named; nothing of anybody else does; over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, select

from executor.api_keys import StoredKey
from executor.events import CallFinished, EarlierShown, Event, RunEnded, RunForked, TaskDelegated
from executor.journal.artifacts import SqlArtifacts
from executor.journal.port import Receipt
from executor.journal.sql import SqlJournal
from executor.journal.tables import metadata
from executor.pack import Pack
from executor.pack_store import PackStore, effect_table
from executor.subject import Subject
from executor.submission import ForkOf, Principal, Submission
from executor.timetable import Schedule
from executor.toolset import Toolset
from planrail.erasing import Erased, Erasing, Holding
from planrail.retention import Retention

BOUND_S = 60.0
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
BOB = Principal(id="bob")
NAME = "Ann Example"
ANN = Subject(NAME)
UTTERLY = ("Ann Example", "ann example", "ANN EXAMPLE", "Example, Ann")
RECORDS = MetaData()
EFFECT = effect_table(RECORDS, "shop")
CUSTOMER = Table("shop_customer", RECORDS, Column("name", String(80), primary_key=True))


@dataclass
class Place:
    """A database with the folder of its house, and what is put there."""

    journal: SqlJournal
    artifacts: SqlArtifacts
    home: Path
    packs: Sequence[Pack] = ()

    @property
    def erasing(self) -> Erasing:
        retention = Retention(self.journal, self.artifacts, workspaces=self.home / "workspaces", alone=lambda: True)
        return Erasing(retention, self.journal.retention, self.artifacts, self.packs, self.home)

    async def ended(self, run: str, *events: Event, goal: str = "a goal", who: Principal = BOB, **more: object) -> str:
        """A run that is over, with these events."""
        submission = Submission.model_validate({"goal": goal, "principal": who, **more})
        await self.journal.create(submission, run=run, key=f"key {run}", now=NOW)
        await self.journal.append(run, [*events, RunEnded(status="done")], epoch=None, status="done")
        return run

    async def look(self, subject: Subject = ANN) -> Holding:
        return await self.erasing.look(subject)

    async def erase(self, subject: Subject = ANN) -> Erased:
        return await self.erasing.erase(subject, by="root", begun=datetime.now(UTC))

    async def ids(self) -> list[str]:
        return sorted(r.id for r in await self.journal.find(limit=1000))

    def rows(self) -> str:
        """Everything that the tables say."""
        with self.journal.engine.connect() as connection:
            rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table))]
        return "\n".join(str(tuple(row)) for row in rows)

    def bytes(self) -> bytes:
        """Every byte of the house's folder."""
        return b"\n".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    home = tmp_path / "home"
    url = f"sqlite:///{home}/planrail.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    async with asyncio.timeout(BOUND_S), await SqlJournal.open(url) as journal:
        yield Place(journal, SqlArtifacts(journal.engine), home)


async def test_a_run_leaves_wherever_in_it_the_subject_stands_and_no_other_does(place: Place) -> None:
    await place.ended("kept", goal="Call Annette Examples")
    await place.ended("goal", goal="Write to ANN  EXAMPLE")
    await place.ended("param", script="answer(1)", goal="", params={"to": "Example, Ann"})
    await place.ended("answer", CallFinished(step="s", value={"lead": [{"who": NAME}]}))
    await place.ended("principal", who=Principal(id=NAME))
    await place.ended("session", session=f"talk with {NAME}")
    await place.ended("receipt")
    await place.journal.keep_receipt("receipt", Receipt(key="k", finished=CallFinished(step="s", value=NAME)))
    made = place.artifacts.put(f"id;name\n1;{NAME}\n".encode(), media_type="text/csv")
    await place.ended("artifact", CallFinished(step="s", value={"rows": 1}, artifacts=(made.hash,)))
    folder = place.home / "workspaces" / await place.ended("files")
    folder.mkdir(parents=True)
    (folder / "list.txt").write_text("x\nann example\n")

    holding = await place.look()
    assert sorted(run.id for run in holding.runs) == [
        "answer", "artifact", "files", "goal", "param", "principal", "receipt", "session",
    ]  # fmt: skip
    assert (holding.artifacts, holding.folders, len(await place.ids())) == (1, 1, 9)

    erased = await place.erase()
    assert (erased.removed["runs"], erased.removed["artifacts"], erased.removed["folders"], erased.left) == (8, 1, 1, ())
    assert (await place.ids(), list(place.artifacts.names()), folder.exists()) == (["kept"], [], False)
    assert not any(spelled in place.rows() for spelled in UTTERLY)
    assert (await place.look()).empty


async def test_what_was_made_of_a_runs_words_leaves_with_it(place: Place) -> None:
    """A fork, a goal about it, and what it has delegated within the house; not what is beside it."""
    await place.ended("first", CallFinished(step="s", value=NAME), TaskDelegated(step="d", agent="us", task="child"))
    await place.ended("child")
    await place.ended("grandchild", refers_to=["child"], session="first")
    await place.ended("shown", EarlierShown(run="first", status="done"))
    forked = RunForked(run="shown", seq=1, step="a1", now=NOW)
    await place.ended("fork", forked, script="answer(1)", goal="", forked_from=ForkOf(run="shown", step="a1"))
    await place.ended("beside")
    await place.ended("away", CallFinished(step="s", value=NAME), TaskDelegated(step="d", agent="them", task="t-1"))

    holding = await place.look()
    assert {run.id: run.names_it for run in holding.runs} == {
        "away": True, "child": False, "first": True, "fork": False, "grandchild": False, "shown": False,
    }  # fmt: skip
    assert holding.tasks == (("them", "t-1"),)
    await place.erase()
    assert await place.ids() == ["beside"]


async def test_rows_that_are_no_runs_leave_too(place: Place) -> None:
    about = Submission(goal=f"Remind {NAME}", principal=BOB)
    other = Submission(goal="Remind everybody", principal=BOB)
    for number, submission in enumerate((about, other)):
        made = Schedule(
            id=f"s{number}", name=f"s{number}", principal="bob", cron="* * * * *", zone="UTC", submission=submission,
            next_at=NOW, created_at=NOW,
        )  # fmt: skip
        assert await place.journal.timetable.add(made)
    for name, principal in ((f"{NAME}'s laptop", "bob"), ("k2", NAME), ("k3", "bob")):
        assert await place.journal.keys.add(
            StoredKey(name=name, hash=name[:2] + principal, principal=principal, created_at=NOW)
        )
    plan = {"kind": "user", "anchor": "a", "least_words": 1, "most_words": 9, "runs": 3, "used_at": NOW}
    with place.journal.engine.begin() as connection:
        tables = metadata.tables
        for number, body in enumerate((f'{{"tried":["{NAME}"]}}', "{}")):
            row = {"id": f"p{number}", "principal": "bob", "goal": "Call {who}", "body": body, **plan}
            connection.execute(tables["planrail_plan"].insert().values(row))
            shape = {"tool": f"crm.t{number}", "contract": "c", "version": 1, "updated_at": NOW, "body": body}
            connection.execute(tables["planrail_shape"].insert().values(shape))
        day = {"run": "r", "number": 1, "account": NAME, "day": "2026-11-28", "base": 0.0, "usd": 1.0, "held": False}
        connection.execute(tables["planrail_quota"].insert().values(day))

    assert dict((await place.look()).rows) == {
        "schedules": 1, "keys": 2, "kept plans": 1, "learned shapes": 1, "days of quotas": 1,
    }  # fmt: skip
    await place.erase()
    assert not any(spelled in place.rows() for spelled in UTTERLY)
    assert [s.name for s in await place.journal.timetable.find()] == ["s1"]
    assert [k.name for k in await place.journal.keys.find()] == ["k3"]


async def test_a_principals_id_is_looked_for_as_a_whole(place: Place) -> None:
    await place.ended("theirs", who=Principal(id="ann"))
    await place.ended("in a tenant", who=Principal(id="@acme/ann"))
    await place.ended("about", goal="ask ann")
    await place.erase(Subject("ann", principal=True))
    assert await place.ids() == ["about"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)  # a server's files are its own
async def test_nothing_of_it_is_left_in_any_byte_of_the_house(place: Place) -> None:
    for number in range(30):
        value = {"notes": f"{NAME} and more of it. " * 400}
        await place.ended(f"r{number:02}", CallFinished(step="s", value=value), goal=f"Write to {NAME} no {number}")
        await place.ended(f"other {number:02}", CallFinished(step="s", value={"notes": "somebody else. " * 400}))
        place.artifacts.put(f"{number} {NAME} ".encode() * 5_000, media_type="text/plain")
    assert place.bytes().count(NAME.encode()) > 1_000
    erased = await place.erase()
    assert (erased.removed["runs"], erased.removed["artifacts"], len(await place.ids())) == (30, 30, 30)
    left = place.bytes().count(NAME.encode())
    assert left == 0
    assert erased.space.notes == ()


async def test_a_receipt_tells_what_was_erased_and_not_of_whom_but_to_who_knows(place: Place) -> None:
    await place.ended("r", goal=f"Write to {NAME}")
    erased = await place.erase()
    (receipt,) = await place.erasing.receipts()
    assert (receipt.id, receipt.by, receipt.done_at is not None) == (erased.receipt, "root", True)
    assert dict(receipt.counts) == {"runs": 1, "events": 2}
    assert await place.erasing.receipts(Subject("EXAMPLE ann")) == []
    assert await place.erasing.receipts(Subject("ann  EXAMPLE")) == [receipt]
    assert "xample" not in receipt.model_dump_json()


async def test_a_run_that_came_meanwhile_is_told(place: Place) -> None:
    await place.ended("r", goal=f"Write to {NAME}")
    await place.journal.create(Submission(goal=f"Call {NAME}", principal=BOB), run="new", key="new", now=NOW)
    erased = await place.erase()
    assert (erased.left, await place.ids()) == (("new",), ["new"])
    (receipt,) = await place.erasing.receipts()
    assert receipt.done_at is None


async def test_a_business_own_records_and_files_elsewhere_are_named_and_left(place: Place) -> None:
    RECORDS.create_all(place.journal.engine)
    store = PackStore(place.journal.engine, EFFECT)
    place.packs = [Pack("shop", "A shop.", Toolset(), holds=store.holds)]
    with place.journal.engine.begin() as connection:
        connection.execute(CUSTOMER.insert(), [{"name": NAME}, {"name": "Eve"}])
    place.home.mkdir(exist_ok=True)
    (place.home / "planrail.log").write_text(f"… {NAME} …")
    cassettes = place.home.parent / "cassettes"
    cassettes.mkdir()
    (cassettes / "a.json").write_text(f'{{"says":"{NAME}"}}')
    holding = await place.erasing.look(ANN, also=[cassettes])
    assert (holding.packs, holding.empty) == ({"shop_customer": 1}, True)
    assert [Path(name).name for name in holding.files] == ["planrail.log", "a.json"]


async def test_an_erasure_that_was_stopped_in_the_middle_is_finished_by_the_next_one(place: Place) -> None:
    for number in range(60):
        await place.ended(f"r{number:02}", goal=f"Write to {NAME}")
    made = place.artifacts.put(NAME.encode(), media_type="text/plain")
    await place.ended("with", CallFinished(step="s", value=None, artifacts=(made.hash,)))
    receipt = await place.journal.retention.begin("erase", "root", salt="00" * 16, subject="…")
    assert receipt is not None
    await place.journal.retention.remove([f"r{n:02}" for n in range(40)] + ["with"], "erased", receipt)
    erased = await place.erase()
    assert (erased.removed["runs"], erased.removed["artifacts"], await place.ids()) == (20, 1, [])
    assert not any(spelled in place.rows() for spelled in UTTERLY)


async def test_two_erasures_at_once_leave_nothing_and_break_nothing(place: Place) -> None:
    for number in range(60):
        await place.ended(f"r{number:02}", goal=f"Write to {NAME}")
    await place.ended("other")
    both = await asyncio.gather(place.erase(), place.erase())
    assert sum(e.removed.get("runs", 0) for e in both) == 60
    assert await place.ids() == ["other"]


async def test_a_run_that_was_erased_is_told_to_whose_it_was_and_its_key_stays_taken(place: Place) -> None:
    await place.ended("r", goal=f"Write to {NAME}")
    await place.erase()
    gone = await place.journal.gone("r", "bob")
    assert gone is not None
    assert gone.how == "erased"
    with pytest.raises(Exception, match="The idempotency key was used"):
        await place.journal.create(Submission(goal="x", principal=BOB), run="s", key="key r", now=NOW + timedelta(days=1))
