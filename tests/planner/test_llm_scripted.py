"""ScriptedModel: a model that is honest about everything but its thoughts."""

from __future__ import annotations

import doctest

import pytest

import planner.llm.scripted
import planner.prices
from planner.errors import ModelError, ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.llm.port import Message, ModelReply, ModelRequest, complete
from planner.llm.scripted import ScriptedModel
from planner.prices import FixedPrices, Rates
from planner.tokens import count_messages, count_tokens
from planner.usage import Usage

ASK = ModelRequest(model="any", messages=(Message(role="user", content="Write a plan."),))


@pytest.mark.parametrize("module", [planner.llm.scripted, planner.prices])
def test_the_examples_in_the_docstrings_are_true(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]  # a module is a module
    assert results.attempted > 0
    assert results.failed == 0


async def test_a_reply_comes_in_pieces_and_then_whole() -> None:
    pieces = [p async for p in ScriptedModel(["abcdefg"], chunk=3).stream(ASK)]
    usage = Usage(model_calls=1, input_tokens=count_messages(ASK.messages), output_tokens=count_tokens("abcdefg"))
    assert pieces == ["abc", "def", "g", ModelReply(text="abcdefg", usage=usage, model="any")]


async def test_a_function_may_choose_the_reply() -> None:
    model = ScriptedModel(lambda request: f"you said: {request.messages[-1].content}")
    assert (await complete(model, ASK)).text == "you said: Write a plan."


async def test_a_whole_reply_is_given_as_it_is() -> None:
    reply = ModelReply(text="x", usage=Usage(model_calls=1, input_tokens=5), model="other", finish="length")
    assert await complete(ScriptedModel([reply]), ASK) == reply


async def test_an_error_in_the_script_is_raised_each_time_and_counts_a_call() -> None:
    refusal = ModelRefused("no")
    model = ScriptedModel([refusal, refusal])
    for _ in range(2):
        with pytest.raises(ModelRefused, match="no") as raised:
            await complete(model, ASK)
        assert raised.value.usage == Usage(model_calls=1)
    assert refusal.usage == Usage()  # the script itself is as it was


async def test_an_error_keeps_what_it_carries() -> None:
    scripted = ModelUnavailable("busy", usage=Usage(model_calls=1, input_tokens=9), retry_after_s=3)
    with pytest.raises(ModelUnavailable) as raised:
        await complete(ScriptedModel([scripted]), ASK)
    assert (raised.value.usage.input_tokens, raised.value.retry_after_s) == (9, 3)


async def test_a_script_that_has_run_out_says_what_was_asked() -> None:
    model = ScriptedModel(["one"])
    await complete(model, ASK)
    with pytest.raises(ModelError, match=r"has 1 replies and was asked 2 times; the last time: 'Write a plan\.'") as raised:
        await complete(model, ASK)
    assert type(raised.value) is ModelMisconfigured


async def test_a_reply_stops_at_the_requests_limit() -> None:
    reply = await complete(ScriptedModel(["one two three four five six"]), ASK.model_copy(update={"max_output_tokens": 3}))
    assert (reply.text, reply.finish, reply.usage.output_tokens) == ("one two three", "length", 3)


async def test_a_price_list_gives_the_price() -> None:
    prices = FixedPrices({"any": Rates(input=1_000_000, cached_input=0, output=0)})
    reply = await complete(ScriptedModel(["x"], prices=prices), ASK)
    assert reply.usage.usd == reply.usage.input_tokens
