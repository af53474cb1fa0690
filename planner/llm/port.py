"""The port to language models: one request in, text as it comes, then what it cost.

A port counts everything that was billed: a reply carries its usage, and so does every error (`ModelError.usage`). A reply
that nobody waits for any more (a cancelled call) has neither; `planner.tokens.estimate_usage` says what it has cost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from planner.llm.function import ToolCall, ToolFunction
from planner.toolspec import JsonSchema
from planner.usage import Usage


class Message(BaseModel):
    """One turn of a prompt. An assistant's may hold calls; a tool's answers the call `call_id` of the turn before."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


class ModelRequest(BaseModel):
    """What is asked of a model. With `response_schema` the reply has to be one JSON document of that schema.

    A port asks the vendor for that schema as well as it can; what comes back is text all the same, which
    `planner.llm.json_reply.parse_json_reply` turns into a checked value.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolFunction, ...] = ()  # what the model may call; they stand in front of the messages, as vendors have it
    may_call: bool = True  # False: the tools are told (their tokens are in the vendor's cache) and not to be called
    parallel_calls: bool = True  # False: one call a reply; further ones are dropped
    max_output_tokens: int = 1_000  # the vendor stops the reply here: finish is then "length"
    response_schema: JsonSchema | None = None
    temperature: float | None = 0.0
    timeout_s: float = 120.0  # for the whole reply; ModelUnavailable when it runs out


class ModelReply(BaseModel):
    """A whole reply. `finish` is "length" when it ran into `max_output_tokens`."""

    model_config = ConfigDict(frozen=True)

    text: str
    usage: Usage
    model: str
    finish: Literal["stop", "length"] = "stop"
    calls: tuple[ToolCall, ...] = ()  # what the model wants called, before it goes on


class Restarted(BaseModel):
    """The reply broke off and is asked for again: forget every piece so far.

    Comes from `planner.llm.retry.Retrying` only, and only when pieces were given out before. Whoever acts on pieces (a plan
    that is compiled line by line) starts over here; whoever takes the final `ModelReply.text` need not care.
    """

    model_config = ConfigDict(frozen=True)

    reason: str


Piece: TypeAlias = str | Restarted | ModelReply
Heard: TypeAlias = Callable[[str | Restarted], None]


class Model(Protocol):
    """A place where language models answer."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        """Yield the reply's text piece by piece and at last, once, the whole ModelReply, with the calls.

        Raises ModelError: ModelUnavailable, ModelRefused, ModelMisconfigured, or itself where the vendor calls the request
        wrong. Each carries the usage that was billed. Whoever stops early closes it (`contextlib.aclosing`).
        """
        ...


async def complete(model: Model, request: ModelRequest, heard: Heard | None = None) -> ModelReply:
    """The whole reply; `heard` is given each piece before as it comes."""
    async with aclosing(model.stream(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, ModelReply):
                return piece
            if heard is not None:
                heard(piece)
    raise RuntimeError("the model's port ended its stream without a reply")
