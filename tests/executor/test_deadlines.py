"""Deadlines of questions: reminders, time-outs, and that a question ends once and wakes its run once, whoever races."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from bench import BOUND_S, Bench, Clockwork, answer_of, surprise_of

from executor.artifacts import MemoryArtifacts
from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers
from executor.errors import NotAnswerable
from executor.events import (
    CallStarted,
    Event,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    QuestionReminded,
    RunParked,
    RunResumed,
    SegmentStarted,
)
from executor.journal.memory import MemoryJournal
from executor.run import Run, is_over
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.errors import CompileError
from planrail.runs import Runs

E = TypeVar("E")
ANN = Principal(id="local")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ASKS = 'n = ask_user("How many?", returns=int, timeout="2h", otherwise=0)\nanswer(n)\n'


class Post:
    """Letters that go out, and a read that lasts until it is let go."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    @tool(effect="irreversible")
    async def send(self, to: str) -> str:
        """Send a letter."""
        self.sent.append(to)
        return to

    @tool(effect="read")
    async def slow(self) -> int:
        """A number, in the end."""
        self.begun.set()
        await self.go.wait()
        return 7


def bench_of(post: Post | None = None, journal: type[MemoryJournal] = MemoryJournal, **more: Any) -> Bench:
    """A bench whose journal, engine and service go by one clock."""
    clock = Clockwork()
    return Bench(Toolset.of("p", post or Post()), answers=None, now=clock, journal=journal(clock=clock), **more)


def service_of(bench: Bench) -> Runs:
    ids = (f"run-{n}" for n in itertools.count())
    return Runs(bench.journal, artifacts=MemoryArtifacts(), planning=bench.planning, now=bench.now, new_id=lambda: next(ids))


def clock_of(bench: Bench) -> Clockwork:
    assert isinstance(bench.now, Clockwork)
    return bench.now


async def wake_at_of(bench: Bench, run: str) -> datetime | None:
    record = await bench.journal.get(run)
    assert record is not None
    return record.wake_at


async def woken(bench: Bench, run: str) -> Run:
    """The run, after the time came for which it is parked."""
    at = await wake_at_of(bench, run)
    assert at is not None
    clock_of(bench).now = max(clock_of(bench).now, at)
    await bench.journal.append(run, [], epoch=None, status="queued", only_if=["waiting"])
    return await bench.carry_on(run)


async def events_of(bench: Bench, run: str, kind: type[E]) -> list[E]:
    return [r.event for r in await bench.events(run) if isinstance(r.event, kind)]


async def test_a_run_that_asks_parks_until_the_questions_time_is_over() -> None:
    bench = bench_of()
    run = await bench.run(ASKS)
    (question,) = run.open_questions
    assert question.asked_at is not None
    assert question.expires_at == question.asked_at + 2 * HOUR
    assert run.wake_at == await wake_at_of(bench, run.id) == question.expires_at
    assert (await events_of(bench, run.id, RunParked))[-1].until == question.expires_at


async def test_a_question_that_nobody_answers_in_time_takes_its_otherwise() -> None:
    bench = bench_of()
    run = await woken(bench, (await bench.run(ASKS)).id)
    assert answer_of(run) == 0
    finished = run.call("n").finished
    assert finished is not None
    assert finished.reason == "Nobody answered in time."
    assert run.open_questions == []
    assert len(await events_of(bench, run.id, QuestionExpired)) == 1


async def test_a_question_without_otherwise_ends_the_run_when_its_time_is_over() -> None:
    bench = bench_of()
    run = await woken(bench, (await bench.run('n = ask_user("How many?", timeout="2h")\nanswer(n)\n')).id)
    assert surprise_of(run) == ("n", "refused")
    assert run.ended is not None
    assert "nobody answered in time: How many?" in run.ended.reason


@pytest.mark.parametrize("otherwise", ["", ", otherwise=False"])
async def test_an_approval_that_nobody_gives_in_time_is_refused(otherwise: str) -> None:
    post = Post()
    bench = bench_of(post)
    lines = f'ok = approve("send?", timeout="30m"{otherwise})\nif ok:\n    p.send(to="a@x.example")\nanswer(ok)\n'
    run = await woken(bench, (await bench.run(lines)).id)
    assert post.sent == []
    if otherwise:
        assert answer_of(run) is False
    else:
        assert surprise_of(run) == ("ok", "refused")


async def test_a_run_that_is_woken_too_early_parks_again_for_the_same_time() -> None:
    bench = bench_of()
    run = await bench.run(ASKS)
    before = await wake_at_of(bench, run.id)
    await bench.journal.append(run.id, [], epoch=None, status="queued", only_if=["waiting"])
    run = await bench.carry_on(run.id)
    assert run.status == "waiting"
    assert await wake_at_of(bench, run.id) == before


async def test_an_answer_in_time_is_taken_and_nothing_expires() -> None:
    bench = bench_of()
    run = await bench.run(ASKS)
    await bench.answer(run.id, QuestionAnswered(question="n", answer=3, by="ann"))
    assert await wake_at_of(bench, run.id) is None
    clock_of(bench).now += 3 * HOUR
    assert answer_of(await bench.carry_on(run.id)) == 3
    assert await events_of(bench, run.id, QuestionExpired) == []


async def test_whoever_answers_too_late_is_told_so() -> None:
    bench = bench_of()
    run = await bench.run(ASKS)
    runs = service_of(bench)
    clock_of(bench).now += 2 * HOUR
    with pytest.raises(NotAnswerable, match=r"n has expired at 2026-11-22 11:30:00 UTC"):  # nobody has closed it yet
        await runs.answer(run.id, ANN, 3)
    run = await woken(bench, run.id)
    for named in ("n", None):
        with pytest.raises(NotAnswerable, match="expired" if named else "0 open questions"):
            await runs.answer(run.id, ANN, 3, question=named)
    assert answer_of(run) == 0


async def test_a_question_ends_in_time_while_other_calls_are_in_flight() -> None:
    post = Post()
    bench = bench_of(post, sleep=asyncio.sleep)
    run = await bench.submit('n = ask_user("How many?", timeout="2h", otherwise="0")\nm = p.slow()\nanswer([n, m])\n')
    async with asyncio.timeout(BOUND_S):
        segment = asyncio.create_task(bench.segment(run))
        await post.begun.wait()
        async for _ in bench.journal.changes():
            if await events_of(bench, run, CallStarted):
                break
        for _ in range(50):  # turns of the loop: the scheduler waits by now
            await asyncio.sleep(0)
        clock_of(bench).now += 3 * HOUR  # it is set while the run goes
        async for _ in bench.journal.changes():
            if await events_of(bench, run, QuestionExpired):
                break
        post.go.set()
        await segment
    assert answer_of(await bench.state(run)) == ["0", 7]


async def test_a_time_out_of_a_moment_is_waited_for_without_parking() -> None:
    bench = bench_of()
    run = await bench.run('n = ask_user("Now?", timeout="1s", otherwise="no")\nanswer(n)\n')
    assert answer_of(run) == "no"
    assert await events_of(bench, run.id, RunParked) == []


async def test_questions_that_say_nothing_have_the_houses_time_out() -> None:
    bench = bench_of()
    run = await bench.submit('a = ask_user("A?")\nb = ask_user("B?", timeout="1h")\nanswer(a + b)\n')
    epoch = await bench.journal.take(run, "w")
    assert epoch is not None
    segments = bench.segments()
    object.__setattr__(segments, "question_timeout_s", 600.0)
    await segments.advance(run, epoch, asyncio.Event())
    a, b = (await bench.state(run)).open_questions
    assert a.asked_at is not None
    assert b.asked_at is not None
    assert (a.expires_at, b.expires_at) == (a.asked_at + 10 * MINUTE, b.asked_at + HOUR)


async def test_reminders_come_after_ever_longer_times_and_ten_at_most() -> None:
    bench = bench_of()
    run = await bench.run('n = ask_user("How many?", remind="30m")\nanswer(n)\n')
    asked = run.open_questions[0].asked_at
    assert asked is not None
    times: list[timedelta] = []
    while (at := await wake_at_of(bench, run.id)) is not None:
        times.append(at - asked)
        run = await woken(bench, run.id)
    assert times == [30 * MINUTE * (2**n - 1) for n in range(1, 11)]
    told = await events_of(bench, run.id, QuestionReminded)
    assert told == [QuestionReminded(question="n", number=n) for n in range(1, 11)]
    assert (run.status, run.reminders) == ("waiting", {"n": 10})
    await bench.answer(run.id, QuestionAnswered(question="n", answer="3", by="ann"))
    assert answer_of(await bench.carry_on(run.id)) == "3"


async def test_reminders_that_were_missed_are_told_once() -> None:
    bench = bench_of()
    run = await bench.run('n = ask_user("How many?", remind="30m", timeout="9h", otherwise="")\nanswer(n)\n')
    clock_of(bench).now += 4 * HOUR
    run = await woken(bench, run.id)
    assert await events_of(bench, run.id, QuestionReminded) == [QuestionReminded(question="n", number=3)]
    asked = run.open_questions[0].asked_at
    assert asked is not None
    assert await wake_at_of(bench, run.id) == asked + 15 * 30 * MINUTE
    await woken(bench, run.id)
    assert answer_of(await woken(bench, run.id)) == ""  # no reminder after its end


async def test_a_resumed_runs_question_has_the_time_that_it_had_left() -> None:
    bench = bench_of()
    run = await bench.run(ASKS)
    runs = service_of(bench)
    clock_of(bench).now += HOUR
    await runs.cancel(run.id, ANN)
    clock_of(bench).now += 24 * HOUR
    await runs.resume(run.id, ANN)
    run = await bench.carry_on(run.id)
    assert run.status == "waiting"
    at = await wake_at_of(bench, run.id)
    assert at is not None
    assert HOUR - MINUTE < at - clock_of(bench).now < HOUR
    await runs.answer(run.id, ANN, 3)
    assert answer_of(await bench.carry_on(run.id)) == 3


async def test_a_question_that_expired_is_asked_again_when_the_run_is_resumed() -> None:
    bench = bench_of()
    run = await woken(bench, (await bench.run('n = ask_user("How many?", timeout="2h")\nanswer(n)\n')).id)
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    run = await bench.carry_on(run.id)
    assert [q.id for q in run.open_questions] == ["n"]
    assert len(await events_of(bench, run.id, QuestionAsked)) == 2
    await bench.answer(run.id, QuestionAnswered(question="n", answer="3", by="ann"))
    assert answer_of(await bench.carry_on(run.id)) == "3"


@pytest.mark.parametrize("option", ['timeout="400d"', 'remind="400d"', 'timeout="soon"', 'remind="0s"', "timeout=None"])
def test_a_time_that_is_none_or_too_long_is_refused(option: str) -> None:
    with pytest.raises(CompileError):
        bench_of().program(f'n = ask_user("How many?", {option})\nanswer(n)\n')


# -- races


class Overtaken(MemoryJournal):
    """A journal where somebody acts just before a question expires: the owner has looked, and found nothing."""

    last_moment: Callable[[str], Awaitable[object]] | None = None

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        if any(isinstance(e, QuestionExpired) for e in events) and self.last_moment is not None:
            act, self.last_moment = self.last_moment, None
            await act(run)
        return await super().append(run, events, **more)


async def test_an_answer_that_comes_just_before_the_expiry_is_written_counts() -> None:
    bench = bench_of(journal=Overtaken)
    assert isinstance(bench.journal, Overtaken)

    async def answer(run: str) -> None:
        answered = QuestionAnswered(question="n", answer=3, by="ann")
        assert await bench.journal.append(run, [answered], epoch=None, only_if=["running"]) is not None

    run = await bench.run(ASKS)
    bench.journal.last_moment = answer
    run = await woken(bench, run.id)
    assert answer_of(run) == 3
    assert await events_of(bench, run.id, QuestionExpired) == []


@pytest.mark.parametrize("first", ["answer", "expiry"])
async def test_the_first_of_answer_and_expiry_in_the_journal_counts(first: str) -> None:
    bench = bench_of()
    run = (await bench.run(ASKS)).id
    ends: list[Event] = [QuestionAnswered(question="n", answer=3, by="ann"), QuestionExpired(question="n")]
    await bench.journal.append(run, ends if first == "answer" else ends[::-1], epoch=None, status="queued")
    state = await bench.state(run)
    assert (set(state.answers), state.expired) == (({"n"}, set()) if first == "answer" else (set(), {"n"}))
    assert answer_of(await bench.carry_on(run)) == (3 if first == "answer" else 0)


@pytest.mark.parametrize("seed", range(40))
async def test_whoever_races_each_question_ends_once_and_the_run_goes_on_once(seed: int) -> None:
    """Answers, the clock, a cancel with a resume, and workers that die, in an order drawn from the seed."""
    draw = random.Random(seed)
    bench = bench_of()
    clock, runs = clock_of(bench), service_of(bench)
    run = (await runs.submit(Submission(script=ASKS, budget=bench.budget))).id
    accepted: list[object] = []

    def engine(worker: str) -> LocalEngine:
        advance = bench.segments(worker=worker).advance
        return LocalEngine(bench.journal, advance, liveness=KnownWorkers("w", "w2"), worker=worker, now=bench.now)

    async def rests(*statuses: str) -> None:
        async for _ in bench.journal.changes():
            record = await bench.journal.get(run)
            if record is not None and record.status in statuses:
                return

    async def pause() -> None:
        for _ in range(draw.randrange(30)):
            await asyncio.sleep(0)

    async def answer(value: int) -> None:
        await pause()
        try:
            await runs.answer(run, ANN, value, question="n")
            accepted.append(value)
        except NotAnswerable:
            pass

    async def time_passes() -> None:
        await pause()
        clock.now += 2 * HOUR

    async def cancel_and_resume() -> None:
        await pause()
        await runs.cancel(run, ANN)
        await pause()
        record = await bench.journal.get(run)
        if record is not None and record.status == "cancelled":
            await runs.resume(run, ANN)

    async def worker_is_replaced(worker: LocalEngine) -> None:
        await pause()
        await worker.__aexit__(None, None, None)
        await pause()
        await worker.__aenter__()

    async with asyncio.timeout(BOUND_S), engine("w") as first, engine("w2"):
        await rests("waiting")
        acts = [answer(1), answer(2), time_passes(), worker_is_replaced(first)]
        acts += [cancel_and_resume()] if draw.random() < 0.5 else []
        draw.shuffle(acts)
        await asyncio.gather(*acts)
        await rests("waiting", "done")
        clock.now += 48 * HOUR
        await rests("done")

    state = await bench.state(run)
    assert is_over(state.status)
    expired = await events_of(bench, run, QuestionExpired)
    assert len(accepted) + len(expired) == 1
    assert answer_of(state) == (accepted[0] if accepted else 0)
    finished = [r for r in await bench.events(run) if r.event.type == "call_finished" and r.event.step == "n"]
    assert len(finished) == 1
    assert len(await events_of(bench, run, SegmentStarted)) <= 4
