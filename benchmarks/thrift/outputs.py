"""Outputs: how long a tool takes and how much it says, and the texts and numbers of an invented world."""

from __future__ import annotations

import asyncio
import random
import re
from functools import cache

_WORDS = re.findall(
    r"\w+",
    "river stone paper light market winter garden window bridge letter engine harbor silver morning valley orchard castle "
    "signal copper meadow lantern anchor village summit timber",
)


class Outputs:
    """How long a tool takes and how many tokens it gives, in this process."""

    seconds = 0.0
    size = 200


async def paced(key: str) -> str:
    """The text of a tool's output, after the time that the tool takes."""
    await passed()
    return filler(key, Outputs.size)


async def passed() -> None:
    """The time that a tool takes."""
    if Outputs.seconds:
        await asyncio.sleep(Outputs.seconds)


@cache
def filler(key: str, size: int) -> str:
    """About so many tokens of text."""
    words = random.Random(key)
    return " ".join(words.choice(_WORDS) for _ in range(size - 20))


def number(key: str, most: int) -> int:
    """One of the first so many numbers, always the same for a key."""
    return random.Random(key).randrange(most)
