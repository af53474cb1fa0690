"""OpenAIModel against a server on a real socket: what it sends, what it makes of answers, and of every way to fail."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest

from planner.errors import ModelError, ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.llm.dialect import Dialect
from planner.llm.openai import OPENAI_URL, OpenAIModel
from planner.llm.port import Message, ModelReply, ModelRequest, complete
from planner.prices import FixedPrices, Rates
from planner.tokens import count_messages, count_tokens
from planner.usage import Usage
from tests.model_server import Chooser, ModelServer, Reply, Script, in_order

KEY = "sk-test-0123456789"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ASK = ModelRequest(model="small", messages=(Message(role="user", content="Count to ten."),), timeout_s=5)
INPUT = count_messages(ASK.messages)
HALF = "one two three fo"  # what a fault lets through of TEN
TEN = "one two three four five six seve"


@asynccontextmanager
async def talking(
    choose: Chooser, *, script: Script | None = None, key: str | None = KEY, prices: FixedPrices | None = None
) -> AsyncIterator[tuple[ModelServer, OpenAIModel]]:
    async with ModelServer(choose, script=script) as server:
        model = OpenAIModel(key, server.url, prices=prices, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        try:
            yield server, model
        finally:
            await model.aclose()


async def failure(reply: Reply, request: ModelRequest = ASK) -> ModelError:
    async with talking(in_order(reply)) as (_, model):
        with pytest.raises(ModelError) as raised:
            async with asyncio.timeout(10):
                await complete(model, request)
    return raised.value


async def test_a_reply_comes_in_pieces_and_then_whole_with_its_usage_and_price() -> None:
    prices = FixedPrices({"small": Rates(input=1, cached_input=0.5, output=2)})
    reported = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 40}}
    async with talking(in_order(Reply(text=TEN, usage=reported)), prices=prices) as (_, model):
        pieces = [piece async for piece in model.stream(ASK)]
    usage = Usage(model_calls=1, input_tokens=100, cached_input_tokens=40, output_tokens=10, usd=(60 + 20 + 20) / 1e6)
    assert pieces == [HALF, TEN.removeprefix(HALF), ModelReply(text=TEN, usage=usage, model="small")]


async def test_the_request_arrives_as_the_api_wants_it() -> None:
    async with talking(in_order("{}")) as (server, model):
        await complete(model, ASK.model_copy(update={"response_schema": SCHEMA, "max_output_tokens": 7}))
    assert server.requests[0].authorization == f"Bearer {KEY}"
    assert server.requests[0].body == {
        "model": "small",
        "messages": [{"role": "user", "content": "Count to ten."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}},
        "max_tokens": 7,
        "temperature": 0.0,
    }


async def test_a_schema_that_openai_cannot_promise_is_sent_without_strict() -> None:
    async with talking(in_order("{}")) as (server, model):
        await complete(model, ASK.model_copy(update={"response_schema": {"type": "object", "properties": {"n": {}}}}))
    assert server.requests[0].body["response_format"]["json_schema"]["strict"] is False


async def test_a_schema_whose_root_is_no_object_stands_in_the_prompt() -> None:
    request = ASK.model_copy(update={"response_schema": {"type": "array", "items": {"type": "integer"}}})
    async with talking(in_order("[1]")) as (server, model):
        await complete(model, request)
    assert "response_format" not in server.requests[0].body
    assert '{"type":"array","items":{"type":"integer"}}' in server.requests[0].messages[0].content


@pytest.mark.parametrize("refused", ["response_format", "stream_options", "max_tokens", "temperature"])
async def test_what_the_endpoint_refuses_is_left_out_and_stays_left_out(refused: str) -> None:
    request = ASK.model_copy(update={"response_schema": SCHEMA})
    async with talking(in_order("{}", "{}"), script=Script(refuses=(refused,))) as (server, model):
        replies = [await complete(model, request), await complete(model, request)]
    assert [refused in r.body for r in server.requests] == [True, False, False]
    assert [r.text for r in replies] == ["{}", "{}"]


async def test_a_refused_schema_moves_into_the_system_prompt() -> None:
    messages = (Message(role="system", content="Be brief."), *ASK.messages)
    request = ASK.model_copy(update={"response_schema": SCHEMA, "messages": messages})
    async with talking(in_order("{}"), script=Script(refuses=("response_format",))) as (server, model):
        await complete(model, request)
    system, user = server.requests[-1].messages
    assert system.content.startswith("Be brief.\n\n")
    assert '"required":["n"]' in system.content
    assert user == ASK.messages[0]


async def test_everything_refused_is_found_out_in_one_call() -> None:
    request = ASK.model_copy(update={"response_schema": SCHEMA})
    refuses = ("temperature", "max_tokens", "stream_options", "response_format")
    async with talking(in_order("{}"), script=Script(refuses=refuses)) as (server, model):
        reply = await complete(model, request)
    assert len(server.requests) == 5
    assert reply.usage.estimated


async def test_an_endpoint_that_refuses_both_limits_is_not_asked_forever() -> None:
    async with talking(in_order(), script=Script(refuses=("max_tokens", "max_completion_tokens"))) as (server, model):
        with pytest.raises(ModelError, match="max_completion_tokens"):
            await complete(model, ASK)
    assert len(server.requests) == 2


async def test_usage_that_is_not_reported_is_counted_and_says_so() -> None:
    async with talking(in_order(Reply(text=TEN, reports_usage=False))) as (_, model):
        reply = await complete(model, ASK)
    expected = Usage(model_calls=1, input_tokens=INPUT, output_tokens=count_tokens(TEN), estimated=True)
    assert reply.usage == expected


async def test_a_reply_at_its_limit_says_so() -> None:
    async with talking(in_order(Reply(text=TEN, finish="length"))) as (_, model):
        assert (await complete(model, ASK)).finish == "length"


async def test_an_empty_reply_is_a_reply() -> None:
    async with talking(in_order("")) as (_, model):
        assert (await complete(model, ASK)).text == ""


async def test_an_endless_reply_is_cut_off_and_counted() -> None:
    request = ASK.model_copy(update={"max_output_tokens": 100})
    async with talking(in_order(Reply(text="on and on and on ", chunk=200, fault="endless"))) as (_, model):
        reply = await complete(model, request)
    assert reply.finish == "length"
    assert 200 < reply.usage.output_tokens < 500
    assert reply.usage.estimated


@pytest.mark.parametrize(
    ("reply", "kind", "hint"),
    [
        (Reply(status=401), ModelMisconfigured, "OPENAI_API_KEY"),
        (Reply(status=403), ModelMisconfigured, "OPENAI_API_KEY"),
        (Reply(status=404), ModelMisconfigured, "PLANRAIL_PLANNER_MODEL"),
        (Reply(status=429, error={"code": "insufficient_quota"}), ModelMisconfigured, "account"),
        (Reply(status=429), ModelUnavailable, ""),
        (Reply(status=408), ModelUnavailable, ""),
        (Reply(status=500), ModelUnavailable, ""),
        (Reply(status=503), ModelUnavailable, ""),
        (Reply(status=400, error={"code": "content_filter"}), ModelRefused, ""),
        (Reply(status=400, error={"code": "context_length_exceeded"}), ModelError, ""),
    ],
    ids=lambda value: value.status if isinstance(value, Reply) else None,
)
async def test_a_status_says_whose_fault_it_is(reply: Reply, kind: type[ModelError], hint: str) -> None:
    error = await failure(reply)
    assert type(error) is kind
    assert hint in error.hint
    assert error.usage == Usage(model_calls=1)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:01:00 -0000", 60.0),
        ("soon", None),
    ],
)
async def test_retry_after_is_read_as_seconds_or_as_a_date(retry_after: str, seconds: float | None) -> None:
    error = await failure(Reply(status=429, retry_after=retry_after))
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize("fault", ["cut", "vanish", "garbage"])
async def test_a_reply_that_breaks_off_is_unavailable_and_what_came_is_counted(fault: str) -> None:
    error = await failure(Reply.model_validate({"text": TEN, "fault": fault}))
    assert type(error) is ModelUnavailable
    assert "broke off" in error.message
    expected = Usage(model_calls=1, input_tokens=INPUT, output_tokens=count_tokens(HALF), estimated=True)
    assert error.usage == expected


async def test_a_connection_that_is_closed_without_an_answer_is_unavailable() -> None:
    error = await failure(Reply(fault="close"))
    assert type(error) is ModelUnavailable
    assert "OPENAI_BASE_URL" in error.hint


@pytest.mark.parametrize(("fault", "came"), [("hang", ""), ("stall", HALF)])
async def test_a_reply_that_takes_too_long_is_unavailable_and_its_prompt_is_counted(fault: str, came: str) -> None:
    request = ASK.model_copy(update={"timeout_s": 0.3})
    error = await failure(Reply.model_validate({"text": TEN, "fault": fault}), request)
    assert type(error) is ModelUnavailable
    assert error.message == "The model did not answer within 0.3 s."
    assert error.usage == Usage(model_calls=1, input_tokens=INPUT, output_tokens=count_tokens(came), estimated=True)


async def test_nobody_at_the_address_is_unavailable() -> None:
    async with ModelServer(in_order()) as server:
        url = server.url
    model = OpenAIModel(KEY, url)
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await complete(model, ASK)
    await model.aclose()


async def test_a_refusal_carries_the_models_words_and_what_they_cost() -> None:
    error = await failure(Reply(refusal="I will not count."))
    assert type(error) is ModelRefused
    assert "I will not count." in error.message
    assert error.usage == Usage(model_calls=1, input_tokens=INPUT, output_tokens=count_tokens("I will not count."))


async def test_a_content_filter_is_a_refusal() -> None:
    assert type(await failure(Reply(text=TEN, finish="content_filter"))) is ModelRefused


async def test_the_key_is_in_no_message() -> None:
    async with talking(in_order("never"), script=Script(api_key="sk-other-0123456789"), key="plain-key-77") as (_, model):
        with pytest.raises(ModelMisconfigured) as raised:
            await complete(model, ASK)
    assert "plain-key-77" not in str(raised.value)
    assert "Incorrect API key provided: [key]." in str(raised.value)


@pytest.mark.parametrize(
    ("key", "url", "hint"),
    [
        (None, None, "OPENAI_API_KEY"),
        ("sk-with a space", None, "OPENAI_API_KEY"),
        ("sk-newline\n", None, "OPENAI_API_KEY"),
        (KEY, "localhost:8000/v1", "OPENAI_BASE_URL"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(key: str | None, url: str | None, hint: str) -> None:
    with pytest.raises(ModelMisconfigured, match=hint):
        OpenAIModel(key, url)


def test_openai_itself_is_asked_with_the_newer_limit_and_others_with_the_older() -> None:
    limits = [
        set(Dialect.of(url).parameters(ASK)) & {"max_tokens", "max_completion_tokens"} for url in (OPENAI_URL, "http://h")
    ]
    assert limits == [{"max_completion_tokens"}, {"max_tokens"}]


async def test_who_stops_listening_closes_the_connection() -> None:
    async with talking(in_order(Reply(text="on ", fault="endless"))) as (server, model):
        async with asyncio.timeout(5), aclosing(model.stream(ASK)) as pieces:
            assert await anext(pieces) == "on "
        async with asyncio.timeout(5):
            await server.idle()


def test_importing_the_port_does_not_load_the_client() -> None:
    modules = "planner.llm.openai, planner.tokens, planrail.prices, sys"
    code = f"import {modules}; print({{'openai', 'splintr', 'genai_prices'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"
