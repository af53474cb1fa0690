"""Retrying: the same model, asked again when it was not available."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from planner.errors import ModelError, ModelUnavailable
from planner.llm.port import Model, ModelReply, ModelRequest, Piece, Restarted
from planner.usage import NO_USAGE, Usage

MAX_WAIT_S = 30.0  # a server that asks for more is asked again after that all the same


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Attempt number `attempt` (from 1) has failed with `error`; the next one starts in `wait_s` seconds."""

    model: str
    attempt: int
    wait_s: float
    error: ModelUnavailable


class Retrying:
    """A `Model` that asks again, `attempts` times in all, after a ModelUnavailable; every other error passes at once.

    It waits what the server asks for, else exponentially with jitter, never more than 30 s. When pieces were given out
    before the failure, `Restarted` precedes the first piece of the new attempt. The usage of failed attempts is in the
    final reply's, or in the final error's. The request's `timeout_s` holds for each attempt.
    """

    def __init__(
        self,
        model: Model,
        *,
        attempts: int = 3,
        on_retry: Callable[[RetryScheduled], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._model = model
        self._attempts = attempts
        self._on_retry = on_retry
        self._sleep = sleep

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        spent, stale = NO_USAGE, ""  # stale: why the pieces that were given out are void
        given_out = False
        async for attempt in self._attempt(request.model):
            with attempt:
                try:
                    async with aclosing(self._model.stream(request)) as pieces:
                        async for piece in pieces:
                            if stale:
                                yield Restarted(reason=stale)
                            stale, given_out = "", True
                            yield _adding(piece, spent)
                    return
                except ModelError as error:
                    stale = error.message if given_out else ""
                    spent = error.usage = spent + error.usage
                    raise

    def _attempt(self, model: str) -> AsyncRetrying:
        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, ModelUnavailable):
                wait_s = state.next_action.sleep if state.next_action else 0.0
                self._on_retry(RetryScheduled(model, state.attempt_number, wait_s, error))

        return AsyncRetrying(
            retry=retry_if_exception_type(ModelUnavailable),
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            before_sleep=tell,
            sleep=self._sleep,
            reraise=True,
        )


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    wish = error.retry_after_s if isinstance(error, ModelUnavailable) else None
    if wish is None:
        return min(MAX_WAIT_S, 2.0**state.attempt_number * random.uniform(0.25, 0.5))  # 0.5 to 1 s, 1 to 2 s, …
    return min(MAX_WAIT_S, wish + random.uniform(0, 0.1 * wish))  # jitter: others were asked to wait as long


def _adding(piece: Piece, spent: Usage) -> Piece:
    """The final reply with what failed attempts cost; any other piece as it is."""
    if not isinstance(piece, ModelReply):
        return piece
    return piece.model_copy(update={"usage": spent + piece.usage})
