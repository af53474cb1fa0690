"""The scheduler under trouble: results that cannot be written, calls that break Planrail itself, sudden ends; and speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from bench import BOUND_S, PLENTY, Bench, answer_of

from executor.artifacts import MemoryArtifacts
from executor.errors import JournalUnreachable, LostOwnership
from executor.events import CallFinished, CallStarted, CancelRequested, Event, QuestionAnswered, RunEnded
from executor.journal.memory import MemoryJournal
from executor.recorder import Recorder
from executor.run import Run, fold
from executor.submission import Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.worst import ModelTerms

FOUR = "xs = [h.hold(x=i) for i in range(4)]\nanswer(sum(xs))\n"


class Held:
    """A tool whose calls wait for the test."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[int] = asyncio.Queue()
        self.go = {i: asyncio.Event() for i in range(10)}
        self.cancelled: list[int] = []

    @tool(effect="read")
    async def hold(self, x: int) -> int:
        """Wait for the test."""
        self.came.put_nowait(x)
        try:
            await self.go[x].wait()
        except asyncio.CancelledError:
            self.cancelled.append(x)
            raise
        return x

    @tool(effect="write", idempotent=True)
    async def write(self, x: int) -> int:
        """An effect."""
        return x


class Frail(MemoryJournal):
    """A journal that refuses what `refuses` says."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: Any = lambda events: None
        self.appended: list[list[str]] = []
        self.busy, self.waits = asyncio.Event(), asyncio.Event()
        self.busy.set()

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        await asyncio.sleep(0)
        if not self.busy.is_set():
            self.waits.set()
            await self.busy.wait()
        error = self.refuses(events)
        if error is not None:
            raise error
        self.appended.append([e.type for e in events])
        return await super().append(run, events, **more)


async def begun(bench: Bench, script: str, calls: int, held: Held) -> tuple[str, asyncio.Task[None], asyncio.Event]:
    """A segment that has so many calls in flight."""
    run = await bench.submit(script)
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    nudge = asyncio.Event()
    segment = asyncio.create_task(bench.segments().advance(run, epoch, nudge))
    async with asyncio.timeout(BOUND_S):
        for _ in range(calls):
            await held.came.get()
    return run, segment, nudge


async def until(journal: MemoryJournal, run: str, kind: str, times: int = 1) -> None:
    async with asyncio.timeout(BOUND_S):
        async for _ in journal.changes():
            if sum(r.event.type == kind for r in await journal.read(run)) >= times:
                return


async def test_the_start_of_a_read_is_soon_in_the_journal_though_nothing_else_happens() -> None:
    held = Held()
    bench = Bench(Toolset.of("h", held))
    run, segment, _ = await begun(bench, FOUR, 4, held)
    assert isinstance(bench.journal, MemoryJournal)
    await until(bench.journal, run, "call_started", 4)
    for door in held.go.values():
        door.set()
    async with asyncio.timeout(BOUND_S):
        await segment
    assert answer_of(await bench.state(run)) == 6


async def test_an_owner_that_lost_the_run_keeps_every_result_as_a_receipt() -> None:
    held, journal = Held(), Frail()
    bench = Bench(Toolset.of("h", held), journal=journal)
    run, segment, _ = await begun(bench, FOUR, 4, held)
    await until(journal, run, "call_started", 4)
    await journal.take(run, "other", dead=["w"])
    for i in (0, 2):
        held.go[i].set()
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(LostOwnership):
            await segment
    assert {r.finished.value for r in await journal.receipts(run)} == {0, 2}
    assert sorted(held.cancelled) == [1, 3]
    assert not any(isinstance(r.event, CallFinished) for r in await journal.read(run))


async def test_results_that_the_journal_does_not_take_are_known_to_nobody() -> None:
    held, journal = Held(), Frail()
    bench = Bench(Toolset.of("h", held), journal=journal)
    run, segment, _ = await begun(bench, FOUR, 4, held)
    await until(journal, run, "call_started", 4)
    journal.refuses = lambda events: JournalUnreachable("the disk is full") if events else None
    held.go[0].set()
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(JournalUnreachable):
            await segment
    assert [r.finished.value for r in await journal.receipts(run)] == [0]


async def test_a_call_that_breaks_planrail_itself_loses_no_other_result() -> None:
    """Both end while the journal is busy with an earlier result."""
    held, journal, explode = Held(), Frail(), asyncio.Event()

    class Broken(ScriptedModel):
        async def stream(self, request: ModelRequest) -> Any:
            held.came.put_nowait(99)
            await explode.wait()
            raise ZeroDivisionError("a bug in a model's port")
            yield ""

    models = Models(executor=Role(Broken([]), ModelTerms(model="small")))
    bench = Bench(Toolset.of("h", held), models, journal=journal)
    run, segment, _ = await begun(bench, 'a = h.hold(x=0)\nb = h.hold(x=1)\nc = ask("Say.")\nanswer([a, b, c])\n', 3, held)
    await until(journal, run, "call_started", 3)
    async with asyncio.timeout(BOUND_S):
        journal.busy.clear()
        held.go[0].set()
        await journal.waits.wait()
        held.go[1].set()
        explode.set()
        await calls_have_ended()
        journal.busy.set()
        with pytest.raises(ZeroDivisionError):
            await segment
    assert [r.finished.value for r in await journal.receipts(run)] == [1]


async def calls_have_ended() -> None:
    """Wait until no call of the run is in flight; the scheduler may not have looked yet."""
    calls = [t for t in asyncio.all_tasks() if t.get_name().startswith("run1 ") and "journal" not in t.get_name()]
    if calls:
        await asyncio.wait(calls)


async def test_a_cancelled_run_ends_at_once_and_its_calls_are_cancelled() -> None:
    held = Held()
    bench = Bench(Toolset.of("h", held))
    run, segment, nudge = await begun(bench, FOUR, 4, held)
    await bench.journal.append(run, [CancelRequested(by="ann")], epoch=None)
    nudge.set()
    async with asyncio.timeout(BOUND_S):
        await segment
    assert sorted(held.cancelled) == [0, 1, 2, 3]
    events = await bench.events(run)
    assert isinstance(events[-1].event, RunEnded)
    assert events[-1].event.status == "cancelled"


async def test_a_run_is_cancelled_while_its_plan_is_being_written() -> None:
    asked = asyncio.Event()

    class Thinking(ScriptedModel):
        async def stream(self, request: ModelRequest) -> Any:
            asked.set()
            await asyncio.Event().wait()
            yield ""

    bench = Bench(Toolset.of("h", Held()), Models(planner=Role(Thinking([]), ModelTerms(model="big", max_input_tokens=50_000))))
    run = await bench.submit(goal="Do something")
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    nudge = asyncio.Event()
    segment = asyncio.create_task(bench.segments().advance(run, epoch, nudge))
    async with asyncio.timeout(BOUND_S):
        await asked.wait()
        nudge.set()  # for an answer to something else: planning goes on
        await asyncio.sleep(0)
        await bench.journal.append(run, [CancelRequested(by="ann")], epoch=None)
        nudge.set()
        await segment
    assert (await bench.state(run)).status == "cancelled"


async def test_an_engine_that_stops_leaves_a_run_that_goes_on_elsewhere() -> None:
    held = Held()
    bench = Bench(Toolset.of("h", held))
    run, segment, _ = await begun(bench, FOUR, 4, held)
    held.go[3].set()
    assert isinstance(bench.journal, MemoryJournal)
    await until(bench.journal, run, "call_finished")
    segment.cancel()
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(asyncio.CancelledError):
            await segment
    for door in held.go.values():
        door.set()
    assert answer_of(await bench.carry_on(run)) == 6
    assert held.came.qsize() == 3


@pytest.mark.parametrize("steps", range(0, 40, 3))
async def test_an_engine_may_stop_at_any_moment(steps: int) -> None:
    """However many turns of the loop a segment has had, what it leaves is a run that comes to the same end."""
    held = Held()
    for door in held.go.values():
        door.set()
    bench = Bench(Toolset.of("h", held), journal=Frail())
    run = await bench.submit("xs = [h.hold(x=i) for i in range(4)]\nys = [h.write(x=x) for x in xs]\nanswer(sum(ys))\n")
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    segment = asyncio.create_task(bench.segments().advance(run, epoch, asyncio.Event()))
    for _ in range(steps):
        await asyncio.sleep(0)
    segment.cancel()
    async with asyncio.timeout(BOUND_S):
        await asyncio.wait((segment,))
    assert answer_of(await bench.carry_on(run)) == 6
    seqs = [r.seq for r in await bench.events(run)]
    assert seqs == list(range(1, len(seqs) + 1))


# -- the recorder


async def recorder_of(journal: MemoryJournal) -> Recorder:
    await journal.create(Submission(goal="g"), run="r", key="r", now=Bench(Toolset()).now())
    epoch = await journal.take("r", "w")
    assert epoch is not None
    run = fold(Run("r"), await journal.read("r"))
    return Recorder(journal, run, epoch=epoch, now=Bench(Toolset()).now)


def started(item: int) -> CallStarted:
    return CallStarted(step="s", item=str(item), call="t.x", key=f"k{item}")


async def test_events_are_written_in_the_order_in_which_they_were_given() -> None:
    journal = Frail()
    recorder = await recorder_of(journal)

    async def one(i: int) -> None:
        recorder.note(started(i))
        await recorder.commit(CallFinished(step="s", item=str(i), value=i))

    recorder.note(started(9))
    await asyncio.gather(*(one(i) for i in range(5)))
    order = [(r.event.type, r.event.item) for r in (await journal.read("r"))[1:]]  # type: ignore[union-attr]  # calls have one
    assert [item for kind, item in order if kind == "call_started"] == ["9", "0", "1", "2", "3", "4"]
    for i in range(5):
        assert order.index(("call_started", str(i))) < order.index(("call_finished", str(i)))


async def test_concurrent_claims_are_one_write() -> None:
    journal = Frail()
    recorder = await recorder_of(journal)
    recorder.note(*(started(i) for i in range(8)))
    await asyncio.gather(*(recorder.commit() for _ in range(8)))
    assert len(journal.appended) == 1


async def test_what_could_not_be_written_is_not_folded_and_nobody_may_go_on() -> None:
    journal = Frail()
    recorder = await recorder_of(journal)
    journal.refuses = lambda events: LostOwnership("gone")
    recorder.note(*(started(i) for i in range(3)))
    outcomes = await asyncio.gather(*(recorder.commit() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(o, LostOwnership) for o in outcomes)
    with pytest.raises(LostOwnership):
        await recorder.commit(CallFinished(step="s", item="0", value=1))
    assert recorder.run.call("s", "0").finished is None


async def test_a_write_whose_caller_was_cancelled_is_waited_for_by_the_next_one() -> None:
    class Gated(Frail):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()

        async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
            await self.gate.wait()
            return await super().append(run, events, **more)

    journal = Gated()
    recorder = await recorder_of(journal)
    recorder.note(started(0))
    first = asyncio.create_task(recorder.commit())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(recorder.commit(CallFinished(step="s", item="0", value=1)))
    await asyncio.wait((first,))
    assert not second.done()
    journal.gate.set()
    async with asyncio.timeout(BOUND_S):
        await second
    assert [r.event.type for r in await journal.read("r")] == ["run_submitted", "call_started", "call_finished"]


async def test_nothing_parks_and_nothing_is_lost_where_news_came() -> None:
    journal = Frail()
    recorder = await recorder_of(journal)
    await journal.append("r", [QuestionAnswered(question="q", answer=1, by="ann")], epoch=None)
    recorder.note(started(0))
    assert not await recorder.commit(CancelRequested(by="x"), status="waiting", release=True, quiet_after=1)
    assert not recorder.run.cancel_requested
    await recorder.commit()
    assert [r.event.type for r in await journal.read("r")][-1] == "call_started"


# -- speed


@tool(effect="read")
async def noop(x: int) -> int:
    """Give back the number."""
    return x


async def seconds(script: str, parallel: int = 16) -> float:
    """The processor's time that a run takes, whatever else the machine does."""
    bench = Bench(Toolset.of("t", [noop]), artifacts=MemoryArtifacts(), budget=PLENTY.model_copy(update={"parallel": parallel}))
    begun_at = time.process_time()
    run = await bench.run(script)
    assert isinstance(answer_of(run), int)
    return time.process_time() - begun_at


MAPS = {
    "one map": "xs = [t.noop(x=i) for i in range({n})]\nanswer(len(xs))\n",
    "maps over maps": (
        "xs = [t.noop(x=i) for i in range({n} // 3)]\nys = [t.noop(x=x) for x in xs]\nzs = [y for y in ys if y % 2 == 0]\n"
        "ws = [t.noop(x=z + x - x) for z, x in zip(ys, xs)]\nanswer(len(ws) + len(zs))\n"
    ),
    "a chain": "xs = [t.noop(x=t.noop(x=t.noop(x=i))) for i in range({n} // 3)]\nanswer(len(xs))\n",
}


@pytest.mark.parametrize("case", list(MAPS))
async def test_two_thousand_items_take_seconds(case: str) -> None:
    assert await seconds(MAPS[case].replace("{n}", "2000")) < 5


@pytest.mark.proof
@pytest.mark.parametrize("case", list(MAPS))
async def test_five_times_the_items_take_not_much_more_than_five_times_as_long(case: str) -> None:
    fewer, more = [await seconds(MAPS[case].replace("{n}", str(n))) for n in (2_000, 10_000)]
    assert more < fewer * 5 * 2
