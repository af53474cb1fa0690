"""Started: what the journal says of a call before it is made: its arguments as they are kept, and its idempotency key."""

from __future__ import annotations

from planner.toolspec import Json, digest

_SHOWN_BYTES = 8_000  # of arguments in the journal; larger ones stand as their digest


def shown_arguments(arguments: dict[str, Json]) -> Json:
    """Arguments as the journal keeps them."""
    size = len(str(arguments))
    return arguments if size <= _SHOWN_BYTES else {"$digest": digest(arguments), "size": size}


def call_key(run: str, tool: str, arguments: Json, ordinal: int) -> str:
    """The idempotency key of a run's call, of which `ordinal` equal ones were started before."""
    return digest([run, tool, arguments, ordinal])[:32]
