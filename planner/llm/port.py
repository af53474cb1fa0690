"""The port to language models: one request in, text as it comes, then what it cost.

A port counts everything that was billed: a reply carries its usage, and so does every error (`ModelError.usage`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from planner.toolspec import JsonSchema
from planner.usage import Usage


class Message(BaseModel):
    """One turn of a prompt."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class ModelRequest(BaseModel):
    """What is asked of a model. With `response_schema` the reply has to be one JSON document of that schema."""

    model_config = ConfigDict(frozen=True)

    model: str
    messages: tuple[Message, ...]
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


class Model(Protocol):
    """A place where language models answer."""

    def stream(self, request: ModelRequest) -> AsyncIterator[str | ModelReply]:
        """Yield the reply's text piece by piece and at last, once, the whole ModelReply.

        Raises ModelUnavailable, ModelRefused or ModelMisconfigured; each carries the usage that was billed.
        """
        ...


async def complete(model: Model, request: ModelRequest) -> ModelReply:
    """The whole reply; for callers who have no use for the pieces."""
    async for piece in model.stream(request):
        if isinstance(piece, ModelReply):
            return piece
    raise RuntimeError("the model's port ended its stream without a reply")
