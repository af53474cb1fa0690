"""Perform: one call, whatever the tool or the model does: retries, repairs, time-outs, secrets, large values."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from executor.artifacts import MemoryArtifacts
from executor.events import CallFailed, CallFinished, CallRetried, CallStarted
from executor.perform import Performer
from executor.run import Run
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.errors import ModelRefused, ModelUnavailable
from planner.llm.openai import OpenAIModel
from planner.llm.scripted import ScriptedModel
from planner.models import Models
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage
from tests.model_server import ModelServer, Reply, in_order
from tests.rig import answer_of, reason_of, rig, role

SECRET = "hunter2-s3cr3t"


class Odd:
    """Tools that behave as tools do."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.keys: list[str] = []
        self.tokens: list[str] = []
        self.release = threading.Event()

    def count(self, name: str) -> int:
        self.calls[name] += 1
        return self.calls[name]

    @tool(effect="read", labels={"": "trusted", "[].about": "untrusted"})
    async def people(self) -> list[dict[str, str]]:
        """Three people."""
        return [{"name": n, "about": f"about {n}"} for n in ("Ann", "Bob", "Eve")]

    @tool(effect="read")
    async def none(self) -> list[str]:
        """Nobody."""
        return []

    @tool(effect="write", idempotent=True, retries=2)
    async def later(self, times: int, context: ToolContext, wait: float = -1.0) -> str | ToolFailed:
        """Fails for some times."""
        self.keys.append(context.key)
        if self.count("later") <= times:
            return ToolFailed("Come back later.", "transient", None if wait < 0 else wait)
        return "done"

    @tool(effect="write")
    async def wrong(self, kind: str) -> str | ToolFailed:
        """Fails in a way that no retry mends."""
        self.count("wrong")
        return ToolFailed("It is wrong.", kind)  # type: ignore[arg-type]  # every kind

    @tool(effect="read", timeout_s=0.02, retries=1)
    async def slow_read(self) -> str:
        """Never answers."""
        self.count("slow_read")
        await asyncio.Event().wait()
        return ""

    @tool(effect="write", timeout_s=0.02, retries=1)
    async def slow_write(self) -> str:
        """Never answers, and may have done it."""
        self.count("slow_write")
        await asyncio.Event().wait()
        return ""

    @tool(effect="write", idempotent=True, timeout_s=0.02, retries=1)
    async def slow_safe(self) -> str:
        """Answers the second time."""
        if self.count("slow_safe") == 1:
            await asyncio.Event().wait()
        return "safe"

    @tool(effect="read", timeout_s=0.05, retries=0)
    def hangs(self) -> str:
        """Hangs in a thread."""
        self.release.wait()
        return ""

    @tool(effect="read")
    async def raises(self) -> str:
        """Has a bug."""
        raise ValueError("a bug with inner details")

    @tool(effect="read")
    async def nan(self) -> float:
        """Is no number."""
        return float("nan")

    @tool(effect="read")
    async def flood(self) -> str:
        """Gives 100 MB."""
        return "x" * 100_000_000

    @tool(effect="read")
    async def opaque(self) -> Any:
        """Gives what is no JSON."""
        return object()

    @tool(effect="read")
    async def large(self, size: int) -> dict[str, Any]:
        """Gives a large value."""
        return {"rows": list(range(size)), "half": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")}

    @tool(effect="read", sensitive=("token",))
    async def login(self, token: str, fails: bool = False) -> dict[str, str] | ToolFailed:
        """Use a token."""
        self.tokens.append(token)
        return ToolFailed(f"{token} is refused.") if fails else {"echo": f"you said {token}", token: "key"}


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    made = Odd()
    yield made
    made.release.set()


class House:
    """Carries single scripts out, with scripted models and no real waits."""

    def __init__(self, folder: Path, odd: Odd) -> None:
        self.folder = folder
        self.toolset = Toolset.of("odd", odd)
        self.waits: list[float] = []
        self.text = ""
        self.run_events: list[Any] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self, script: str, *, models: Models | None = None, **more: Any) -> Run:
        budget = more.pop("budget", Budget())
        async with rig(self.folder, self.toolset, models=models or Models(), sleep=self.sleep, **more) as house:
            run = await house.carried(script, budget=budget)
            self.text, self.run_events = await house.text(run.id), await house.events(run.id)
            return run

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.run_events if isinstance(e, kind)]


@pytest.fixture
def house(tmp_path: Path, odd: Odd) -> House:
    return House(tmp_path, odd)


def asks(*replies: Any, **terms: Any) -> tuple[ScriptedModel, Models]:
    model = ScriptedModel(list(replies))
    return model, Models(executor=role(model, **terms))


# -- ask


@pytest.mark.parametrize(
    ("returns", "reply", "value"),
    [
        ("str", " plain text \n", "plain text"),
        ("int", '{"value": 5}', 5),
        ("bool", '```json\n{"value": true}\n```', True),
        ("date", '{"value": "2026-11-22"}', "2026-11-22"),
        ('"a" | "b"', 'It is {"value": "b"}.', "b"),
        ("int | None", '{"value": null}', None),
        ("[str]", '{"value": ["x"]}', ["x"]),
        ('{"subject": str, "n": int}', '{"subject": "s", "n": 1}', {"subject": "s", "n": 1}),
        ("{str: float}", '{"value": {"a": 1.5}}', {"a": 1.5}),
    ],
)
async def test_an_answer_has_the_type_that_was_asked_for(house: House, returns: str, reply: str, value: Json) -> None:
    model, models = asks(reply)
    run = await house.run(f'x = ask("Say it.", a=1, returns={returns})\nanswer(x)', models=models)
    assert answer_of(run) == value
    assert 'Instruction: Say it.\n\nInputs: {"a":1}' in model.requests[0].messages[1].content
    assert run.usage.model_calls == 1


async def test_an_answer_that_does_not_fit_is_repaired_once_with_the_complaint(house: House) -> None:
    model, models = asks('{"value": "five"}', '{"value": 5}')
    run = await house.run('x = ask("How many?", returns=int)\nanswer(x)', models=models)
    assert answer_of(run) == 5
    reply, complaint = model.requests[1].messages[2:]
    assert reply.content == '{"value": "five"}'
    assert "$.value: 'five' is not of type 'integer'" in complaint.content
    assert run.usage.model_calls == 2
    assert [r.reason for r in house.of(CallRetried)] == [complaint.content]
    assert run.usage == house.of(CallRetried)[0].usage + house.of(CallFinished)[0].usage


@pytest.mark.parametrize("bad", ["", "none", '{"value": NaN}', '{"value": 5, "more": 1}', "[" * 100_000])
async def test_an_answer_that_never_fits_fails_and_all_of_it_is_counted(house: House, bad: str) -> None:
    model, models = asks(bad, bad, max_output_tokens=200_000)
    run = await house.run('x = ask("How many?", returns=int)\nanswer(x)', models=models)
    assert reason_of(run).startswith("x: ")
    assert (len(model.requests), run.usage.model_calls) == (2, 2)
    assert house.of(CallFailed)[0].kind == "invalid"


async def test_an_answer_that_was_cut_off_is_asked_for_again(house: House) -> None:
    model, models = asks("word " * 100, "short", max_output_tokens=20)
    run = await house.run('x = ask("Say it.")\nanswer(x)', models=models)
    assert answer_of(run) == "short"
    assert model.requests[1].messages[-1].content == "The answer was cut off at 20 tokens: answer more briefly."


@pytest.mark.parametrize(
    "error", [ModelRefused("I will not.", usage=Usage(model_calls=1, output_tokens=9)), ModelUnavailable("away")]
)
@pytest.mark.parametrize("otherwise", [True, False])
async def test_a_model_that_fails_gives_way_to_otherwise(house: House, error: Exception, otherwise: bool) -> None:
    _, models = asks(error)
    more = ', otherwise="none"' if otherwise else ""
    run = await house.run(f'x = ask("Say it."{more})\nanswer(x)', models=models)
    assert run.usage.model_calls == 1
    if otherwise:
        assert answer_of(run) == "none"
        finished = run.call("x").finished
        assert finished is not None
        assert (finished.how, finished.reason) == ("otherwise", f"model: {error}")
    else:
        assert reason_of(run) == f"x: {error}"


async def test_without_a_model_otherwise_answers_and_without_both_the_settings_are_named(house: House, tmp_path: Path) -> None:
    assert answer_of(await house.run('x = ask("Say it.", otherwise="none")\nanswer(x)')) == "none"
    (tmp_path / "other").mkdir()
    house.folder = tmp_path / "other"
    told = reason_of(await house.run('x = ask("Say it.")\nanswer(x)'))
    assert "OPENAI_API_KEY" in told
    assert "otherwise=" in told


async def test_an_input_that_is_too_long_is_never_sent(house: House) -> None:
    model, models = asks("never", max_input_tokens=200)
    run = await house.run('x = ask("Say it.", text="word " * 1000)\nanswer(x)', models=models)
    assert "200 are allowed" in reason_of(run)
    assert (model.requests, run.usage) == ([], NO_USAGE)


async def test_a_ceiling_forbids_the_repair(house: House) -> None:
    model, models = asks("none", '{"value": 5}')
    run = await house.run('x = ask("?", returns=int)\nanswer(x)', models=models, budget=Budget(model_calls=1, reserve=0))
    assert run.ended is not None
    assert run.ended.status == "partial"
    assert "model_calls" in run.ended.reason
    assert (len(model.requests), run.usage.model_calls) == (1, 1)


# -- choose


async def test_choosing_is_by_index_and_the_element_keeps_its_labels(house: House) -> None:
    model, models = asks('{"value": 1}')
    run = await house.run('p = odd.people()\nx = choose("Who?", p)\nanswer(x)', models=models)
    assert answer_of(run) == {"name": "Bob", "about": "about Bob"}
    assert '"1":{"name":"Bob"' in model.requests[0].messages[1].content
    assert run.ended is not None
    labels = str(run.ended.answer_labels)
    assert "odd.people" in labels
    finished = run.call("x").finished
    assert finished is not None
    assert finished.value == {"name": "Bob", "about": "about Bob"}


@pytest.mark.parametrize("bad", ['{"value": 3}', '{"value": -1}', '{"value": "Bob"}', '{"value": true}', "1"])
async def test_an_index_that_is_none_is_repaired(house: House, bad: str) -> None:
    model, models = asks(bad, '{"value": 0}')
    run = await house.run('p = odd.people()\nx = choose("Who?", p)\nanswer(x.name)', models=models)
    assert answer_of(run) == "Ann"
    assert len(model.requests) == 2


async def test_an_index_may_be_written_as_a_whole_float(house: House) -> None:
    _, models = asks('{"value": 1.0}')
    assert answer_of(await house.run('x = choose("Which?", ["a", "b"])\nanswer(x)', models=models)) == "b"


async def test_nothing_is_chosen_where_that_is_allowed(house: House) -> None:
    _, models = asks('{"value": null}')
    assert answer_of(await house.run('x = choose("Which?", ["a"], returns=None)\nanswer(x)', models=models)) is None


@pytest.mark.parametrize("more", ["", ", returns=None", ', otherwise="nobody"'])
async def test_of_an_empty_list_nothing_is_chosen_and_no_model_is_asked(house: House, more: str) -> None:
    model, models = asks()
    run = await house.run(f'p = odd.none()\nx = choose("Who?", p{more})\nanswer(x)', models=models)
    assert model.requests == []
    if not more:
        assert reason_of(run) == "x: There is nothing to choose from."
    else:
        assert answer_of(run) == (None if "returns" in more else "nobody")


async def test_the_same_over_a_real_socket(house: House) -> None:
    replies = ('{"value": "no number"}', Reply(json={"value": 7}), Reply(json={"value": 2}))
    async with ModelServer(in_order(*replies)) as server:
        models = Models(executor=role(OpenAIModel("sk-test", server.url)))
        script = 'n = ask("How many?", returns=int)\np = odd.people()\nx = choose("Who?", p, about=n)\nanswer([n, x.name])'
        run = await house.run(script, models=models)
    assert answer_of(run) == [7, "Eve"]
    assert len(server.requests) == 3
    assert "'no number' is not of type 'integer'" in server.requests[1].last
    billed = [r.usage(reply) for r, reply in zip(server.requests, (Reply(text=str(replies[0])), *replies[1:]), strict=True)]
    assert run.usage.input_tokens == sum(b["prompt_tokens"] for b in billed)
    assert run.usage.model_calls == 3


# -- retries


async def test_transient_failures_are_retried_with_growing_waits_and_one_key(house: House, odd: Odd) -> None:
    assert answer_of(await house.run("x = odd.later(times=2)\nanswer(x)")) == "done"
    assert len(set(odd.keys)) == 1
    assert len(odd.keys) == 3
    first, second = house.waits
    assert 0.1 <= first <= 0.3 <= 0.4 / 2 + second
    assert 0.2 <= second <= 0.6
    assert [(r.attempt, r.reason) for r in house.of(CallRetried)] == [(1, "Come back later."), (2, "Come back later.")]


def test_waits_double_up_to_half_a_minute_and_spread_by_half_around() -> None:
    for jitter, share in ((0.0, 0.5), (1.0, 1.5)):
        performer = Performer("r", Toolset(), Models(), MemoryArtifacts(), lambda name: None, jitter=lambda: jitter)  # noqa: B023
        waits = [performer._wait(n, None) for n in range(10)]
        assert waits == pytest.approx([min(0.2 * 2**n, 30.0) * share for n in range(10)])
        assert (performer._wait(0, 7.0), performer._wait(0, 1e9)) == (pytest.approx(7.0 + 0.7 * jitter), 30.0)


async def test_the_other_sides_wish_is_followed(house: House) -> None:
    await house.run("x = odd.later(times=2, wait=7.0)\nanswer(x)")
    assert all(7.0 <= wait <= 7.7 for wait in house.waits)
    assert len(house.waits) == 2


@pytest.mark.parametrize(("option", "calls"), [("", 3), (", retry=0", 1), (", retry=4", 5)])
async def test_there_are_no_more_retries_than_allowed(house: House, odd: Odd, option: str, calls: int) -> None:
    run = await house.run(f"x = odd.later(times=99{option})\nanswer(x)")
    assert reason_of(run) == "x: Come back later."
    assert odd.calls["later"] == calls
    assert run.tool_calls == calls


@pytest.mark.parametrize("kind", ["not_found", "invalid", "refused", "crashed", "failed"])
async def test_other_failures_are_not_retried(house: House, odd: Odd, kind: str) -> None:
    run = await house.run(f'x = odd.wrong(kind="{kind}")\nanswer(x)')
    assert reason_of(run) == "x: It is wrong."
    assert (odd.calls["wrong"], house.waits) == (1, [])
    assert house.of(CallFailed)[0].kind == kind


# -- time-outs


@pytest.mark.parametrize(("name", "calls"), [("slow_read", 2), ("slow_write", 1), ("slow_safe", 2)])
async def test_after_a_time_out_only_what_is_safe_is_asked_again(house: House, odd: Odd, name: str, calls: int) -> None:
    run = await house.run(f"x = odd.{name}()\nanswer(x)")
    assert odd.calls[name] == calls
    if name == "slow_safe":
        assert answer_of(run) == "safe"
    else:
        assert reason_of(run) == f"x: odd.{name} did not answer within 0.02 s."


async def test_a_script_may_shorten_a_tools_time_out(house: House, odd: Odd) -> None:
    told = reason_of(await house.run('x = odd.slow_write(timeout="10ms")\nanswer(x)'))
    assert told == "x: odd.slow_write did not answer within 0.01 s."


# -- bad tools


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises", "odd.raises crashed (ValueError); the log has the details."),
        ("hangs", "odd.hangs did not answer within 0.05 s."),
        ("nan", "odd.nan returned a number that JSON does not have (NaN or infinity)."),
        ("flood", "odd.flood returned more than"),
        ("opaque", "odd.opaque returned what it does not declare: it is not JSON"),
    ],
)
async def test_a_bad_tool_fails_its_step_with_a_message_that_names_both(house: House, name: str, told: str) -> None:
    run = await house.run(f"bad = odd.{name}()\nanswer(bad)")
    assert reason_of(run).startswith(f"bad: {told}")
    assert "inner details" not in house.text
    assert len(house.text) < 100_000
    assert answer_of(await house.run(f'bad = odd.{name}(otherwise="none")\nanswer(bad)', first=50)) == "none"


# -- secrets


@pytest.mark.parametrize("fails", [False, True])
async def test_a_secret_is_given_to_the_tool_and_stands_nowhere_in_the_journal(house: House, odd: Odd, fails: bool) -> None:
    script = f'x = odd.login(token=secret("mail"), fails={fails})\nanswer(x)'
    run = await house.run(script, secrets={"mail": SECRET})
    assert odd.tokens == [SECRET]
    assert SECRET not in house.text
    [started] = [e for e in house.of(CallStarted) if e.call == "odd.login"]
    assert started.arguments["token"] == {"secret": "mail"}
    if fails:
        assert reason_of(run) == "x: «secret mail» is refused."
    else:
        assert answer_of(run) == {"echo": "you said «secret mail»", "«secret mail»": "key"}


# -- large values


async def test_a_large_value_is_an_artifact_and_comes_back_in_another_segment(house: House) -> None:
    script = 'x = odd.large(size=20000)\nn = ask_user("Go on?", returns=int)\nanswer(x.rows[n] + len(x.rows))'
    async with rig(house.folder, house.toolset) as opened:
        run = await opened.submit(script)
        async with opened.engine():
            waiting = await opened.rests(run)
        kept = waiting.call("x").finished
        assert kept is not None
        assert kept.artifact is not None
        assert (kept.value, kept.artifact.size > 64 * 1024) == (None, True)
        assert len(await opened.text(run)) < 30_000
        async with opened.engine():
            await opened.runs.answer(run, waiting.submission.principal, 123)
            assert answer_of(await opened.until(run, lambda s: s == "done")) == 20_123


async def test_a_value_of_64_kb_stands_in_its_event(house: House) -> None:
    run = await house.run("x = odd.large(size=3000)\nanswer(len(x.rows))")
    kept = run.call("x").finished
    assert kept is not None
    assert kept.artifact is None
    assert len(kept.value["rows"]) == 3_000
