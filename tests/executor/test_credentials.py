"""Credentials: a secret that is not set is asked for by its name, and looked for again; no secret is an answer."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
from bench import Bench, answer_of, starts, surprise_of

from executor.events import CallFailed, Question, QuestionAnswered, QuestionAsked, RunResumed
from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset

SCRIPT = 'n = t.other()\nx = t.login(token=secret("mail"))\ny = t.login(token=secret("mail"))\nanswer([n, x, y])\n'


class Door:
    """A tool that wants a token, and one that wants none."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    @tool(effect="read")
    async def login(self, token: str) -> int:
        """Log in."""
        self.tokens.append(token)
        return len(self.tokens)

    @tool(effect="read")
    async def other(self) -> str:
        """Needs nothing."""
        return "other"


def bench_of(secrets: MutableMapping[str, str] | None = None, **more: Any) -> tuple[Bench, Door]:
    door = Door()
    return Bench(Toolset.of("t", door), secrets={} if secrets is None else secrets, **{"answers": None, **more}), door


def said(question: Question, answer: Any = True, **more: Any) -> QuestionAnswered:
    return QuestionAnswered(**{"question": question.id, "answer": answer, "by": "ann", **more})


async def asked(bench: Bench, run: Run) -> list[str]:
    return [r.event.question.id for r in await bench.events(run.id) if isinstance(r.event, QuestionAsked)]


async def test_a_secret_that_is_not_set_is_asked_for_once_by_name_while_all_else_runs() -> None:
    secrets: dict[str, str] = {}
    bench, door = bench_of(secrets)
    run = await bench.run(SCRIPT)
    (question,) = run.open_questions
    assert (question.id, question.kind, question.steps) == ("secret:mail", "credential", {"x", "y"})
    assert question.text == "t.login needs the secret `mail`, which is not set. Answer yes once it is set; " \
        "the secret itself is no answer."  # fmt: skip
    assert question.shown[0] == {"step": "x", "item": "", "tool": "t.login", "arguments": {"token": {"secret": "mail"}}}
    assert (run.call("n").finished is not None, door.tokens) == (True, [])
    secrets["mail"] = "s3cr3t"
    await bench.answer(run.id, said(question))
    assert answer_of(await bench.carry_on(run.id)) == ["other", 1, 2]
    assert door.tokens == ["s3cr3t", "s3cr3t"]
    assert "s3cr3t" not in "".join([r.model_dump_json() for r in await bench.events(run.id)])


async def test_where_it_is_said_to_be_set_and_is_not_it_is_asked_for_again() -> None:
    secrets: dict[str, str] = {}
    bench, _ = bench_of(secrets)
    run = await bench.run(SCRIPT)
    for number in (2, 3):
        await bench.answer(run.id, said(run.open_questions[0]))
        run = await bench.carry_on(run.id)
        (question,) = run.open_questions
        assert question.id == f"secret:mail#{number}"
        assert "It was said to be, and where the run goes on now it is not" in question.text
    secrets["mail"] = "s3cr3t"
    await bench.answer(run.id, said(question))
    assert answer_of(await bench.carry_on(run.id)) == ["other", 1, 2]


@pytest.mark.parametrize("answer", [{"answer": False}, {"answer": None, "refused": True}])
async def test_whoever_refuses_fails_the_calls_and_a_resume_asks_again(answer: dict[str, Any]) -> None:
    secrets: dict[str, str] = {}
    bench, door = bench_of(secrets)
    run = await bench.run(SCRIPT)
    await bench.answer(run.id, said(run.open_questions[0], **answer))
    ended = await bench.carry_on(run.id)
    assert surprise_of(ended) == ("x", "failed")
    assert ended.ended is not None
    assert "The secret `mail` is not set, and ann will not set it." in ended.ended.reason
    assert door.tokens == []
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued", only_if=["failed"])
    resumed = await bench.carry_on(run.id)
    assert [q.id for q in resumed.open_questions] == ["secret:mail"]
    secrets["mail"] = "s3cr3t"
    await bench.answer(run.id, said(resumed.open_questions[0]))
    assert answer_of(await bench.carry_on(run.id)) == ["other", 1, 2]


async def test_a_call_that_is_refused_its_secret_takes_its_otherwise() -> None:
    bench, _ = bench_of(answers=lambda q: said(q, False))
    run = await bench.run('x = t.login(token=secret("mail"), otherwise=-1)\nanswer(x)\n')
    assert answer_of(run) == -1


async def test_each_secret_is_asked_for_by_itself_and_a_map_asks_once() -> None:
    bench, door = bench_of()
    script = 'xs = [t.login(token=secret("mail")) for n in [1, 2, 3]]\ny = t.login(token=secret("post"))\nanswer([xs, y])\n'
    run = await bench.run(script)
    assert [q.id for q in run.open_questions] == ["secret:mail", "secret:post"]
    assert [row["item"] for row in run.open_questions[0].shown] == ["0", "1", "2"]
    assert door.tokens == []


async def test_a_worker_that_has_it_goes_on_and_answers_by_itself() -> None:
    bench, door = bench_of()
    run = await bench.run(SCRIPT)
    elsewhere, door = bench_of({"mail": "s3cr3t"})
    elsewhere.journal = bench.journal
    await bench.journal.append(
        run.id, [], epoch=None, status="queued", only_if=["waiting"]
    )  # as a clock or another answer does
    ended = await elsewhere.carry_on(run.id)
    assert answer_of(ended) == ["other", 1, 2]
    assert (ended.answers["secret:mail"].by, ended.open_questions) == ("the worker", [])
    assert door.tokens == ["s3cr3t", "s3cr3t"]


class Vault:
    """Secrets that come when they have been asked for so often."""

    def __init__(self, after: int) -> None:
        self.left = after

    def get(self, name: str) -> str | None:
        return "s3cr3t" if self.left <= 0 else None


async def test_a_run_goes_on_from_every_prefix_of_its_journal_and_calls_nothing_twice() -> None:
    vault = Vault(after=2)

    def answers(question: Question) -> QuestionAnswered:
        vault.left -= 1
        return said(question)

    bench, _ = bench_of(answers=answers)
    bench.secrets = vault  # type: ignore[assignment]  # of a mapping, `get` alone is used
    end = await bench.run(SCRIPT)
    events = await bench.events(end.id)
    assert await asked(bench, end) == ["secret:mail", "secret:mail#2"]
    for length in range(1, len(events) + 1):
        prefix = events[:length]
        known = sum(1 for r in prefix if isinstance(r.event, QuestionAnswered))
        vault = Vault(after=2 - known)
        again, door = bench_of(answers=answers)
        again.secrets = vault  # type: ignore[assignment]  # as above
        resumed = await again.carry_on(await again.restore(prefix))
        assert resumed.status == "done", (length, resumed.ended)
        assert await asked(again, resumed) == ["secret:mail", "secret:mail#2"]
        done = {r.event.step for r in prefix if r.event.type == "call_finished"}
        assert len(door.tokens) == len({"x", "y"} - done)


async def test_a_refusal_that_stands_in_the_journal_is_no_failure_of_a_tool() -> None:
    bench, _ = bench_of(answers=lambda q: said(q, False))
    run = await bench.run(SCRIPT)
    failed = [r.event for r in await bench.events(run.id) if isinstance(r.event, CallFailed)]
    assert [(f.step, f.kind) for f in failed] == [("x", "refused"), ("y", "refused")]
    assert [s.call for s in starts(await bench.events(run.id))] == ["t.other"]
