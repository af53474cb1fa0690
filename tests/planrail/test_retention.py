"""Retention: what leaves a database, what stays of it, and what must not change by that; over both databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from executor.errors import KeyTaken, UnknownRun
from executor.events import CallFinished, CallStarted, PlannerCalled, RunEnded, RunResumed, RunStatus
from executor.journal.artifacts import SqlArtifacts
from executor.journal.dialects import dialect_of
from executor.journal.gone import GoneRuns
from executor.journal.leaving import read_leaving, remove
from executor.journal.outbox import Wish
from executor.journal.port import Receipt
from executor.journal.sql import SqlJournal
from executor.journal.tables import event_table, metadata, run_table
from executor.objects import ObjectArtifacts
from executor.session import SessionLimits, Share
from executor.submission import ForkOf, Principal, Submission
from planner.usage import Usage
from planrail.costs import tallied
from planrail.prices import GenaiPrices
from planrail.pruning import pruned_today
from planrail.retention import Pruned, Retention, old_of
from planrail.retention_settings import RetentionSettings

BOUND_S = 60.0
START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOW = START + timedelta(days=180)
ANN = Principal(id="ann")
COST = Usage(model_calls=1, input_tokens=100, cached_input_tokens=40, output_tokens=10, usd=0.25)
TOOL = Usage(usd=0.5)


@dataclass
class Store:
    """A database whose clock the test sets, and the folder of the runs' files."""

    journal: SqlJournal
    url: str
    folder: Path
    clock: list[datetime]

    @property
    def artifacts(self) -> SqlArtifacts:
        return SqlArtifacts(self.journal.engine, clock=lambda: self.clock[0])

    @property
    def retention(self) -> Retention:
        return Retention(self.journal, self.artifacts, workspaces=self.folder, now=lambda: self.clock[0])

    async def ended(
        self, run: str, *, age: int = 100, status: RunStatus = "done", session: str | None = None, goal: str = "a goal"
    ) -> str:
        """A run that cost something, and ended so many days ago."""
        self.clock[0] = NOW - timedelta(days=age)
        submission = Submission(goal=goal, principal=ANN, session=session)
        await self.journal.create(submission, run=run, key=f"key {run}", now=self.clock[0])
        epoch = await self.journal.take(run, "w")
        assert epoch is not None
        events = [
            PlannerCalled(purpose="write", model="big", usage=COST, seconds=1.0),
            CallStarted(step="s", call="ask", model="small"),
            CallFinished(step="s", value="x", usage=COST),
            CallStarted(step="t", call="shop.buy", key="k"),
            CallFinished(step="t", value="x", usage=TOOL),
        ]
        if session is not None:
            limits = SessionLimits(calls=100, usd=10.0)
            await self.journal.reserve(run, session, Share(calls=50, usd=5.0), used=Share(), limits=limits, epoch=epoch)
        await self.journal.append(run, events, epoch=epoch)
        if status in ("done", "failed", "partial", "cancelled"):
            await self.journal.append(run, [RunEnded(status=status)], epoch=epoch, status=status, release=True)  # type: ignore[arg-type]  # one that is over
        else:
            await self.journal.append(run, [], epoch=epoch, status=status, release=True)
        self.clock[0] = NOW
        return run

    async def prune(self, days: int = 90, *, keep_failed: bool = False, statuses: tuple[RunStatus, ...] = ()) -> Pruned:
        old = old_of(NOW - timedelta(days=days), keep_failed=keep_failed, statuses=statuses)
        done = await self.retention.prune(old, by="test", forget=NOW - timedelta(days=365))
        assert done is not None
        return done

    async def ids(self) -> list[str]:
        return sorted(r.id for r in await self.journal.find(limit=1000))

    async def cost(self, days: int) -> dict[str, object]:
        tally = await tallied(self.journal, NOW - timedelta(days=days))
        return tally.costs(GenaiPrices({}), {}).model_dump()


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    clock = [NOW]
    async with asyncio.timeout(BOUND_S), await SqlJournal.open(url, clock=lambda: clock[0]) as journal:
        yield Store(journal, url, tmp_path / "workspaces", clock)


async def test_runs_that_are_over_and_old_leave_with_all_that_is_theirs_and_no_other_does(store: Store) -> None:
    for status in ("done", "failed", "partial", "cancelled", "waiting", "queued"):
        await store.ended(f"old {status}", status=status)  # type: ignore[arg-type]  # each is a status
    await store.ended("young", age=80)
    (store.folder / "old done").mkdir(parents=True)
    (store.folder / "old done" / "report.csv").write_text("x")
    await store.journal.keep_receipt("old done", Receipt(key="k", finished=CallFinished(step="t", value="late")))

    done = await store.prune()

    assert await store.ids() == ["old queued", "old waiting", "young"]
    assert (done.runs, done.removed["runs"], done.removed["folders"]) == (4, 4, 1)
    assert not (store.folder / "old done").exists()
    (receipt,) = await store.journal.retention.receipts("prune")
    assert (receipt.by, receipt.counts["runs"], receipt.done_at) == ("test", 4, NOW)
    with store.journal.engine.connect() as connection:
        assert sorted(set(connection.execute(select(event_table.c.run)).scalars())) == await store.ids()


async def test_failed_runs_may_be_kept_and_statuses_be_chosen(store: Store) -> None:
    for status in ("done", "failed", "partial", "cancelled"):
        await store.ended(status, status=status)  # type: ignore[arg-type]  # each is a status
    await store.prune(keep_failed=True)
    assert await store.ids() == ["failed", "partial"]
    await store.prune(statuses=("partial",))
    assert await store.ids() == ["failed"]


async def test_a_look_tells_what_would_leave_and_removes_nothing(store: Store) -> None:
    await store.ended("one", age=120)
    await store.ended("two", status="failed")
    found = await store.retention.look(old_of(NOW - timedelta(days=90)))
    assert [(f.status, f.runs) for f in found.found] == [("done", 1), ("failed", 1)]
    assert await store.ids() == ["one", "two"]
    assert await store.journal.retention.receipts("prune") == []


async def test_what_the_runs_of_a_time_have_cost_is_the_same_after_they_have_left(store: Store) -> None:
    for number, age in enumerate((10, 95, 100, 100)):
        await store.ended(f"r{number}", age=age)
    before = [await store.cost(days) for days in (5, 50, 97, 365)]
    assert before[3]["runs"] == 4
    await store.prune()
    assert await store.ids() == ["r0"]
    assert [await store.cost(days) for days in (5, 50, 97, 365)] == before


async def test_a_session_has_no_more_left_after_its_runs_have_left(store: Store) -> None:
    await store.ended("r1", session="talk")
    await store.ended("r2", session="talk")
    before = await store.journal.session("ann", "talk")
    assert (before.runs, before.used.calls) == (2, 6)
    await store.prune()
    assert await store.journal.session("ann", "talk") == before
    await store.ended("r3", session="talk")
    granted = [e.event for e in await store.journal.read("r3") if e.event.type == "session_granted"]
    assert [e.calls for e in granted] == [50]
    assert (await store.journal.session("ann", "talk")).used.calls == 9


async def test_a_day_has_no_more_left_after_its_runs_have_left(store: Store) -> None:
    await store.journal.create(Submission(goal="g", principal=ANN), run="r", key="r", now=NOW)
    epoch = await store.journal.take("r", "w")
    assert epoch is not None
    await store.journal.draw("r", 5.0, used=0.0, limit=10.0, epoch=epoch)
    store.clock[0] = NOW - timedelta(days=100)
    done = [PlannerCalled(purpose="write", model="big", usage=COST, seconds=1.0), RunEnded(status="done")]
    await store.journal.append("r", done, epoch=epoch, status="done", release=True)
    await store.journal.append("r", [], epoch=None)
    before = await store.journal.quota("ann")
    assert (before.used, before.reserved) == (0.25, 0.0)
    store.clock[0] = NOW
    await store.journal.retention.begin("prune", "test", name="p")
    assert len(await store.journal.retention.remove(["r"], "pruned", "p")) == 1
    assert await store.journal.quota("ann") == before


async def test_a_removed_run_is_told_to_whose_it_was_and_to_nobody_else(store: Store) -> None:
    await store.ended("gone")
    await store.prune()
    gone = await store.journal.gone("gone", "ann")
    assert gone is not None
    assert gone.told() == f"The run gone was pruned on {NOW:%Y-%m-%d}"
    assert await store.journal.gone("gone", "eve") is None
    assert await store.journal.gone("never", "ann") is None


async def test_a_removed_runs_key_stays_taken_until_it_is_forgotten(store: Store) -> None:
    await store.ended("gone", age=100)
    await store.prune()
    again = Submission(goal="a goal", principal=ANN)
    with pytest.raises(KeyTaken, match="The run gone was pruned"):
        await store.journal.create(again, run="new", key="key gone", now=NOW)
    assert await store.ids() == []
    other = Submission(goal="a goal", principal=Principal(id="eve"))
    await store.journal.create(other, run="eve", key="key gone", now=NOW)
    await store.journal.retention.forget(NOW + timedelta(seconds=1))
    await store.journal.create(again, run="new", key="key gone", now=NOW)
    assert await store.ids() == ["eve", "new"]


async def test_nothing_is_forked_from_a_run_that_was_removed_meanwhile(store: Store) -> None:
    await store.ended("gone")
    await store.prune()
    fork = Submission(script="answer(1)", principal=ANN, forked_from=ForkOf(run="gone", step="a1"))
    with pytest.raises(UnknownRun, match="was removed"):
        await store.journal.create(fork, run="fork", key="fork", now=NOW)


async def test_whoever_pages_through_the_runs_goes_on_behind_one_that_was_removed(store: Store) -> None:
    for number in range(4):
        await store.ended(f"r{number}", age=100 - number)
    await store.journal.retention.begin("prune", "test", name="p")
    await store.journal.retention.remove(["r2"], "pruned", "p")
    assert [r.id for r in await store.journal.find(before="r2")] == ["r1", "r0"]


async def test_a_run_that_somebody_is_still_to_be_told_of_stays(store: Store) -> None:
    await store.ended("told")
    await store.ended("untold")
    await store.journal.outbox.put("untold", Wish(id="s", place="https://a", body="sealed"), most=5)
    await store.prune()
    assert await store.ids() == ["untold"]
    with store.journal.engine.begin() as connection:
        connection.execute(metadata.tables["planrail_push"].update().values(dead=True))
    await store.prune()
    assert (await store.ids(), await store.journal.outbox.find()) == ([], [])


async def test_a_run_that_goes_on_just_now_stays(store: Store) -> None:
    """It was read as one that is over, and is resumed before its transaction begins."""
    await store.ended("r")
    with store.journal.engine.connect() as connection:
        leaving = read_leaving(connection, ["r"])
    assert len(leaving) == 1
    await store.journal.append("r", [RunResumed(by="ann")], epoch=None, status="queued")
    await store.journal.append("r", [RunEnded(status="done")], epoch=None, status="done")
    dialect = dialect_of(store.journal.engine.dialect.name)
    with store.journal.engine.begin() as connection:
        assert remove(connection, dialect, leaving, GoneRuns(), "pruned", NOW) == []
    assert len(await store.journal.read("r")) == 9


async def test_two_who_prune_at_once_remove_each_run_once(store: Store) -> None:
    for number in range(60):
        await store.ended(f"r{number:03}")
    async with await SqlJournal.open(store.url, clock=lambda: NOW) as journal:
        other = Store(journal, store.url, store.folder, [NOW])
        before = await store.cost(365)
        both = await asyncio.gather(store.prune(), other.prune())
    assert (await store.ids(), sum(p.removed["runs"] for p in both)) == ([], 60)
    assert await store.cost(365) == before


async def test_a_removal_that_was_stopped_in_the_middle_says_so_and_the_next_one_goes_on(store: Store) -> None:
    for number in range(52):
        await store.ended(f"r{number:02}")

    class Stopped(Exception):
        pass

    def stop(removed: int) -> None:
        raise Stopped

    old = old_of(NOW - timedelta(days=90))
    with pytest.raises(Stopped):
        await store.retention.prune(old, by="test", forget=START, progress=stop)
    (receipt,) = await store.journal.retention.receipts("prune")
    assert (receipt.done_at, receipt.counts["runs"], len(await store.ids())) == (None, 50, 2)
    assert (await store.prune()).removed["runs"] == 2
    assert await store.ids() == []


async def test_workers_remove_what_is_old_once_a_day(store: Store) -> None:
    await store.ended("r1")
    settings = RetentionSettings(older_than="90d")
    both = await asyncio.gather(*(pruned_today(store.retention, settings, f"w{n}", NOW) for n in range(2)))
    assert [p.removed["runs"] for p in both if p is not None] == [1]
    await store.ended("r2")
    assert await pruned_today(store.retention, settings, "w1", NOW) is None
    tomorrow = await pruned_today(store.retention, settings, "w1", NOW + timedelta(days=1))
    assert tomorrow is not None
    assert await store.ids() == []


async def had(store: Store, run: str, content: bytes, *, age: int = 100) -> str:
    """A run that ended so many days ago, of which a tool had stored these bytes; their hash."""
    store.clock[0] = NOW - timedelta(days=age)
    made = store.artifacts.put(content, media_type="text/plain").hash
    await store.ended(run, age=age)
    await store.journal.append(run, [CallFinished(step="u", value=None, artifacts=(made,))], epoch=None)
    with store.journal.engine.begin() as connection:
        changed = {"updated_at": NOW - timedelta(days=age)}
        connection.execute(metadata.tables["planrail_run"].update().where(run_table.c.id == run).values(changed))
    return made


async def test_an_artifact_leaves_with_the_last_run_that_has_it(store: Store) -> None:
    shared, own = await had(store, "old", b"shared"), await had(store, "older", b"own")
    assert await had(store, "young", b"shared", age=10) == shared
    assert (await store.prune()).removed["artifacts"] == 1
    assert list(store.artifacts.names()) == [shared]
    assert store.artifacts.get(shared) == b"shared"
    assert own != shared
    assert (await store.prune(days=5)).removed["artifacts"] == 1
    assert (list(store.artifacts.names()), await store.journal.retention.loose()) == ([], {})


async def test_an_artifact_that_a_call_puts_in_just_now_stays_until_its_run_has_told_of_it(store: Store) -> None:
    made = await had(store, "old", b"again")
    await store.journal.create(Submission(goal="g", principal=ANN), run="new", key="new", now=NOW)
    epoch = await store.journal.take("new", "w")
    store.artifacts.put(b"again", media_type="text/plain")
    assert (await store.prune()).removed["artifacts"] == 0
    told = [CallFinished(step="u", value=None, artifacts=(made,)), RunEnded(status="done")]
    await store.journal.append("new", told, epoch=epoch, status="done", release=True)
    assert (await store.prune()).removed["artifacts"] == 0
    assert (store.artifacts.get(made), await store.journal.retention.loose()) == (b"again", {})


async def test_an_artifact_that_no_call_can_be_about_to_tell_of_leaves_beside_running_runs(store: Store) -> None:
    await had(store, "old", b"own")
    await store.journal.create(Submission(goal="g", principal=ANN), run="new", key="new", now=NOW)
    await store.journal.take("new", "w")
    assert (await store.prune()).removed["artifacts"] == 1


async def test_artifacts_leave_an_object_store_too(tmp_path: Path) -> None:
    objects = ObjectArtifacts(f"file://{tmp_path}/objects")
    made = objects.put(b"bytes", media_type="text/plain").hash
    assert list(objects.names()) == [made]
    at = objects.put_at(made)
    assert at is not None
    os.utime(tmp_path / "objects" / made[:2] / made, (1_000, 1_000))
    objects.put(b"bytes", media_type="text/plain")
    again = objects.put_at(made)
    assert again is not None
    assert again >= at - timedelta(seconds=1)
    assert not objects.forget(made, datetime.fromtimestamp(1_000, UTC))
    assert objects.forget(made, again)
    assert (list(objects.names()), objects.put_at(made), objects.forget(made, again)) == ([], None, True)


@pytest.mark.parametrize("earlier", [False, True], ids=["file", "file of an earlier version"])
async def test_the_file_of_sqlite_shrinks_beside_a_reader(tmp_path: Path, earlier: bool) -> None:
    path = tmp_path / "journal.db"
    async with await SqlJournal.open(f"sqlite:///{path}") as journal, await SqlJournal.open(f"sqlite:///{path}") as other:
        if earlier:
            with journal.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("pragma auto_vacuum=none")
                connection.exec_driver_sql("vacuum")
        store = Store(journal, "", tmp_path, [NOW])
        await store.ended("stays", age=1)
        for number in range(20):
            await had(store, f"r{number:02}", bytes([number]) * 200_000)
        done = await store.prune()
        assert done.space is not None
        assert done.space.before > 4_000_000 > 500_000 > done.space.after, done.space
        assert await other.get("stays") is not None
    assert path.stat().st_size < 500_000
