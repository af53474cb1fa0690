"""What has to be true of a real model for Planrail to work with it. Costs a few hundred tokens."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from planner.errors import ModelMisconfigured
from planner.llm.json_reply import parse_json_reply
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, ModelReply, ModelRequest, complete
from planner.tokens import count_messages
from tests.live.settings import live_settings

SETTINGS = live_settings(os.environ)
assert SETTINGS is not None, "run this suite with `python -m tests.live`"
SCORE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population_over_a_million": {"type": "boolean"}},
    "required": ["city", "population_over_a_million"],
    "additionalProperties": False,
}


@pytest.fixture
async def model() -> AsyncIterator[OpenAIModel]:
    assert SETTINGS is not None
    live = OpenAIModel(SETTINGS.api_key, SETTINGS.base_url)
    yield live
    await live.aclose()


def asking(name: str, question: str) -> ModelRequest:
    return ModelRequest(model=name, messages=(Message(role="user", content=question),), max_output_tokens=2_000)


@pytest.mark.parametrize("name", SETTINGS.models)
async def test_it_answers_in_pieces_and_tells_what_it_used(model: OpenAIModel, name: str) -> None:
    request = asking(name, "Write the numbers from one to twenty as words, separated by commas.")
    pieces = [piece async for piece in model.stream(request)]
    reply = pieces[-1]
    assert isinstance(reply, ModelReply)
    assert "twenty" in reply.text.lower()
    assert "".join(p for p in pieces if isinstance(p, str)) == reply.text
    assert reply.usage.model_calls == 1
    assert reply.usage.output_tokens > 0
    counted = count_messages(request.messages)
    assert counted / 2 < reply.usage.input_tokens < counted * 2 + 100  # another vocabulary, a hidden system prompt


@pytest.mark.parametrize("name", SETTINGS.models)
async def test_it_gives_typed_answers(model: OpenAIModel, name: str) -> None:
    request = asking(name, "Give the name of the capital of Japan as JSON, and say whether over a million people live there.")
    reply = await complete(model, request.model_copy(update={"response_schema": SCORE}))
    assert parse_json_reply(reply.text, SCORE) == {"city": "Tokyo", "population_over_a_million": True}


@pytest.mark.parametrize("name", SETTINGS.models)
async def test_it_stops_at_its_limit(model: OpenAIModel, name: str) -> None:
    request = asking(name, "Write the numbers from one to two hundred as words.")
    reply = await complete(model, request.model_copy(update={"max_output_tokens": 20}))
    assert reply.finish == "length"


async def test_a_model_that_does_not_exist_is_a_setting_to_mend(model: OpenAIModel) -> None:
    with pytest.raises(ModelMisconfigured, match="PLANRAIL_PLANNER_MODEL"):
        await complete(model, asking("planrail-no-such-model", "Hello?"))
