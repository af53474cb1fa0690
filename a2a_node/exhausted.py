"""Exhausted: a request that is refused because its caller has had enough for now: 429, RESOURCE_EXHAUSTED, and when to retry.

The protocol has no error of its own for that, and the SDK knows none but the protocol's. So whoever refuses leaves word in the
request's `Turn`, and the door says it in the words of HTTP, JSON-RPC or gRPC, in the place of what the SDK would say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from executor.errors import QuotaExceeded
from planrail.quota import TooManyRequests, retry_after

TURN = "planrail.turn"  # in a request's scope, and in its call context's state
CODE = -32000  # of JSON-RPC: a server's own; the protocol's begin at -32001
_DOMAIN = "w3id.org/planrail"
_TYPE = "type.googleapis.com/google.rpc."


@dataclass
class Turn:
    """One request, and why it is refused, if it is."""

    refused: QuotaExceeded | None = None
    request: object = None  # its id, of JSON-RPC


def seconds_of(error: QuotaExceeded | TooManyRequests) -> int:
    """When to come again."""
    return retry_after(error.again_in_s)


def words_of(error: QuotaExceeded | TooManyRequests) -> str:
    """What is told of it."""
    return f"{error.message} {error.hint}".strip()


def details_of(error: QuotaExceeded | TooManyRequests) -> list[dict[str, Any]]:
    """The same for programs: messages of google.rpc as JSON."""
    what = error.what if isinstance(error, QuotaExceeded) else "requests"
    return [
        {"@type": f"{_TYPE}ErrorInfo", "reason": f"{what.upper()}_EXCEEDED", "domain": _DOMAIN, "metadata": {}},
        {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{seconds_of(error)}s"},
    ]
