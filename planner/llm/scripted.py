"""ScriptedModel: a model whose replies are given, for tests, demonstrations and work without a network."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeAlias

from planner.errors import ModelError, ModelMisconfigured
from planner.llm.function import ToolCall
from planner.llm.port import ModelReply, ModelRequest, Piece
from planner.prices import Prices, priced
from planner.tokens import count_reply, count_tokens, estimate_usage
from planner.usage import NO_USAGE, Usage

ScriptedReply: TypeAlias = str | ToolCall | tuple[ToolCall, ...] | ModelReply | ModelError


class ScriptedModel:
    """Gives its replies in order, or the ones a function chooses: text, or calls; a ModelError among them is raised.

    Text comes in pieces of `chunk` characters and is cut at the request's `max_output_tokens`, as a vendor would. Its tokens
    are really counted. `requests` holds what was asked, in order.

    >>> import asyncio
    >>> from planner.llm.port import Message, ModelRequest, complete
    >>> model = ScriptedModel(["hello world"])
    >>> request = ModelRequest(model="any", messages=(Message(role="user", content="Greet me."),))
    >>> reply = asyncio.run(complete(model, request))
    >>> reply.text, reply.usage.input_tokens, reply.usage.output_tokens
    ('hello world', 11, 2)
    >>> [r.messages[-1].content for r in model.requests]
    ['Greet me.']
    """

    def __init__(
        self,
        replies: Sequence[ScriptedReply] | Callable[[ModelRequest], ScriptedReply],
        *,
        chunk: int = 16,
        prices: Prices | None = None,
    ) -> None:
        self._replies = replies
        self._chunk = max(1, chunk)
        self._prices = prices
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        scripted = self._choose(request)
        if isinstance(scripted, ModelError):
            raise _billed(scripted)
        reply = scripted if isinstance(scripted, ModelReply) else self._reply(request, scripted)
        for i in range(0, len(reply.text), self._chunk):
            yield reply.text[i : i + self._chunk]
        yield reply

    def _choose(self, request: ModelRequest) -> ScriptedReply:
        if callable(self._replies):
            return self._replies(request)
        number = len(self.requests)
        if number <= len(self._replies):
            return self._replies[number - 1]
        asked = request.messages[-1].content[:80] if request.messages else ""
        raise ModelMisconfigured(
            f"The scripted model has {len(self._replies)} replies and was asked {number} times; the last time: {asked!r}.",
            usage=Usage(model_calls=1),
            hint="Give it one more reply, or look at its `requests` for a call that should not have been made.",
        )

    def _reply(self, request: ModelRequest, said: str | ToolCall | tuple[ToolCall, ...]) -> ModelReply:
        text = said if isinstance(said, str) else ""
        calls = () if isinstance(said, str) else said if isinstance(said, tuple) else (said,)
        if not (request.tools and request.may_call and request.parallel_calls):  # a port gives no others
            calls = calls[: 1 if request.tools and request.may_call else 0]
        kept, asked = _cut(text, request.max_output_tokens), len(calls)
        while calls and count_reply(kept, calls) > request.max_output_tokens:
            calls = calls[:-1]
        usage = estimate_usage(request, kept, calls).model_copy(update={"estimated": False})  # here, nobody knows better
        return ModelReply(
            text=kept,
            usage=priced(usage, self._prices, request.model),
            model=request.model,
            finish="stop" if kept == text and len(calls) == asked else "length",
            calls=calls,
        )


def _billed(error: ModelError) -> ModelError:
    """A copy, since one error may be scripted twice; a failure that tells no usage was one call all the same."""
    raised = copy.copy(error)
    if raised.usage == NO_USAGE:
        raised.usage = Usage(model_calls=1)
    return raised


def _cut(text: str, max_tokens: int) -> str:
    """The longest beginning of the text that takes no more than so many tokens."""
    if count_tokens(text) <= max_tokens:
        return text
    fits, exceeds = 0, len(text)
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if count_tokens(text[:middle]) <= max_tokens:
            fits = middle
        else:
            exceeds = middle
    return text[:fits]
