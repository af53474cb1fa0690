"""Nudge: how an engine makes a segment look up."""

from __future__ import annotations

import asyncio


class Nudge(asyncio.Event):
    """Set when something from outside was appended, or when the worker drains; the segment clears it and looks."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False

    def drain(self) -> None:
        """From now on the segment starts nothing new, lets what is in flight settle, and gives its run back."""
        self.draining = True
        self.set()


def is_draining(nudge: asyncio.Event) -> bool:
    """Whether the segment is to come to its end; a plain event never says so."""
    return isinstance(nudge, Nudge) and nudge.draining
