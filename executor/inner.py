"""Inner: the calls within a `do`, which have items of their own below the item of the `do`.

""    ─► m1 ─► 1.1, 1.2 ─► m2 ─► 2.1 ─► m3          the whole; its model's turns; the calls that a turn asks for
"3"   ─► 3/m1 ─► 3/1.1 ─► …                          the same of the third element of a map
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from executor.call_state import Address, CallState

_INNER = re.compile(r"(?:(\d+)/)?(?:m(\d+)|(\d+)\.(\d+))")


@dataclass(frozen=True, slots=True)
class Inner:
    """Where an inner call stands: the item of its `do`, the turn, and its number among the turn's calls; 0 is the model's."""

    owner: str
    turn: int
    number: int = 0

    @property
    def item(self) -> str:
        within = f"{self.turn}.{self.number}" if self.number else f"m{self.turn}"
        return f"{self.owner}/{within}" if self.owner else within

    @property
    def next_turn(self) -> Inner:
        """The model's turn after this one, which sees what this one gave."""
        return Inner(self.owner, self.turn + 1)


def inner_of(item: str) -> Inner | None:
    """The inner call of that item; None for the item of a whole step, of a map's element, of a poll's call."""
    found = _INNER.fullmatch(item)
    if found is None:
        return None
    owner, model, turn, number = found.groups()
    return Inner(owner or "", int(model or turn), int(number or 0))


def place_of(item: str) -> tuple[int, int, int]:
    """By which the items of a step stand in their order."""
    inner = inner_of(item)
    return (int(item or 0), 0, 0) if inner is None else (int(inner.owner or 0), inner.turn, inner.number)


def is_told(calls: Mapping[Address, CallState], step: str, item: str) -> bool:
    """Whether the model of a `do` knows by now how a call of it ended: what came after stands on that."""
    inner = inner_of(item)
    return inner is not None and inner.number > 0 and (step, inner.next_turn.item) in calls


def forget_answers(calls: dict[Address, CallState]) -> None:
    """Forget the last answers of the loops that failed: their models are asked once more."""
    for step, item in [a for a, call in calls.items() if call.started is None and call.failed is not None]:
        turn = Inner(item, 1)
        while (step, turn.next_turn.item) in calls:
            turn = turn.next_turn
        last = calls.get((step, turn.item))
        said = None if last is None or last.finished is None else last.finished.value
        if isinstance(said, dict) and not said.get("calls"):
            del calls[step, turn.item]
