"""Known: runs as their subscribers were last told of them, so that one that goes on slowly is not read anew for each event."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from a2a_node.telling import Telling
from executor.journal.outbox import Subscriber

_MOST = 200  # subscribers; of others the run is read again
_LONGEST = 20_000  # events of a run that is kept


@dataclass(frozen=True)
class _Left:
    body: str
    made: int
    telling: Telling


class Known:
    """What a process remembers of the subscribers that it has let go of. The outbox alone says how far each was told."""

    def __init__(self) -> None:
        self._left: OrderedDict[tuple[str, str], _Left] = OrderedDict()

    def keep(self, held: Subscriber, telling: Telling) -> None:
        """It was told all of that."""
        if telling.run.seq > _LONGEST:
            return
        self._left[held.run, held.id] = _Left(held.body, held.created_at, telling)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)

    def taken(self, held: Subscriber) -> Telling | None:
        """The run as it was when the subscriber was last told something; None where that is not known, or not all of it."""
        left = self._left.pop((held.run, held.id), None)
        if left is None or (left.body, left.made) != (held.body, held.created_at):
            return None
        return left.telling if (left.telling.run.seq, 0) == (held.seq, held.part) else None
