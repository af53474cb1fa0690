"""Text: what foreign text becomes before it reaches a terminal, and numbers as people read them."""

from __future__ import annotations

import json
import re
from datetime import datetime

from planner.toolspec import Json

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINES = re.compile(r"[\r\n\t ]+")


def clean(text: str) -> str:
    """The text without what would steer a terminal or turn its writing direction; lines and tabs stay."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n"))


def line(text: str, most: int = 200) -> str:
    """The text on one line, at most so many characters."""
    flat = clean(_LINES.sub(" ", text[: most * 8])).strip()
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def told(value: Json, most: int = 200) -> str:
    """A JSON value on one line; a text as it is."""
    return line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), most)


def block(value: Json) -> str:
    """A JSON value over several lines; a text as it is."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))


def dollars(usd: float) -> str:
    """Money with as many digits as it takes to see some."""
    return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:.4f}"


def seconds(number: float) -> str:
    """A duration: 40 ms, 3.2 s, 2 min 5 s."""
    if number < 1:
        return f"{number * 1000:.0f} ms"
    if number < 120:
        return f"{number:.1f} s"
    return f"{number // 60:.0f} min {number % 60:.0f} s"


def moment(at: datetime | None) -> str:
    """A time as the person's clock has it."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plural(count: int, word: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
