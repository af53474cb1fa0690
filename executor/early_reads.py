"""EarlyReads: what the journal says of the reads that a run made while its plan was still being written."""

from __future__ import annotations

from dataclasses import dataclass, field

from executor.call_state import Address
from executor.events import CallStarted

AHEAD = "$ahead"  # the step that they stand at: it is in no plan


@dataclass
class EarlyReads:
    """`known` are those that may be taken yet, by the digest of (tool, arguments); `taken` says which call has taken which."""

    known: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, Address] = field(default_factory=dict)

    def started(self, event: CallStarted, same: str) -> None:
        """A call has started: an early read, or one that takes the result of one. `same` is its digest."""
        if event.step == AHEAD:
            self.known.setdefault(same, []).append(event.item)
        elif event.ahead:
            self.taken[event.ahead] = (event.step, event.item)

    def forget(self) -> None:
        """What was read before the plan began is old by now."""
        self.known.clear()
