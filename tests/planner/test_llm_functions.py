"""Function calling: what is offered to a model, and what becomes of its calls, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from planner.llm.function import ToolCall, ToolFunction
from planner.llm.json_reply import ModelReplyInvalid, read_object
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, ModelReply, ModelRequest, complete
from planner.llm.scripted import ScriptedModel
from planner.tokens import count_messages, count_prompt, count_tokens
from tests.model_server import Called, Chooser, ModelServer, Reply, Script, in_order

FIND = ToolFunction(
    name="crm.find_leads",
    description="Find leads.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ASK = ModelRequest(model="small", messages=(Message(role="user", content="Find leads."),), tools=(FIND,), timeout_s=5)
AUSTIN, DALLAS = Called(name="crm-find_leads", arguments={"city": "Austin"}), Called(name="crm-find_leads", raw='{"city": ')


@asynccontextmanager
async def talking(choose: Chooser, *, refuses: tuple[str, ...] = ()) -> AsyncIterator[tuple[ModelServer, OpenAIModel]]:
    async with ModelServer(choose, script=Script(refuses=refuses)) as server:
        model = OpenAIModel("sk-test", server.url)
        try:
            yield server, model
        finally:
            await model.aclose()


async def test_calls_come_piece_by_piece_and_keep_what_the_model_wrote() -> None:
    async with talking(in_order(Reply(text="Let me see.", calls=(AUSTIN, DALLAS), chunk=3))) as (_, model):
        reply = await complete(model, ASK)
    assert reply.text == "Let me see."
    assert reply.calls == (
        ToolCall(id="call_1_0", name="crm.find_leads", arguments='{"city":"Austin"}'),
        ToolCall(id="call_1_1", name="crm.find_leads", arguments='{"city":'),
    )


async def test_tools_calls_and_outputs_are_spelt_as_the_api_has_them() -> None:
    call = ToolCall(id="c1", name="crm.find_leads", arguments='{"city":"Austin"}')
    turns = (Message(role="assistant", content="", calls=(call,)), Message(role="tool", content="[]", call_id="c1"))
    request = ASK.model_copy(update={"messages": (*ASK.messages, *turns), "parallel_calls": False})
    async with talking(in_order("None.")) as (server, model):
        reply = await complete(model, request)
    body = server.requests[0].body
    function = {"name": "crm-find_leads", "description": "Find leads.", "parameters": FIND.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["parallel_tool_calls"] is False
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "crm-find_leads", "arguments": call.arguments}}
            ],
        },
        {"role": "tool", "content": "[]", "tool_call_id": "c1"},
    ]
    assert reply.usage.input_tokens == count_prompt(request) > count_messages(request.messages)


async def test_tools_that_are_not_to_be_called_are_told_all_the_same() -> None:
    async with talking(in_order(Reply(text="Done.", calls=(AUSTIN,)))) as (server, model):
        reply = await complete(model, ASK.model_copy(update={"may_call": False}))
    assert (server.requests[0].body["tool_choice"], len(server.requests[0].tools)) == ("none", 1)
    assert (reply.text, reply.calls) == ("Done.", ())


async def test_where_one_call_a_reply_is_wanted_further_ones_are_dropped() -> None:
    async with talking(in_order(Reply(calls=(AUSTIN, DALLAS))), refuses=("parallel_tool_calls",)) as (server, model):
        reply = await complete(model, ASK.model_copy(update={"parallel_calls": False}))
    assert [c.arguments for c in reply.calls] == ['{"city":"Austin"}']
    assert len(server.requests) == 2  # the second without what the endpoint refuses


async def test_an_endpoint_without_functions_is_told_of_them_in_the_prompt_and_calls_in_json() -> None:
    said = 'I look. {"calls": [{"name": "crm.find_leads", "arguments": {"city": "Austin"}}]}'
    async with talking(in_order(said, "None."), refuses=("tools",)) as (server, model):
        first = await complete(model, ASK)
        turns = (
            Message(role="assistant", content="", calls=first.calls),
            Message(role="tool", content="[]", call_id="call_1_0"),
        )
        last = await complete(model, ASK.model_copy(update={"messages": (*ASK.messages, *turns)}))
    assert first.calls == (ToolCall(id="call_1_0", name="crm.find_leads", arguments='{"city":"Austin"}'),)
    assert (last.text, last.calls) == ("None.", ())
    told = server.requests[-1].messages
    assert [m.role for m in told] == ["system", "user", "assistant", "user"]
    assert "crm.find_leads" in told[0].content
    assert told[2].content == '{"calls":[{"name":"crm.find_leads","arguments":{"city":"Austin"}}]}'
    assert told[3].content == "Output of call call_1_0: []"


async def test_calls_that_nobody_asked_for_are_no_calls() -> None:
    async with talking(in_order(Reply(text="x", calls=(AUSTIN,)))) as (_, model):
        assert (await complete(model, ASK.model_copy(update={"tools": ()}))).calls == ()


async def test_calls_without_end_are_cut_off() -> None:
    endless = Called(name="crm-find_leads", raw='{"city": "' + "and so on " * 2_000)
    async with talking(in_order(Reply(calls=(endless,)))) as (_, model):
        reply = await complete(model, ASK.model_copy(update={"max_output_tokens": 20}))
    assert reply.finish == "length"
    assert len(reply.calls[0].arguments) < 2_000


async def test_a_scripted_model_calls_and_counts_what_it_writes() -> None:
    call = ToolCall(id="a", name="crm.find_leads", arguments="{}")
    reply = await complete(ScriptedModel([call]), ASK)
    assert reply.calls == (call,)
    assert reply.usage.output_tokens == count_tokens('{"name":"crm.find_leads","arguments":{}}')
    assert reply.usage.input_tokens == count_prompt(ASK)
    assert isinstance(reply, ModelReply)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1} and more', "no valid JSON"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[1]", "no JSON object"),
        ("{" * 100, "no valid JSON"),
        ('{"a":' * 100 + "1" + "}" * 100, "too deep"),
        ('{"a": "' + "x" * 1_000_001 + '"}', "the limit is 1,000,000"),
    ],
)
def test_arguments_that_are_no_json_object_are_refused_in_words_for_the_model(text: str, said: str) -> None:
    with pytest.raises(ModelReplyInvalid, match=said):
        read_object(text)


def test_no_arguments_at_all_are_an_empty_object() -> None:
    assert read_object(" ") == {}
