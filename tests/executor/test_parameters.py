"""Parameters: what a playbook has to be told is asked for before there is a plan; no crash loses or repeats the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from bench import Bench, Clockwork, answer_of

from executor.events import (
    CallFinished,
    Event,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionReminded,
    RunParked,
    RunResumed,
)
from executor.journal.memory import MemoryJournal
from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset
from planner.labels import Labels, Origin
from planner.playbook import Playbooks, parse_playbook

LEADS = """\
---
params: {city: str, limit: int, open: bool = False}
---
answer(t.find(city=city, n=limit))
"""
BOTH = {"city": "Austin", "limit": 2}


@tool(effect="read")
async def find(city: str, n: int) -> list[str]:
    """So many leads there."""
    return [f"{city} {i}" for i in range(n)]


def bench_of(text: str = LEADS, journal: MemoryJournal | None = None, **more: Any) -> Bench:
    books = Playbooks([parse_playbook("leads", text)])
    return Bench(Toolset.of("t", [find]), playbooks=books, journal=journal or MemoryJournal(), **{"answers": None, **more})


def told(question: Question, value: Any, **more: Any) -> QuestionAnswered:
    return QuestionAnswered(**{"question": question.id, "answer": value, "by": "ann", **more})


async def of_kind(bench: Bench, run: Run, kind: type[Event]) -> list[Event]:
    return [r.event for r in await bench.events(run.id) if isinstance(r.event, kind)]


async def test_what_a_playbook_lacks_is_asked_in_one_question_and_the_run_goes_on_with_the_answer() -> None:
    bench = bench_of()
    run = await bench.run(playbook="leads")
    assert (run.status, run.certified) == ("waiting", None)
    (question,) = run.open_questions
    assert (question.id, question.of, question.kind) == ("@params", "$params", "ask_user")
    assert question.text == "The playbook leads needs city (str), limit (int)."
    assert list(question.answer_schema["properties"]) == question.answer_schema["required"] == ["city", "limit"]
    await bench.answer(run.id, told(question, BOTH))
    ended = await bench.carry_on(run.id)
    assert answer_of(ended) == ["Austin 0", "Austin 1"]
    assert ended.certified is not None
    assert ended.certified.params == {**BOTH, "open": False}


async def test_only_what_is_lacking_is_asked_for_and_what_does_not_fit_is_asked_again() -> None:
    bench = bench_of()
    run = await bench.run(playbook="leads", params={"city": "Austin", "limit": "many"})
    (question,) = run.open_questions
    assert list(question.answer_schema["properties"]) == ["limit"]
    assert "limit does not fit: 'many' is not of type 'integer'." in question.text
    await bench.answer(run.id, told(question, {"limit": 1}))
    assert answer_of(await bench.carry_on(run.id)) == ["Austin 0"]


async def test_what_the_playbook_has_come_to_need_meanwhile_is_asked_then() -> None:
    bench = bench_of()
    run = await bench.run(playbook="leads")
    await bench.answer(run.id, told(run.open_questions[0], BOTH))
    bench.playbooks = Playbooks([parse_playbook("leads", LEADS.replace("open: bool = False", "state: str"))])
    run = await bench.carry_on(run.id)
    (question,) = run.open_questions
    assert (question.id, question.answer_schema["required"]) == ("@params:2", ["state"])
    await bench.answer(run.id, told(question, {"state": "TX"}))
    assert answer_of(await bench.carry_on(run.id)) == ["Austin 0", "Austin 1"]


@pytest.mark.parametrize(("kind", "origin"), [("user", Origin("person", True)), ("agent", Origin("agent", True))])
async def test_a_value_has_the_label_of_who_said_it(kind: str, origin: Origin) -> None:
    bench = bench_of(LEADS.replace("t.find(city=city, n=limit)", "city"))
    run = await bench.run(playbook="leads", params={"limit": 1})
    await bench.answer(run.id, told(run.open_questions[0], {"city": "Austin"}, kind=kind))
    ended = await bench.carry_on(run.id)
    (answered,) = [e for e in await of_kind(bench, ended, CallFinished) if isinstance(e, CallFinished)]
    assert Labels.from_json(answered.labels).whole().data == frozenset((origin,))


async def test_whoever_refuses_ends_the_run_and_a_resume_asks_again() -> None:
    bench = bench_of()
    run = await bench.run(playbook="leads")
    await bench.answer(run.id, told(run.open_questions[0], None, refused=True))
    ended = await bench.carry_on(run.id)
    assert ended.ended is not None
    assert ended.ended.reason == "leads needs city: str, limit: int. ann would not say."
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued", only_if=["failed"])
    resumed = await bench.carry_on(run.id)
    assert [q.id for q in resumed.open_questions] == ["@params"]
    await bench.answer(run.id, told(resumed.open_questions[0], BOTH))
    assert answer_of(await bench.carry_on(run.id)) == ["Austin 0", "Austin 1"]


async def test_reminders_and_the_end_of_its_time_come_as_with_any_question() -> None:
    clock = Clockwork()
    bench = bench_of(journal=MemoryJournal(clock=clock), now=clock, question_timeout_s=3_600)
    run = await bench.run(playbook="leads")
    (question,) = run.open_questions
    assert run.wake_at == question.expires_at
    clock.now += timedelta(hours=2)
    await bench.journal.append(run.id, [], epoch=None, status="queued", only_if=["waiting"])
    ended = await bench.carry_on(run.id)
    assert ended.ended is not None
    assert ended.ended.reason.endswith("Nobody said so in time.")
    assert await of_kind(bench, run, QuestionReminded) == []


async def test_a_run_goes_on_from_every_prefix_of_its_journal_and_asks_once() -> None:
    bench = bench_of(answers=lambda q: told(q, BOTH))
    end = await bench.run(playbook="leads")
    events = await bench.events(end.id)
    assert {"question_asked", "run_parked", "question_answered"} <= {r.event.type for r in events}
    for length in range(1, len(events) + 1):
        again = bench_of(answers=lambda q: told(q, BOTH))
        resumed = await again.carry_on(await again.restore(events[:length]))
        assert answer_of(resumed) == ["Austin 0", "Austin 1"]
        assert len(await of_kind(again, resumed, QuestionAsked)) == 1


class Overtaken(MemoryJournal):
    """A journal into which something comes just before a run parks: once."""

    def __init__(self, came: Event) -> None:
        super().__init__()
        self.came: list[Event] = [came]

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        if any(isinstance(e, RunParked) for e in events) and self.came:
            await super().append(run, [self.came.pop()], epoch=None)
        return await super().append(run, events, **more)


async def test_an_answer_that_comes_just_before_the_run_parks_is_heard() -> None:
    journal = Overtaken(QuestionAnswered(question="@params", answer=BOTH, by="ann"))
    bench = bench_of(journal=journal)
    run = await bench.submit(playbook="leads")
    await bench.segment(run)
    ended = await bench.state(run)
    assert answer_of(ended) == ["Austin 0", "Austin 1"]
    assert await of_kind(bench, ended, RunParked) == []


async def test_of_two_questions_the_second_parks_after_the_first_was_answered_at_the_last_moment() -> None:
    journal = Overtaken(QuestionAnswered(question="@params", answer={"city": "Austin", "limit": "no number"}, by="ann"))
    bench = bench_of(journal=journal)
    run = await bench.submit(playbook="leads")
    async with asyncio.timeout(10):
        await bench.segment(run)
    state = await bench.state(run)
    assert (state.status, [q.id for q in state.open_questions]) == ("waiting", ["@params:2"])
