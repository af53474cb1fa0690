"""Pace: how long played models take to their first token and from token to token, as a seed draws it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random

from planner.llm.port import Model, ModelReply, ModelRequest, Piece
from planner.models import Models, Role
from planner.tokens import count_tokens
from planrail.evals.cassette import content_of

_SPREAD = 0.4  # of the logarithm: one call in twenty takes about twice as long as the one in the middle


@dataclass(frozen=True)
class Tempo:
    """How fast a model is where nothing slows it down."""

    first_token_s: float
    tokens_s: float


STRONG, CHEAP = Tempo(0.6, 60), Tempo(0.3, 120)  # a planner's and an executor's


@dataclass
class Pace:
    """Lets models take their time: `factor` 1 is life's own pace, 0.1 a tenth of it.

    What a call takes goes by the seed and by what is asked, and not by what runs beside it: equal seeds, equal latencies.
    """

    factor: float
    seed: int
    _asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def paced(self, models: Models) -> Models:
        """The same models, slower."""
        roles = (models.planner, STRONG), (models.executor, CHEAP)
        return Models(*(role and Role(_Paced(role.model, tempo, self), role.terms) for role, tempo in roles))

    def drawn(self, request: ModelRequest) -> float:
        """How often as long as usual this call takes."""
        content = content_of(request)
        with self._lock:
            self._asked[content] += 1
            number = self._asked[content]
        return self.factor * Random(f"{self.seed} {content} {number}").lognormvariate(0, _SPREAD)


@dataclass(frozen=True)
class _Paced:
    """A model that says its tokens one after the other."""

    model: Model
    tempo: Tempo
    pace: Pace

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        factor, said, clock = self.pace.drawn(request), 0, asyncio.get_running_loop().time
        begun = clock()
        async with aclosing(self.model.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    said += count_tokens(piece)
                elif isinstance(piece, ModelReply):
                    said = max(said, piece.usage.output_tokens)  # calls come in no pieces
                due = begun + factor * (self.tempo.first_token_s + said / self.tempo.tokens_s)
                await asyncio.sleep(max(due - clock(), 0))
                yield piece
