"""Retrying: bounded, polite, and honest about what failed attempts cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from planner.errors import ModelError, ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, Model, ModelReply, ModelRequest, Piece, Restarted, complete
from planner.llm.retry import Retrying, RetryScheduled
from planner.llm.scripted import ScriptedModel
from planner.usage import Usage
from tests.model_server import ModelServer, Reply, in_order

ASK = ModelRequest(model="small", messages=(Message(role="user", content="Go."),), timeout_s=5)
CALL = Usage(model_calls=1, input_tokens=10)


class Patience:
    """Waits for nothing, and remembers how long it should have waited."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def busy(retry_after_s: float | None = None) -> ModelUnavailable:
    return ModelUnavailable("busy", usage=CALL, retry_after_s=retry_after_s)


async def test_a_model_that_comes_back_answers_and_every_attempt_is_paid() -> None:
    reply = ModelReply(text="here", usage=CALL, model="small")
    sleep = Patience()
    model = Retrying(ScriptedModel([busy(), busy(), reply]), sleep=sleep)
    pieces = [p async for p in model.stream(ASK)]
    assert pieces == ["here", reply.model_copy(update={"usage": CALL + CALL + CALL})]
    assert len(sleep.waits) == 2
    assert 0.5 <= sleep.waits[0] <= 1 <= sleep.waits[1] <= 2


async def test_attempts_are_bounded_and_the_last_error_carries_them_all() -> None:
    inner = ScriptedModel([busy(), busy(), busy(), "never"])
    with pytest.raises(ModelUnavailable) as raised:
        await complete(Retrying(inner, sleep=Patience()), ASK)
    assert len(inner.requests) == 3
    assert raised.value.usage == CALL + CALL + CALL


@pytest.mark.parametrize("error", [ModelRefused("no"), ModelMisconfigured("no"), ModelError("no")])
async def test_what_a_retry_cannot_help_passes_at_once(error: ModelError) -> None:
    inner = ScriptedModel([error, "never"])
    with pytest.raises(type(error)):
        await complete(Retrying(inner, sleep=Patience()), ASK)
    assert len(inner.requests) == 1


async def test_another_error_after_a_retry_carries_both_usages() -> None:
    refused = ModelRefused("no", usage=CALL)
    with pytest.raises(ModelRefused) as raised:
        await complete(Retrying(ScriptedModel([busy(), refused]), sleep=Patience()), ASK)
    assert raised.value.usage == CALL + CALL


@pytest.mark.parametrize(("wish", "least", "most"), [(4.0, 4.0, 4.4), (0.0, 0.0, 0.0), (3_600.0, 30.0, 30.0)])
async def test_the_servers_wish_is_followed_up_to_a_cap(wish: float, least: float, most: float) -> None:
    sleep = Patience()
    await complete(Retrying(ScriptedModel([busy(wish), "x"]), sleep=sleep), ASK)
    assert least <= sleep.waits[0] <= most


async def test_a_retry_is_told() -> None:
    told: list[RetryScheduled] = []
    sleep = Patience()
    await complete(Retrying(ScriptedModel([busy(), "x"]), on_retry=told.append, sleep=sleep), ASK)
    assert [(t.model, t.attempt, t.wait_s, t.error.message) for t in told] == [("small", 1, sleep.waits[0], "busy")]


async def test_a_reply_that_breaks_off_is_marked_before_it_starts_again() -> None:
    async with ModelServer(in_order(Reply(text="one two three four five six seven", fault="vanish"), "again")) as server:
        inner = OpenAIModel(None, server.url)
        pieces = [p async for p in Retrying(inner, sleep=Patience()).stream(ASK)]
        await inner.aclose()
    match pieces:
        case ["one two three fo", Restarted(reason=reason), "again", ModelReply(text="again", usage=usage)]:
            assert "broke off" in reason
            assert usage.model_calls == 2
        case _:
            pytest.fail(str(pieces))


async def test_a_reply_without_a_piece_also_voids_the_pieces_before() -> None:
    async with ModelServer(in_order(Reply(text="one two three four five six seven", fault="vanish"), "")) as server:
        inner = OpenAIModel(None, server.url)
        pieces = [type(p) async for p in Retrying(inner, sleep=Patience()).stream(ASK)]
        await inner.aclose()
    assert pieces == [str, Restarted, ModelReply]


class Watched:
    """A model that says whether its stream was closed."""

    def __init__(self, inner: Model) -> None:
        self.inner = inner
        self.closed = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        try:
            async for piece in self.inner.stream(request):
                yield piece
        finally:
            self.closed = True


async def test_who_stops_listening_closes_the_model_behind() -> None:
    watched = Watched(ScriptedModel(["a long reply", "never"], chunk=1))
    async with aclosing(Retrying(watched).stream(ASK)) as pieces:
        assert await anext(pieces) == "a"
    assert watched.closed


async def test_a_cancelled_call_is_not_asked_again() -> None:
    async with ModelServer(in_order(Reply(fault="hang"), "never")) as server:
        inner = OpenAIModel(None, server.url)
        call = asyncio.create_task(complete(Retrying(inner, sleep=Patience()), ASK))
        async with asyncio.timeout(5):
            await server.asked()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await inner.aclose()
    assert len(server.requests) == 1
