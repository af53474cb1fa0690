"""Duration: a length of time as scripts write it: "90s", "10m", "2h", "3d", or a number of seconds."""

from __future__ import annotations

import math
import re

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
MAX_SECONDS = 3_660 * 86_400.0  # ten years; nothing waits longer
MAX_TEXT = 40  # characters; no length of time takes more


def seconds_of(value: object) -> float | None:
    """The seconds of a length of time; None for what is none, is negative, or is longer than ten years."""
    seconds: float | None = None
    match value:
        case bool():
            return None
        case int() | float():
            seconds = float(value) if abs(value) <= MAX_SECONDS else None
        case str() if len(value) <= MAX_TEXT:
            found = _DURATION.fullmatch(value.strip())
            seconds = None if found is None else float(found[1]) * _UNIT_SECONDS[found[2]]
    return seconds if seconds is not None and math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS else None


def duration_text(seconds: float) -> str:
    """The length of time as a person writes it, in the largest unit that leaves no rest."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds / _UNIT_SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s"
