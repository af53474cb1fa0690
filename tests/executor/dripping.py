"""Dripping: a model whose reply comes piece by piece, each when the test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from planner.llm.port import ModelReply, ModelRequest, Piece, Restarted
from planner.tokens import estimate_usage

Pour = str | int | Restarted | asyncio.Event  # an event is waited for, and so many turns of the loop


class Dripping:
    """Answers with one list of pours after the other; the reply is the text since it last began."""

    def __init__(self, *replies: Sequence[Pour]) -> None:
        self._replies = list(replies)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        text = ""
        for pour in self._replies.pop(0):
            match pour:
                case asyncio.Event():
                    await pour.wait()
                    continue
                case int():
                    for _ in range(pour):
                        await asyncio.sleep(0)
                    continue
                case Restarted():
                    text = ""
                case str():
                    text += pour
            yield pour
        yield ModelReply(text=text, usage=estimate_usage(request, text), model=request.model)
