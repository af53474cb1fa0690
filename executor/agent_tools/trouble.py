"""Trouble: what an exchange with an agent broke on, and whether it may have begun something there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from a2a.client.errors import A2AClientError, A2AClientTimeoutError
from a2a.utils.errors import A2AError, InternalError, TaskNotFoundError, UnsupportedOperationError
from google.protobuf.json_format import ParseError

from executor.agent_tools.said import MAX_TOLD
from executor.builtin.addresses import Unsent
from executor.builtin.handle import Unfit


class Garbled(ValueError):
    """What an agent says is not of the protocol's types."""


_GARBLED = (ParseError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError)  # what readers raise for it
BROKEN = (A2AError, Unfit, httpx.HTTPError, ValueError, NotImplementedError)  # what the SDK and the transport raise
T = TypeVar("T")
_DENIED = frozenset((401, 403))
_LATER = frozenset((429, 502, 503, 504))


@dataclass(frozen=True)
class Trouble:
    """`unbegun`: nothing has begun there, and it may be tried again. `open`: what became of it is not known."""

    message: str
    kind: str = "failed"
    unbegun: bool = False
    open: bool = False
    missing: bool = False  # it does not know the task
    unsupported: bool = False


async def spoken(stream: AsyncIterator[T]) -> AsyncGenerator[T]:
    """What an agent says, one after the other; raises Garbled for what cannot be read."""
    try:
        async for each in stream:
            yield each
    except _GARBLED as error:
        raise _garbled(error) from None


async def read(answer: Awaitable[T]) -> T:
    """What an agent answers; raises Garbled for what cannot be read."""
    try:
        return await answer
    except _GARBLED as error:
        raise _garbled(error) from None


def _garbled(error: Exception) -> Garbled:
    return Garbled(f"it says what A2A does not have ({type(error).__name__})")


def trouble_of(error: Exception) -> Trouble:
    """What an exchange broke on."""
    cause = error.__cause__ if isinstance(error.__cause__, httpx.HTTPError) else error
    said = str(error)[:MAX_TOLD] or type(error).__name__
    match cause:
        case Unsent():
            return Trouble(cause.message, "transient", unbegun=True)
        case Unfit():
            return Trouble(cause.message, cause.kind, open=cause.kind == "transient")
        case httpx.HTTPStatusError():
            return _status(cause.response.status_code)
        case A2AClientTimeoutError() | httpx.HTTPError():
            return Trouble(f"the connection broke off ({type(cause).__name__})", "timeout", open=True)
        case TaskNotFoundError():
            return Trouble("it does not know the task", "unknown", missing=True)
        case UnsupportedOperationError() | NotImplementedError():
            return Trouble(said, unsupported=True)
        case InternalError() | ValueError():
            return Trouble(said, open=True)
        case A2AClientError() if "-32601" in said:  # JSON-RPC's "method not found"
            return Trouble(said, unsupported=True)
        case A2AClientError():
            return Trouble(said, open=True)
        case _:
            return Trouble(said)


def _status(code: int) -> Trouble:
    message = f"it answered {code}"
    if code in _DENIED:
        return Trouble(f"{message}: the token is missing, or does not allow it", "refused")
    if code in _LATER:
        return Trouble(message, "transient", unbegun=code in (429, 503), open=code not in (429, 503))
    if code == 404:
        return Trouble(message, unsupported=True)
    return Trouble(message, open=code >= 500)
