"""Redact: what a tool gives back never holds the secrets that it was given."""

from __future__ import annotations

from collections.abc import Mapping

from executor.tool import ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json

SHORTEST = 4  # characters of a secret that is looked for; a shorter one would be found everywhere


def redacted(result: ToolResult, secrets: Mapping[str, str | None]) -> ToolResult:
    """The result with every secret in it replaced by its name."""
    known = {value: f"«secret {name}»" for name, value in secrets.items() if value and len(value) >= SHORTEST}
    if not known:
        return result
    if isinstance(result, ToolDone):
        return ToolDone(_clean(result.value, known))
    return ToolFailed(_clean(result.message, known), result.kind, result.retry_after_s)


def _clean(value: Json, known: Mapping[str, str]) -> Json:
    match value:
        case str():
            for secret, name in known.items():
                value = value.replace(secret, name)
            return value
        case list():
            return [_clean(v, known) for v in value]
        case dict():
            return {_clean(k, known): _clean(v, known) for k, v in value.items()}
        case _:
            return value
