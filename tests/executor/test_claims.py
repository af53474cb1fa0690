"""A claimed effect whose end nobody knows is repeated with its key, probed, or asked for: never blindly repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from bench import BOUND_S, NOW, Bench, answer_of, starts, surprise_of

from executor.errors import LostOwnership
from executor.events import CallFinished, CallStarted, Event, Question, QuestionAnswered, Recorded, RunResumed
from executor.journal.memory import MemoryJournal
from executor.journal.port import Receipt
from executor.run import Run, fold
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.usage import Usage


@dataclass
class Office:
    """Effects of three kinds; `happened` holds the keys that took effect, `keys` those of all calls."""

    keys: list[str] = field(default_factory=list)
    happened: set[str] = field(default_factory=set)
    tells: bool = True
    fails: list[ToolFailed] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def act(self, key: str) -> int | ToolFailed:
        self.keys.append(key)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            return self.fails.pop()
        self.happened.add(key)
        return len(self.happened)

    def told(self, key: str) -> bool | None:
        """Whether the call took effect, if anybody knows."""
        return key in self.happened if self.tells else None

    @tool(effect="write", idempotent=True)
    async def again(self, x: int, context: ToolContext) -> int | ToolFailed:
        """An effect that knows its keys."""
        return await self.act(context.key)

    @tool(effect="write", probe=told)
    async def probed(self, x: int, context: ToolContext) -> int | ToolFailed:
        """An effect that can be looked for."""
        return await self.act(context.key)

    @tool(effect="irreversible", timeout_s=5.0)
    async def blind(self, x: int, context: ToolContext) -> int | ToolFailed:
        """An effect of which nobody can tell."""
        return await self.act(context.key)

    @tool(effect="read", usd=0.5)
    async def read(self, x: int, context: ToolContext) -> int | ToolFailed:
        """A read that costs."""
        return await self.act(context.key)


def bench_of(office: Office, **more: Any) -> Bench:
    return Bench(Toolset.of("o", office), **more)


async def crashed(verb: str, *, at: CallStarted | None = None) -> tuple[list[Recorded], str]:
    """The journal of a run whose owner died while it called `o.verb`; and the call's key."""
    bench = bench_of(Office())
    run = await bench.run(f"r = o.{verb}(x=1)\nanswer(1)\n")
    events = await bench.events(run.id)
    cut = next(i for i, r in enumerate(events) if isinstance(r.event, CallStarted))
    return events[: cut + 1], starts(events)[0].key


def answering(answer: object, *, refused: bool = False) -> Any:
    return lambda q: QuestionAnswered(question=q.id, answer=answer, refused=refused, by="ann")


async def resumed(events: Sequence[Recorded], office: Office, **more: Any) -> tuple[Run, Bench]:
    bench = bench_of(office, **more)
    return await bench.carry_on(await bench.restore(list(events))), bench


async def test_an_idempotent_effect_is_repeated_with_its_key() -> None:
    events, key = await crashed("again")
    office = Office()
    run, _ = await resumed(events, office)
    assert answer_of(run) == 1
    assert office.keys == [key]


async def test_an_effect_that_its_probe_finds_is_not_repeated() -> None:
    events, key = await crashed("probed")
    office = Office(happened={key})
    run, _ = await resumed(events, office)
    assert answer_of(run) == 1
    assert office.keys == []
    finished = run.call("r").finished
    assert finished is not None
    assert finished.how == "reconciled"


async def test_an_effect_that_its_probe_does_not_find_is_made_with_its_key() -> None:
    events, key = await crashed("probed")
    office = Office()
    run, _ = await resumed(events, office)
    assert answer_of(run) == 1
    assert office.keys == [key]


@pytest.mark.parametrize("verb", ["probed", "blind"])
async def test_where_nothing_can_tell_a_person_is_asked_and_nothing_happens_before(verb: str) -> None:
    events, _ = await crashed(verb)
    office = Office(tells=False)
    run, _ = await resumed(events, office, answers=None)
    assert run.status == "waiting"
    assert office.keys == []
    assert [q.kind for q in run.open_questions] == ["reconcile"]
    assert run.open_questions[0].shown == [{"tool": f"o.{verb}", "arguments": {"x": 1}}]


@pytest.mark.parametrize(("answer", "calls"), [(True, 0), (False, 1)])
async def test_the_answer_decides_whether_the_effect_is_made(answer: bool, calls: int) -> None:
    events, key = await crashed("blind")
    office = Office()
    run, _ = await resumed(events, office, answers=answering(answer))
    assert answer_of(run) == 1
    assert office.keys == [key] * calls


async def test_who_will_not_say_whether_it_happened_ends_the_run_and_is_asked_again_when_it_is_resumed() -> None:
    events, _ = await crashed("blind")
    office = Office()
    run, bench = await resumed(events, office, answers=answering(None, refused=True))
    assert surprise_of(run) == ("r", "failed")
    assert office.keys == []
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    bench.answers = answering(True)
    assert answer_of(await bench.carry_on(run.id)) == 1
    assert office.keys == []


async def test_an_answer_about_one_crash_does_not_stand_for_the_next_one() -> None:
    events, _ = await crashed("blind")
    office = Office()
    run, bench = await resumed(events, office, answers=answering(False))
    again = await bench.events(run.id)
    last = max(i for i, r in enumerate(again) if isinstance(r.event, CallStarted))
    asked: list[str] = []

    def person(question: Question) -> QuestionAnswered:
        asked.append(question.id)
        return QuestionAnswered(question=question.id, answer=True, by="ann")

    run, _ = await resumed(again[: last + 1], office, answers=person)
    assert answer_of(run) == 1
    assert len(asked) == 1
    assert len(office.keys) == 1


async def test_a_probe_waits_until_nobody_can_be_at_the_call_any_more() -> None:
    events, key = await crashed("probed")
    office = Office()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        office.happened.add(key)  # the first owner's call comes through at last

    claimed = next(r.event.deadline for r in events if isinstance(r.event, CallStarted))
    assert claimed is not None
    run, _ = await resumed(events, office, sleep=sleep, now=lambda: claimed - timedelta(seconds=12))
    assert answer_of(run) == 1
    assert office.keys == []
    assert slept == [12]


async def test_an_effect_that_timed_out_is_not_blindly_repeated_when_the_run_is_resumed() -> None:
    office = Office(fails=[ToolFailed("o.blind did not answer.", "timeout")])
    bench = bench_of(office)
    run = await bench.run("r = o.blind(x=1)\nanswer(1)\n")
    assert run.status == "failed"
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    bench.answers = None
    run = await bench.carry_on(run.id)
    assert [q.kind for q in run.open_questions] == ["reconcile"]
    assert len(office.keys) == 1


async def test_an_effect_that_certainly_failed_is_made_again_with_its_key_when_the_run_is_resumed() -> None:
    office = Office(fails=[ToolFailed("The letter box is full.", "failed")])
    bench = bench_of(office, answers=None)
    run = await bench.run("r = o.blind(x=1)\nanswer(1)\n")
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id)) == 1
    assert len(office.keys) == 2
    assert len(set(office.keys)) == 1


async def test_equal_calls_have_keys_of_their_own_and_keep_them_over_a_resume() -> None:
    office = Office(fails=[ToolFailed("No.", "failed")])
    bench = bench_of(office)
    run = await bench.run("r = o.blind(x=1)\ns = o.blind(x=1)\nanswer(1)\n")
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    await bench.carry_on(run.id)
    first, second, third = office.keys
    assert first == second != third


# -- the journal and the act


class Slow(MemoryJournal):
    """A journal that says what was in it when something happened, and can be lost at a number of writes."""

    def __init__(self) -> None:
        super().__init__()
        self.lost_after: int | None = None
        self.writes = 0

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        self.writes += 1
        await asyncio.sleep(0)
        if self.lost_after is not None and self.writes > self.lost_after:
            raise LostOwnership("somebody else has the run")
        return await super().append(run, events, **more)


async def test_a_claim_is_in_the_journal_before_the_act() -> None:
    journal = Slow()
    seen: list[int] = []

    class Watched(Office):
        async def act(self, key: str) -> int | ToolFailed:
            seen.append(sum(isinstance(r.event, CallStarted) and r.event.key == key for r in await journal.read("run1")))
            return await super().act(key)

    await bench_of(Watched(), journal=journal).run("r = [o.again(x=i) for i in range(4)]\nanswer(1)\n")
    assert seen == [1, 1, 1, 1]


@pytest.mark.parametrize("verb", ["again", "blind"])
async def test_where_the_claims_cannot_be_written_no_effect_happens(verb: str) -> None:
    """All of them were noted at once and written by one: what fails for that one fails for all."""
    journal, office = Slow(), Office()
    bench = bench_of(office, journal=journal)
    run = await bench.submit(f"r = [o.{verb}(x=i) for i in range(4)]\nanswer(1)\n")
    epoch = await journal.take(run, "w")
    assert epoch is not None
    journal.lost_after = 1  # the segment's start, the plan and its certificate
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(LostOwnership):
            await bench.segments().advance(run, epoch, asyncio.Event())
    assert office.keys == []


# -- receipts


async def lost_with_a_result() -> tuple[Bench, Office, str]:
    """A run that was taken away while a read that costs was on its way; the read came back all the same."""
    journal, office = MemoryJournal(), Office(gate=asyncio.Event())
    bench = bench_of(office, journal=journal)
    run = await bench.submit("r = o.read(x=1)\nanswer(r)\n")
    epoch = await journal.take(run, "w")
    assert epoch is not None
    segment = asyncio.create_task(bench.segments().advance(run, epoch, asyncio.Event()))
    async with asyncio.timeout(BOUND_S):
        async for _ in journal.changes():
            if starts(await journal.read(run)):
                break
        await journal.take(run, "other", dead=["w"])
        assert office.gate is not None
        office.gate.set()
        with pytest.raises(LostOwnership):
            await segment
    return bench, office, run


async def carried_by_another(bench: Bench, run: str) -> Run:
    epoch = await bench.journal.take(run, "third", dead=["other"])
    assert epoch is not None
    await bench.segments(worker="third").advance(run, epoch, asyncio.Event())
    return await bench.state(run)


async def test_what_a_lost_owner_has_paid_for_is_adopted_by_the_next_one() -> None:
    bench, office, run = await lost_with_a_result()
    state = await carried_by_another(bench, run)
    assert answer_of(state) == 1
    assert len(office.keys) == 1
    assert state.usage.usd == 0.5
    finished = state.call("r").finished
    assert finished is not None
    assert finished.how == "receipt"


async def test_a_receipt_that_comes_too_late_counts_what_it_cost_once() -> None:
    bench, _, run = await lost_with_a_result()
    late = CallFinished(step="q", value=7, usage=Usage(usd=2.0))
    journal = bench.journal
    epoch = await journal.take(run, "third", dead=["other"])
    await journal.append(run, [late.model_copy(update={"usage": Usage()})], epoch=epoch)
    await journal.keep_receipt(run, Receipt(key="q:", finished=late))
    assert epoch is not None
    await bench.segments(worker="third").advance(run, epoch, asyncio.Event())
    state = await bench.state(run)
    assert state.usage.usd == 2.5
    await journal.append(run, [RunResumed(by="ann")], epoch=None, status="queued")
    epoch = await journal.take(run, "third")
    assert epoch is not None
    await bench.segments(worker="third").advance(run, epoch, asyncio.Event())
    assert (await bench.state(run)).usage.usd == 2.5


async def test_an_ended_run_is_what_its_journal_says_whoever_folds_it() -> None:
    bench = bench_of(Office())
    run = await bench.run("r = [o.again(x=i) for i in range(3)]\nanswer(len(r))\n")
    events = await bench.events(run.id)
    halves = fold(fold(Run(run.id), events[:7]), events[7:])
    assert halves == fold(Run(run.id), events)
    assert run.now == NOW
