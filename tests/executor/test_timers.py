"""wait, poll and first: what they hold back, when they call, how they end; on a clock that stands until somebody sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from bench import NOW, PLENTY, Bench, answer_of, surprise_of
from pydantic import BaseModel

from executor.events import CallFailed, CallStarted, CancelRequested, Recorded, RunEnded, RunResumed, TimerStarted
from executor.run import Run
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json


@dataclass
class Hands:
    """A clock that goes on only when somebody sleeps."""

    now: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    @property
    def passed(self) -> float:
        return (self.now - NOW).total_seconds()


class Job(BaseModel):
    done: bool
    n: int = 0


Answer = Json | ToolFailed


class Desk:
    """Tools that note when they are called, and give what the test says, the last of it for good."""

    def __init__(self, hands: Hands, **gives: Sequence[Answer]) -> None:
        self.hands = hands
        self.gives = {name: list(answers) for name, answers in gives.items()}
        self.calls: list[tuple[str, Json, float]] = []
        self.keys: list[str] = []

    def _next(self, name: str, x: Json, context: ToolContext) -> Any:
        self.calls.append((name, x, self.hands.passed))
        self.keys.append(context.key)
        answers = self.gives.get(name, [x])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @tool(effect="read", retries=0)
    async def status(self, context: ToolContext, x: int = 0) -> Job | ToolFailed:
        """How far a job is."""
        return self._next("status", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read")
    async def look(self, context: ToolContext, x: int = 0) -> int:
        """Look."""
        return self._next("look", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="read", open_world=True)
    async def fetch(self, context: ToolContext, x: int = 0) -> int:
        """Look outside."""
        return self._next("fetch", x, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="irreversible")
    async def page(self, to: str, context: ToolContext) -> Job | ToolFailed:
        """Page somebody."""
        return self._next("page", to, context)  # type: ignore[no-any-return]  # the schema checks it

    @tool(effect="irreversible", timeout_s=60)
    async def ring(self, to: str, context: ToolContext) -> Job:
        """Ring somebody; only bob picks up."""
        self._next("ring", to, context)
        if to != "bob":
            await asyncio.Event().wait()
        return Job(done=True)

    @tool(effect="write")
    async def put(self, x: int, context: ToolContext) -> int:
        """An effect."""
        return self._next("put", x, context)  # type: ignore[no-any-return]  # the schema checks it


def desk(**gives: Sequence[Answer]) -> tuple[Bench, Desk, Hands]:
    hands = Hands()
    tools = Desk(hands, **gives)
    return Bench(Toolset.of("d", tools), now=hands, sleep=hands.sleep), tools, hands


NOT_YET: Answer = {"done": False, "n": 0}
DONE: Answer = {"done": True, "n": 1}
BUSY = ToolFailed("busy", "transient")


async def run(script: str, **gives: Sequence[Answer]) -> tuple[Run, Desk, list[Recorded]]:
    bench, tools, _ = desk(**gives)
    end = await bench.run(script)
    return end, tools, await bench.events(end.id)


# -- wait


async def test_a_wait_holds_back_everything_after_it_and_begins_when_everything_before_it_is_done() -> None:
    script = 'd.put(x=1)\nwait("10m")\na = d.look(x=2)\nb = d.fetch(x=3)\nd.put(x=4)\nwait(90)\nd.put(x=5)\nanswer(a + b)\n'
    end, tools, _ = await run(script)
    assert answer_of(end) == 5
    assert sorted(tools.calls, key=lambda c: (c[2], c[0])) == [
        ("put", 1, 0.0), ("fetch", 3, 600.0), ("look", 2, 600.0), ("put", 4, 600.0), ("put", 5, 690.0)
    ]  # fmt: skip


async def test_the_due_time_stands_in_the_event_so_that_nobody_starts_the_wait_anew() -> None:
    bench, tools, hands = desk()
    end = await bench.run('wait("2h")\nd.put(x=1)\nanswer(1)\n')
    events = await bench.events(end.id)
    (started,) = [r.event for r in events if isinstance(r.event, TimerStarted)]
    assert started == TimerStarted(step="wait", due=NOW + timedelta(hours=2))
    upto = next(i for i, r in enumerate(events) if isinstance(r.event, TimerStarted)) + 1
    hands.now = NOW + timedelta(minutes=119)
    assert answer_of(await bench.carry_on(await bench.restore(events[:upto]))) == 1
    assert hands.slept[-1] == 60.0
    assert [c[2] for c in tools.calls] == [7_200.0, 7_200.0]
    assert [r.event.due for r in await bench.events("run1") if isinstance(r.event, TimerStarted)] == [started.due]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"90s"', 90), ('f"{d.look(x=3)}m"', 180), ("d.look(x=7) * 2", 14), ("d.look(x=0)", 0),
        ('until="2026-11-22T10:30:00+00:00"', 3_600), ('until="2026-11-22T09:00"', 0),
    ],
)  # fmt: skip
async def test_a_length_of_time_may_be_worked_out(written: str, seconds: float) -> None:
    end, tools, _ = await run(f"wait({written})\nd.put(x=1)\nanswer(1)\n")
    assert answer_of(end) == 1
    assert tools.calls[-1] == ("put", 1, seconds)


@pytest.mark.parametrize("written", ["d.look(x=3) - 9", 'f"{d.look(x=3)} moons"', "until=str(d.look(x=3))"])
async def test_what_is_no_length_of_time_is_a_surprise(written: str) -> None:
    end, tools, _ = await run(f"wait({written})\nd.put(x=1)\nanswer(1)\n")
    assert surprise_of(end) == ("wait", "expression")
    assert [c[0] for c in tools.calls] == ["look"]


async def test_a_wait_under_an_if_that_is_false_is_skipped() -> None:
    end, tools, _ = await run('if d.look(x=0) > 0:\n    wait("10m")\nd.put(x=1)\nanswer(1)\n')
    assert answer_of(end) == 1
    assert tools.calls[-1] == ("put", 1, 0.0)


async def test_other_steps_go_on_while_a_wait_lasts_and_an_answer_from_a_person_is_taken() -> None:
    bench, tools, hands = desk()
    end = await bench.run('n = ask_user("how many?", returns=int)\nwait("10m")\nd.put(x=n)\nanswer(n)\n')
    assert answer_of(end) is True
    assert tools.calls == [("put", True, 600.0)]
    assert hands.slept == [600.0]


# -- poll


async def test_a_poll_calls_at_once_and_then_again_until_it_is_so() -> None:
    script = 'job = poll(d.status(x=7), until=job.done, every="30s", timeout="1h")\nd.put(x=job.n)\nanswer(job.n)\n'
    end, tools, events = await run(script, status=[NOT_YET, NOT_YET, DONE])
    assert answer_of(end) == 1
    assert tools.calls == [("status", 7, 0.0), ("status", 7, 30.0), ("status", 7, 60.0), ("put", 1, 60.0)]
    assert len(set(tools.keys)) == 4
    assert end.tool_calls == 4
    dues = [(r.event.item, (r.event.due - NOW).total_seconds()) for r in events if isinstance(r.event, TimerStarted)]
    assert dues == [("", 3_600.0), ("1", 30.0), ("2", 60.0)]


async def test_a_poll_looks_a_last_time_when_its_time_is_up_and_then_fails() -> None:
    script = 'job = poll(d.status(), until=job.done, every="40m", timeout="1h")\nd.put(x=1)\nanswer(1)\n'
    end, tools, events = await run(script, status=[NOT_YET])
    assert surprise_of(end) == ("job", "failed")
    assert [c[2] for c in tools.calls] == [0.0, 2_400.0, 3_600.0]
    (failed,) = [r.event for r in events if isinstance(r.event, CallFailed)]
    assert (failed.item, failed.kind) == ("", "timeout")
    assert failed.message == "`until` was not so within 1h, in 3 calls of d.status."


async def test_a_poll_whose_time_is_up_takes_its_otherwise() -> None:
    script = 'job = poll(d.status(), until=lambda r: r.done, every="1m", timeout="2m", otherwise={"n": 9})\nanswer(job.n)\n'
    end, tools, _ = await run(script, status=[NOT_YET])
    assert answer_of(end) == 9
    assert [c[2] for c in tools.calls] == [0.0, 60.0, 120.0]
    finished = end.call("job").finished
    assert finished is not None
    assert (finished.how, finished.reason[:8]) == ("otherwise", "timeout:")


async def test_a_transient_failure_is_a_miss_and_any_other_one_is_the_polls_own() -> None:
    script = 'job = poll(d.status(), until=job.done, every="1m", timeout="5m")\nanswer(job.n)\n'
    end, tools, _ = await run(script, status=[BUSY, NOT_YET, BUSY, DONE])
    assert answer_of(end) == 1
    assert [c[2] for c in tools.calls] == [0.0, 60.0, 120.0, 180.0]
    end, tools, _ = await run(script, status=[NOT_YET, ToolFailed("gone")])
    assert surprise_of(end) == ("job", "failed")
    assert len(tools.calls) == 2


async def test_a_poll_within_an_expression_and_under_an_if_polls() -> None:
    script = "if d.look(x=1) == 1:\n    n = poll(d.status(), until=lambda r: r.done).n + 1\nelse:\n    n = 0\nanswer(n)\n"
    end, tools, _ = await run(script, status=[NOT_YET, DONE])
    assert answer_of(end) == 2
    assert [c[2] for c in tools.calls] == [0.0, 0.0, 30.0]


async def test_an_until_without_a_value_is_a_surprise() -> None:
    end, _, _ = await run("n = poll(d.look(), until=[1][n] == 1)\nanswer(n)\n", look=[5])
    assert surprise_of(end) == ("n", "expression")


async def test_each_call_of_a_poll_counts_against_the_ceilings() -> None:
    bench, tools, _ = desk(status=[NOT_YET])
    script = 'job = poll(d.status(), until=job.done, every="10m", timeout="1h")\nanswer(1)\n'
    refused = await bench.run(script, budget=PLENTY.model_copy(update={"calls": 6}))
    assert refused.certified is None
    assert tools.calls == []
    end = await bench.run(script, budget=PLENTY.model_copy(update={"calls": 7}))
    assert end.certified is not None
    assert end.certified.certificate.worst_case.calls == end.tool_calls == end.calls_of["job"] == len(tools.calls) == 7


async def test_a_poll_of_a_run_that_is_resumed_after_its_time_was_up_begins_again() -> None:
    bench, tools, hands = desk(status=[NOT_YET, NOT_YET, NOT_YET, NOT_YET, DONE])
    end = await bench.run('job = poll(d.status(), until=job.done, every="1m", timeout="2m")\nanswer(job.n)\n')
    assert end.status == "failed"
    hands.now += timedelta(days=9)
    await bench.journal.append(end.id, [RunResumed(by="ann")], epoch=None, status="queued", only_if=["failed"])
    resumed = await bench.carry_on(end.id)
    assert answer_of(resumed) == 1
    assert len(tools.calls) == len(set(tools.keys)) == 5
    assert tools.calls[-1][2] - tools.calls[-2][2] == 60.0


# -- first

PEOPLE = '["ann", "bob", "cy"]'


async def test_first_calls_one_after_the_other_until_one_satisfies() -> None:
    script = f"ok = first([d.page(to=p) for p in {PEOPLE} if p != 'cy'], until=ok.done)\nd.put(x=ok.n)\nanswer(ok)\n"
    end, tools, events = await run(script, page=[NOT_YET, DONE])
    assert answer_of(end) == DONE
    assert [c[:2] for c in tools.calls] == [("page", "ann"), ("page", "bob"), ("put", 1)]
    claims = [r.event.item for r in events if isinstance(r.event, CallStarted) and r.event.claim and r.event.step == "ok"]
    assert claims == ["0", "1"]


async def test_first_passes_over_who_fails_and_who_takes_too_long() -> None:
    script = f'ok = first([d.ring(to=p) for p in {PEOPLE}], until=ok.done, each_within="20ms")\nanswer(ok.done)\n'
    end, tools, _ = await run(script)
    assert answer_of(end) is True
    assert [c[1] for c in tools.calls] == ["ann", "bob"]
    failed = end.call("ok", "0").failed
    assert failed is not None
    assert failed.kind == "timeout"
    end, tools, _ = await run(f"ok = first([d.page(to=p) for p in {PEOPLE}], until=ok.done)\nanswer(ok.n)\n",
                              page=[ToolFailed("off"), DONE])  # fmt: skip
    assert answer_of(end) == 1


async def test_first_fails_or_takes_its_otherwise_where_nobody_satisfies() -> None:
    script = f"ok = first([d.page(to=p) for p in {PEOPLE}], until=lambda r: r.done)\nd.put(x=1)\nanswer(ok.n)\n"
    end, tools, _ = await run(script, page=[NOT_YET])
    assert surprise_of(end) == ("ok", "failed")
    assert end.surprises[-1].message == "None of 3 satisfied `until`."
    assert len(tools.calls) == 3
    end, tools, _ = await run(script.replace("r.done)", 'r.done, otherwise={"n": 0})'), page=[NOT_YET])
    assert answer_of(end) == 0
    assert [c[0] for c in tools.calls] == ["page", "page", "page", "put"]


async def test_first_over_an_empty_list_has_nothing_that_satisfies() -> None:
    end, _, _ = await run("ok = first([d.page(to=p) for p in []], until=ok.done, otherwise=5)\nanswer(ok)\n")
    assert answer_of(end) == 5


async def test_first_is_one_value_that_a_map_may_use_and_one_effect_that_later_ones_wait_for() -> None:
    script = (
        f"ok = first([d.page(to=p) for p in {PEOPLE}], until=ok.done)\nxs = [d.put(x=ok.n + i) for i in range(2)]\nanswer(xs)\n"
    )
    end, tools, _ = await run(script, page=[NOT_YET, DONE])
    assert answer_of(end) == [1, 2]
    assert [c[0] for c in tools.calls] == ["page", "page", "put", "put"]


async def test_first_with_more_elements_than_it_may_have_calls_nobody() -> None:
    bench, tools, _ = desk(page=[NOT_YET], look=[9])
    script = "ok = first([d.page(to=str(p)) for p in range(d.look())], until=ok.done, otherwise=1)\nanswer(1)\n"
    end = await bench.run(script, budget=PLENTY.model_copy(update={"fan_out": 4}))
    assert end.status == "failed"
    assert "more than 4 elements" in end.surprises[-1].message
    assert [c[0] for c in tools.calls] == ["look"]


async def test_an_effect_of_first_of_which_nobody_knows_the_result_is_passed_over() -> None:
    """The crash came after ann was paged; a person says that it happened; bob is paged and nobody twice."""
    bench, tools, _ = desk(page=[DONE])
    end = await bench.run(f"ok = first([d.page(to=p) for p in {PEOPLE}], until=ok.done)\nanswer(ok.n)\n")
    events = await bench.events(end.id)
    upto = next(i for i, r in enumerate(events) if isinstance(r.event, CallStarted)) + 1
    resumed = await bench.carry_on(await bench.restore(events[:upto]))
    assert answer_of(resumed) == 1
    assert [c[1] for c in tools.calls] == ["ann", "bob"]
    assert list(resumed.answers) == ["reconcile:ok:0"]


async def test_a_run_that_fails_anyway_waits_for_no_timer() -> None:
    end, tools, events = await run('wait("3d")\nd.put(x=1)\nn = [1][len("abcde")]\nanswer(n)\n')
    assert end.status == "failed"
    assert isinstance(events[-1].event, RunEnded)
    assert tools.hands.slept == []


async def test_a_cancel_ends_a_wait() -> None:
    bench, _, _ = desk()
    held = asyncio.Event()

    async def sleep(seconds: float) -> None:
        held.set()
        await asyncio.Event().wait()

    bench.sleep = sleep
    run_id = await bench.submit('wait("1s")\nanswer(1)\n')  # so short that the run does not park
    epoch = await bench.journal.take(run_id, "w")
    assert epoch is not None
    nudge = asyncio.Event()
    segment = asyncio.create_task(bench.segments().advance(run_id, epoch, nudge))
    async with asyncio.timeout(20):
        await held.wait()
        await bench.journal.append(run_id, [CancelRequested(by="ann")], epoch=None)
        nudge.set()
        await segment
    assert (await bench.state(run_id)).status == "cancelled"


async def test_a_run_that_only_waits_parks_until_the_clock_wakes_it() -> None:
    bench, tools, hands = desk()
    bench.answers = None
    run_id = await bench.submit('wait("3d")\nx = d.put(x=1)\nanswer(x)\n')
    await bench.segment(run_id)
    record = await bench.journal.get(run_id)
    assert record is not None
    assert (record.status, record.owner, record.wake_at) == ("waiting", None, NOW + timedelta(days=3))
    assert (tools.calls, hands.passed) == ([], 0.0)
    assert answer_of(await bench.carry_on(run_id)) == 1
    assert tools.calls == [("put", 1, 3 * 86_400.0)]
