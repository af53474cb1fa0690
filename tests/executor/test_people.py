"""People: approvals that hold effects back and show them, questions with typed answers, runs that wait for months."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bench import BOUND_S, Bench, answer_of, starts, surprise_of

from executor.artifacts import MemoryArtifacts
from executor.engine.local import LocalEngine
from executor.engine.port import KnownWorkers
from executor.errors import NotAnswerable
from executor.events import Event, Question, QuestionAnswered, RunEnded, RunParked, RunResumed
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.journal.sql import SqlJournal
from executor.run import Run
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.toolspec import Json
from planrail.runs import Runs

ANN = Principal(id="local")


class Post:
    """Reads, and letters that go out."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.read: list[str] = []

    @tool(effect="read")
    async def people(self, n: int = 2) -> list[dict[str, str]]:
        """People and their addresses."""
        self.read.append("people")
        return [{"name": f"P{i}", "to": f"p{i}@x.example"} for i in range(n)]

    @tool(effect="read")
    async def broken(self) -> str:
        """Fails."""
        raise ValueError("broken")

    @tool(effect="irreversible")
    async def send(self, to: str, body: str = "") -> str:
        """Send a letter."""
        self.sent.append(to)
        return to


def bench_of(post: Post, **more: Any) -> Bench:
    return Bench(Toolset.of("p", post), **{"answers": None, **more})


def answered(question: str, answer: Json = True, *, refused: bool = False) -> QuestionAnswered:
    return QuestionAnswered(question=question, answer=answer, refused=refused, by="ann")


MAILS = """\
before = p.send(to="first@x.example")
ps = p.people()
approve("send " + str(len(ps)) + " letters")
sent = [p.send(to=q.to, body="Hello " + q.name) for q in ps]
last = p.send(to="last@x.example", body=sent[0])
answer(len(sent))
"""


async def test_an_approval_shows_every_later_effect_with_its_arguments_and_no_earlier_one() -> None:
    run = await bench_of(Post()).run(MAILS)
    (question,) = run.open_questions
    assert question.text == "send 2 letters"
    assert question.answer_schema == {"type": "boolean"}
    assert question.shown == [
        {"step": "sent", "item": "0", "tool": "p.send", "arguments": {"to": "p0@x.example", "body": "Hello P0"}},
        {"step": "sent", "item": "1", "tool": "p.send", "arguments": {"to": "p1@x.example", "body": "Hello P1"}},
        {"tool": "p.send", "arguments": {"to": '"last@x.example"', "body": "sent[0]"}, "note": "not known yet"},
    ]


async def test_nothing_that_an_approval_covers_happens_before_it_is_given() -> None:
    post = Post()
    bench = bench_of(post)
    run = await bench.run(MAILS)
    assert run.status == "waiting"
    assert post.sent == ["first@x.example"]
    await bench.answer(run.id, answered("approve"))
    assert answer_of(await bench.carry_on(run.id)) == 2
    assert sorted(post.sent[1:3]) == ["p0@x.example", "p1@x.example"]
    assert post.sent[3:] == ["last@x.example"]


async def test_an_approval_is_asked_for_only_when_all_else_has_run() -> None:
    lines = 'approve("go on?")\nps = p.people(n=3)\nqs = p.people(n=1)\nsent = p.send(to=ps[0].to)\nanswer(sent)\n'
    bench = bench_of(Post())
    run = await bench.run(lines)
    kinds = [r.event.type for r in await bench.events(run.id)]
    assert kinds.count("call_finished") == 2
    assert kinds.index("question_asked") > max(i for i, k in enumerate(kinds) if k == "call_finished")


async def test_a_refused_approval_fails_the_run_and_nothing_it_covers_happens() -> None:
    post = Post()
    run = await bench_of(post, answers=lambda q: answered(q.id, False)).run(MAILS)
    assert surprise_of(run) == ("approve", "refused")
    assert run.ended is not None
    assert "ann refused: send 2 letters" in run.ended.reason
    assert post.sent == ["first@x.example"]


async def test_a_refused_approval_takes_its_otherwise() -> None:
    post = Post()
    lines = 'ok = approve("send?", otherwise=False)\nif ok:\n    p.send(to="a@x.example")\nanswer(ok)\n'
    assert answer_of(await bench_of(post, answers=lambda q: answered(q.id, False)).run(lines)) is False
    assert post.sent == []
    assert answer_of(await bench_of(post, answers=lambda q: answered(q.id, True)).run(lines)) is True
    assert post.sent == ["a@x.example"]


async def test_a_refused_approval_is_asked_for_again_when_the_run_is_resumed() -> None:
    post = Post()
    bench = bench_of(post, answers=lambda q: answered(q.id, False))
    run = await bench.run(MAILS)
    bench.answers = lambda q: answered(q.id, True)
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    assert answer_of(await bench.carry_on(run.id)) == 2
    assert post.sent.count("first@x.example") == 1


async def test_a_preapproved_run_asks_for_no_approval_of_its_script() -> None:
    post = Post()
    run = await bench_of(post).run(MAILS, preapproved=True)
    assert answer_of(run) == 2
    assert run.questions == {}


async def test_an_approval_in_a_branch_that_is_not_taken_is_not_asked_for() -> None:
    lines = 'n = len(p.people())\nif n > 10:\n    approve("many")\ns = p.send(to="a@x.example")\nanswer(s)\n'
    run = await bench_of(Post()).run(lines)
    assert answer_of(run) == "a@x.example"


async def test_nobody_is_asked_where_the_run_fails_anyway() -> None:
    run = await bench_of(Post()).run('approve("go on?")\nx = p.broken()\ns = p.send(to=x)\nanswer(s)\n')
    assert surprise_of(run) == ("x", "failed")
    assert run.questions == {}


# -- questions


async def test_a_persons_answer_has_its_type_and_its_origin() -> None:
    bench = bench_of(Post())
    run = await bench.run('n = ask_user("How many?", returns=int)\nanswer(n + 1)\n')
    (question,) = run.open_questions
    assert question.kind == "ask_user"
    assert question.answer_schema == {"type": "integer"}
    await bench.answer(run.id, answered("n", 41))
    run = await bench.carry_on(run.id)
    assert answer_of(run) == 42
    assert run.ended is not None
    assert ["person", True] in run.ended.answer_labels["origins"]


async def test_a_question_is_asked_at_once_while_the_rest_goes_on() -> None:
    post = Post()
    run = await bench_of(post).run('n = ask_user("How many?", returns=int)\nps = p.people()\nanswer([n, len(ps)])\n')
    assert post.read == ["people"]
    assert [q.id for q in run.open_questions] == ["n"]


@pytest.mark.parametrize("otherwise", ["", ", otherwise=0"])
async def test_who_will_not_answer_ends_the_run_or_brings_the_otherwise(otherwise: str) -> None:
    bench = bench_of(Post(), answers=lambda q: answered(q.id, None, refused=True))
    run = await bench.run(f'n = ask_user("How many?", returns=int{otherwise})\nanswer(n)\n')
    if otherwise:
        assert answer_of(run) == 0
    else:
        assert surprise_of(run) == ("n", "refused")


async def test_several_questions_are_open_at_once_and_answered_in_any_order() -> None:
    lines = 'a = ask_user("A?")\nb = ask_user("B?")\ncs = [ask_user("C" + q.name) for q in p.people()]\nanswer([a, b, cs])\n'
    bench = bench_of(Post())
    run = await bench.run(lines)
    assert sorted(q.id for q in run.open_questions) == ["a", "b", "cs:0", "cs:1"]
    for name in ("cs:1", "b", "a"):
        await bench.answer(run.id, answered(name, name))
        run = await bench.carry_on(run.id)
        assert run.status == "waiting"
    await bench.answer(run.id, answered("cs:0", "cs:0"))
    assert answer_of(await bench.carry_on(run.id)) == ["a", "b", ["cs:0", "cs:1"]]


async def test_the_first_answer_counts() -> None:
    bench = bench_of(Post())
    run = await bench.run('a = ask_user("A?")\nanswer(a)\n')
    await bench.answer(run.id, answered("a", "first"), answered("a", "second"))
    assert answer_of(await bench.carry_on(run.id)) == "first"


async def test_a_parked_run_is_held_by_nobody() -> None:
    bench = bench_of(Post())
    run = await bench.run(MAILS)
    record = await bench.journal.get(run.id)
    assert record is not None
    assert (record.status, record.owner) == ("waiting", None)
    assert isinstance((await bench.events(run.id))[-1].event, RunParked)
    assert await bench.journal.take(run.id, "w") is None


# -- through Runs


@asynccontextmanager
async def served(journal: Journal, bench: Bench) -> AsyncIterator[Runs]:
    """The service, with an engine that carries its runs on."""
    ids = (f"run-{n}" for n in itertools.count())
    runs = Runs(journal, artifacts=MemoryArtifacts(), planning=bench.planning, now=bench.now, new_id=lambda: next(ids))
    async with (
        asyncio.timeout(BOUND_S),
        LocalEngine(journal, bench.segments(journal).advance, liveness=KnownWorkers("w"), worker="w"),
    ):
        yield runs


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as opened:
            yield opened


async def until(runs: Runs, run: str, *kinds: str) -> Run:
    """Follow the run until an event of one of these kinds."""
    async for recorded in runs.events(run, ANN):
        if recorded.event.type in kinds:
            break
    return await runs.get(run, ANN)


async def ended(runs: Runs, run: str) -> Run:
    async for _ in runs.events(run, ANN):
        pass
    return await runs.get(run, ANN)


async def test_an_agent_may_not_approve_and_may_answer_questions(journal: Journal) -> None:
    agent = Principal(id="local", kind="agent")
    lines = 'n = ask_user("N?", returns=int)\napprove("send " + str(n))\ns = p.send(to="a@x.example")\nanswer(n)\n'
    async with served(journal, bench_of(Post())) as runs:
        run = (await runs.submit(Submission(script=lines, principal=agent))).id
        await until(runs, run, "run_parked")
        await runs.answer(run, agent, 3, question="n")
        await until_asked(runs, run, "approve")
        with pytest.raises(NotAnswerable, match="by a person"):
            await runs.answer(run, agent, True)
        await runs.answer(run, Principal(id="local", kind="agent", scopes=frozenset(("approve",))), True)
        assert answer_of(await ended(runs, run)) == 3


async def until_asked(runs: Runs, run: str, question: str) -> None:
    async for recorded in runs.events(run, ANN):
        if recorded.event.type == "question_asked" and recorded.event.question.id == question:
            return


@pytest.mark.parametrize("wrong", ["three", 3.5, None, True])
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(journal: Journal, wrong: Json) -> None:
    async with served(journal, bench_of(Post())) as runs:
        run = (await runs.submit(Submission(script='n = ask_user("N?", returns=int)\nanswer(n)\n'))).id
        await until(runs, run, "run_parked")
        with pytest.raises(NotAnswerable, match="does not fit"):
            await runs.answer(run, ANN, wrong)
        await runs.answer(run, ANN, 3)
        assert answer_of(await ended(runs, run)) == 3


async def test_an_answer_names_its_question_where_several_are_open(journal: Journal) -> None:
    async with served(journal, bench_of(Post())) as runs:
        run = (await runs.submit(Submission(script='a = ask_user("A?")\nb = ask_user("B?")\nanswer(a + b)\n'))).id
        await until(runs, run, "run_parked")
        with pytest.raises(NotAnswerable, match="2 open questions"):
            await runs.answer(run, ANN, "x")
        with pytest.raises(NotAnswerable, match="no open question c"):
            await runs.answer(run, ANN, "x", question="c")
        await runs.answer(run, ANN, "y", question="b")
        await runs.answer(run, ANN, "x", question="a")
        assert answer_of(await ended(runs, run)) == "xy"


async def test_of_answers_that_race_one_counts_and_the_others_are_told(journal: Journal) -> None:
    async with served(journal, bench_of(Post())) as runs:
        run = (await runs.submit(Submission(script='a = ask_user("A?")\nanswer(a)\n'))).id
        await until(runs, run, "run_parked")
        given = await asyncio.gather(*(runs.answer(run, ANN, str(i)) for i in range(5)), return_exceptions=True)
        won = [i for i, g in enumerate(given) if isinstance(g, Question)]
        assert len(won) == 1
        assert all(isinstance(g, NotAnswerable) for i, g in enumerate(given) if i not in won)
        assert answer_of(await ended(runs, run)) == str(won[0])


class Eager(MemoryJournal):
    """A journal where somebody acts just before a run parks: the owner has looked, and found nothing."""

    def __init__(self, last_moment: Any) -> None:
        super().__init__()
        self._last_moment = last_moment

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        if any(isinstance(e, RunParked) for e in events) and self._last_moment is not None:
            act, self._last_moment = self._last_moment, None
            await act(run)
        return await super().append(run, events, **more)


async def test_an_answer_that_comes_while_the_run_parks_is_not_lost() -> None:
    async def answer(run: str) -> None:
        await eager.append(run, [answered("a", "just now")], epoch=None, only_if=["running"])

    eager = Eager(answer)
    run = await bench_of(Post(), journal=eager).run('a = ask_user("A?")\nanswer(a)\n')
    assert answer_of(run) == "just now"


async def test_a_cancel_that_comes_while_the_run_parks_is_declared() -> None:
    async def cancel(run: str) -> None:
        cancelled.append(asyncio.create_task(service.cancel(run, ANN)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    cancelled: list[asyncio.Task[Any]] = []
    journal = Eager(cancel)
    bench = bench_of(Post(), journal=journal)
    service = Runs(journal, artifacts=MemoryArtifacts(), planning=bench.planning, now=bench.now, new_id=lambda: "x")
    run = await bench.run('a = ask_user("A?")\nanswer(a)\n')
    async with asyncio.timeout(BOUND_S):
        assert (await cancelled[0]).status == "cancelled"
    assert isinstance((await bench.events(run.id))[-1].event, RunEnded)


async def test_a_journal_parks_no_run_that_has_news(journal: Journal) -> None:
    await journal.create(Submission(goal="g"), run="r", key="r", now=Bench(Toolset()).now())
    epoch = await journal.take("r", "w")
    seq = await journal.append("r", [answered("a")], epoch=None)
    assert seq == 2
    parked = RunParked(questions=())
    assert await journal.append("r", [parked], epoch=epoch, status="waiting", quiet_after=1) is None
    assert len(await journal.read("r")) == 2
    assert await journal.append("r", [parked], epoch=epoch, status="waiting", quiet_after=2) == 3


async def test_no_call_starts_twice_over_questions_and_answers() -> None:
    bench = bench_of(Post(), answers=lambda q: answered(q.id, True if q.kind == "approve" else "x"))
    run = await bench.run('a = ask_user("A?")\n' + MAILS)
    started = [(s.step, s.item) for s in starts(await bench.events(run.id))]
    assert len(started) == len(set(started))
