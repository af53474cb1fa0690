"""delegate: a goal that another vendor's agent reaches, over a real socket, by the journal's events."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from agent_host import hosted

from executor.events import CallFinished, CancelRequested, Question, QuestionAnswered, TaskDelegated
from executor.run import Run
from tests.executor.bench import Bench, yes

SPEAKS = [("1.0", "JSONRPC"), ("1.0", "HTTP+JSON"), ("0.3", "JSONRPC"), ("0.3", "HTTP+JSON")]


def text(run: Run) -> object:
    assert run.ended is not None
    assert run.ended.status == "done", run.ended.reason
    return run.ended.answer


@pytest.mark.parametrize(("version", "binding"), SPEAKS)
@pytest.mark.parametrize("streaming", [True, False], ids=["streams", "polled"])
async def test_the_result_of_an_agent_is_the_step_s(tmp_path: Path, version: str, binding: str, streaming: bool) -> None:
    async with hosted(version=version, binding=binding, streaming=streaming) as host:
        run = await Bench(host.toolset(tmp_path)).run(
            'a = delegate("flights", "say hello", city="Austin", n=9007199254740993)\nanswer(a)'
        )
    assert text(run) == "hello"
    ((message, said),) = host.agent.heard
    assert said == 'say hello\n\ncity: "Austin"\nn: 9007199254740993'
    started = run.call("a").started
    assert started is not None
    assert message == started.key


TYPED = 'a = delegate("flights", {goal}, returns={{"price": int, "via": [str]}})\nanswer(a)'


@pytest.mark.parametrize("goal", ['json {"price": 120, "via": ["DFW"]}', 'say Here: {"price": 120, "via": ["DFW"]}'])
async def test_a_typed_result_is_taken_from_data_or_else_from_the_text(tmp_path: Path, goal: str) -> None:
    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path)).run(TYPED.format(goal=repr(goal)))
    assert text(run) == {"price": 120, "via": ["DFW"]}
    assert "Answer with one JSON value of this JSON Schema:" in host.agent.heard[0][1]


async def test_a_result_of_another_type_is_a_failure_that_an_otherwise_takes_over(tmp_path: Path) -> None:
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path))
        fails = await bench.run(TYPED.format(goal="'say cheap'"))
        takes = await bench.run('a = delegate("flights", "say cheap", returns=int, otherwise=7)\nanswer(a)')
    assert fails.ended is not None
    assert fails.ended.reason.startswith("a: flights: Its result is not of the type that was asked for")
    assert text(takes) == 7


@pytest.mark.parametrize(
    ("goal", "kind", "said"),
    [("fail", "failed", "flights: no flights today"), ("reject", "refused", "flights: not my job")],
)
async def test_an_agent_that_fails_or_will_not_do_it_fails_the_step_in_its_own_words(
    tmp_path: Path, goal: str, kind: str, said: str
) -> None:
    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path)).run(f'a = delegate("flights", "{goal}")\nanswer(a)')
    failed = run.call("a").failed
    assert failed is not None
    assert (failed.kind, failed.message) == (kind, said)


async def test_a_message_without_a_task_and_a_result_in_many_chunks_are_results_too(tmp_path: Path) -> None:
    script = 'a = delegate("flights", "message at once")\nb = delegate("flights", "chunks 300")\nanswer([a, b])'
    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path)).run(script)
    assert text(run) == ["at once", "".join(f"{n} " for n in range(300))]


async def test_what_an_agent_gives_is_labelled_as_a_stranger_s_and_its_cost_counts(tmp_path: Path) -> None:
    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path, usd=0.25)).run('a = delegate("flights", "say hi")\nanswer(a)')
    assert run.ended is not None
    assert "agent:flights" in str(run.ended.answer_labels)
    assert (run.usage.usd, run.tool_calls) == (0.25, 1)


# -- questions


ASKS = 'a = delegate("flights", "ask")\nanswer(a)'


@pytest.mark.parametrize(("version", "binding"), SPEAKS)
async def test_what_an_agent_asks_is_a_question_of_the_run_and_the_answer_goes_to_its_task(
    tmp_path: Path, version: str, binding: str
) -> None:
    async with hosted(version=version, binding=binding) as host:
        bench = Bench(host.toolset(tmp_path), answers=None)
        waits = await bench.run(ASKS)
        (question,) = waits.open_questions
        bench.answers = lambda q: QuestionAnswered(question=q.id, answer="Austin", by="ann")
        run = await bench.carry_on(waits.id)
    assert (question.id, question.kind, question.text) == ("asks:a", "ask_user", "The agent flights asks: Which city?")
    assert text(run) == "heard Austin"
    assert len(await host.tasks()) == 1
    assert run.tool_calls == 1


async def test_an_agent_may_ask_again_and_each_question_is_asked_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def person(question: Question) -> QuestionAnswered:
        asked.append(question.text)
        return QuestionAnswered(question=question.id, answer="again" if len(asked) == 1 else "Monday", by="ann")

    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path), answers=person).run(ASKS)
    assert text(run) == "heard Monday"
    assert asked == ["The agent flights asks: Which city?", "The agent flights asks: And which day?"]


async def test_a_person_who_refuses_ends_the_agent_s_task_too(tmp_path: Path) -> None:
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path), answers=lambda q: QuestionAnswered(question=q.id, refused=True, by="ann"))
        run = await bench.run(ASKS)
    failed = run.call("a").failed
    assert failed is not None
    assert (failed.kind, failed.message[:46]) == ("refused", "flights: ann refused to answer flights: The ag")
    assert len(host.agent.cancelled) == 1


AUTH = 'a = delegate("flights", "auth")\nanswer(a)'


@pytest.mark.parametrize(("version", "binding"), SPEAKS)
async def test_a_credential_that_an_agent_wants_is_asked_for_and_never_sent(tmp_path: Path, version: str, binding: str) -> None:
    async with hosted(version=version, binding=binding) as host:
        bench = Bench(host.toolset(tmp_path), answers=None)
        waits = await bench.run(AUTH)
        (question,) = waits.open_questions
        bench.answers = yes
        run = await bench.carry_on(waits.id)
    assert (question.id, question.kind, question.answer_schema) == ("asks:a", "credential", {"type": "boolean"})
    assert question.text == "The agent flights wants a credential: Log in first.\n" \
        "Answer yes once it is given there; the credential itself is no answer."  # fmt: skip
    assert text(run) == "heard yes"
    assert len(await host.tasks()) == 1


async def test_the_token_of_an_agent_that_is_not_set_is_asked_for_by_its_name(tmp_path: Path) -> None:
    secrets: dict[str, str] = {}
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path, token_secret="flights_token"), secrets=secrets, answers=None)
        waits = await bench.run('a = delegate("flights", "say hello")\nanswer(a)')
        (question,) = waits.open_questions
        assert host.agent.heard == []
        secrets["flights_token"] = "s3cret"
        bench.answers = yes
        run = await bench.carry_on(waits.id)
    assert (question.id, question.kind, question.agent) == ("secret:flights_token", "credential", "")
    assert question.text.startswith("agent:flights needs the secret `flights_token`, which is not set.")
    assert text(run) == "hello"
    assert host.requests[-1][1]["authorization"] == "Bearer s3cret"


async def test_an_agent_that_has_got_its_credential_meanwhile_is_told_nothing(tmp_path: Path) -> None:
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path), answers=None)
        waits = await bench.run(AUTH)
        await host.finish(waits.delegated["a", ""].task, "logged in")
        bench.answers = yes
        run = await bench.carry_on(waits.id)
    assert text(run) == "logged in"
    assert len(host.agent.heard) == 1


async def test_an_agent_that_takes_no_word_for_a_credential_is_asked_about_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def person(question: Question) -> QuestionAnswered:
        asked.append(question.id)
        return QuestionAnswered(question=question.id, answer=len(asked) < 3, by="ann")

    async with hosted(deaf=True) as host:
        run = await Bench(host.toolset(tmp_path), answers=person).run(AUTH)
    failed = run.call("a").failed
    assert failed is not None
    assert asked == ["asks:a", "asks:a#2", "asks:a#3"]
    assert (failed.kind, failed.message[:46]) == ("refused", "flights: ann refused to answer flights: The ag")
    assert len(host.agent.cancelled) == 1


async def test_a_run_that_waited_for_a_credential_goes_on_from_every_prefix_with_the_same_task(tmp_path: Path) -> None:
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path))
        events = await bench.events((await bench.run(AUTH)).id)
        known = next(number for number, r in enumerate(events, 1) if isinstance(r.event, TaskDelegated))
        for length in range(known, len(events) + 1):
            again = Bench(host.toolset(tmp_path))
            assert text(await again.carry_on(await again.restore(events[:length]))) == "heard yes"
        assert len(await host.tasks()) == 1
    assert [said for _, said in host.agent.heard] == ["auth", "yes"]


# -- time, cancel, and who comes later


async def test_a_call_that_takes_too_long_is_cancelled_at_the_agent(tmp_path: Path) -> None:
    async with hosted() as host:
        run = await Bench(host.toolset(tmp_path)).run('a = delegate("flights", "long", timeout="1s")\nanswer(a)')
        await asyncio.wait_for(host.agent.stopped.wait(), 10)
    failed = run.call("a").failed
    assert failed is not None
    assert (failed.kind, failed.message) == ("timeout", "flights: It was not done within 1 s, and was cancelled.")


async def test_a_run_that_is_cancelled_cancels_what_its_agents_are_at(tmp_path: Path) -> None:
    async with hosted() as host, asyncio.timeout(30):
        bench = Bench(host.toolset(tmp_path))
        run = await bench.submit('a = delegate("flights", "long")\nanswer(a)')
        going = asyncio.create_task(bench.carry_on(run))
        await host.agent.started.wait()
        await bench.journal.append(run, [CancelRequested(by="ann")], epoch=None)
        state = await going
        assert state.status == "cancelled"
        await host.agent.stopped.wait()
    assert len(host.agent.cancelled) == 1


@pytest.mark.parametrize("goal", ["ask", "auth"])
async def test_a_run_that_waits_for_what_an_agent_asks_cancels_it_there_whoever_owns_it_then(tmp_path: Path, goal: str) -> None:
    async with hosted() as host:
        bench = Bench(host.toolset(tmp_path), answers=None)
        waits = await bench.run(f'a = delegate("flights", "{goal}")\nanswer(a)')
        await bench.journal.append(waits.id, [CancelRequested(by="ann")], epoch=None, status="queued", only_if=["waiting"])
        state = await Bench(host.toolset(tmp_path), journal=bench.journal).carry_on(waits.id)
    assert state.status == "cancelled"
    assert host.agent.cancelled == [waits.delegated["a", ""].task]


async def test_what_is_asked_beside_a_call_that_goes_on_is_cancelled_with_it(tmp_path: Path) -> None:
    script = 'a = delegate("flights", "ask")\nb = delegate("flights", "long")\nanswer([a, b])'
    async with hosted() as host, asyncio.timeout(30):
        bench = Bench(host.toolset(tmp_path, commutes=True), answers=None)
        run, nudge = await bench.submit(script), asyncio.Event()
        epoch = await bench.journal.take(run, "w")
        assert epoch is not None
        going = asyncio.create_task(bench.segments().advance(run, epoch, nudge))
        async for _ in bench.journal.changes(run):
            state = await bench.state(run)
            if state.open_questions and len(state.delegated) == 2:
                break
        await bench.journal.append(run, [CancelRequested(by="ann")], epoch=None)
        nudge.set()
        await going
        assert (await bench.state(run)).status == "cancelled"
    assert sorted(host.agent.cancelled) == sorted(task.task for task in state.delegated.values())


async def test_an_owner_that_comes_later_goes_on_with_the_agent_s_task_and_sends_nothing_again(tmp_path: Path) -> None:
    async with hosted() as host, asyncio.timeout(30):
        bench = Bench(host.toolset(tmp_path))
        run = await bench.submit('a = delegate("flights", "long")\nanswer(a)')
        first = asyncio.create_task(bench.carry_on(run))
        async for _ in bench.journal.changes(run):
            if (await bench.state(run)).delegated:
                break
        first.cancel()
        await asyncio.wait((first,))
        assert host.agent.cancelled == []
        host.agent.release.set()
        state = await Bench(host.toolset(tmp_path), journal=bench.journal).carry_on(run)
    assert text(state) == "long done"
    assert len(host.agent.heard) == 1
    assert len(await host.tasks()) == 1
    events = [r.event for r in await bench.journal.read(run)]
    assert sum(isinstance(e, TaskDelegated) for e in events) == 1
    assert sum(isinstance(e, CallFinished) and e.step == "a" for e in events) == 1
