"""CallState: what the journal says of one call of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from executor.events import CallFailed, CallFinished, CallRetried, CallStarted

Address = tuple[str, str]  # (step, item)
UNKNOWN = "unknown"  # the kind of a failed call of which nobody could say whether it took effect
MAYBE = frozenset(("timeout", "crashed", "invalid", UNKNOWN))  # kinds of failures after which an effect may have happened
CEILING = "ceiling"  # the kind of a failed call that a ceiling cut short


@dataclass
class CallState:
    """One call of a run: at most one of `finished` and `failed` is set.

    `again`: it failed in a way that had no effect, and is to be made once more. It keeps its key.
    """

    started: CallStarted | None = None
    starts: int = 0
    again: bool = False
    finished: CallFinished | None = None
    failed: CallFailed | None = None
    held: str = ""  # what it waits for, while it stands in line
    retries: list[CallRetried] = field(default_factory=list)
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Started, and nothing known of its end."""
        return self.started is not None and not self.again and self.finished is None and self.failed is None

    @property
    def uncertain(self) -> bool:
        """An effect was claimed, and nothing is known of its end: it may have happened."""
        return self.open and self.started is not None and self.started.claim

    @property
    def began_at(self) -> datetime | None:
        """When the call was begun: its start may have been written no earlier than its end."""
        end = self.finished or self.failed
        if self.started_at is None or self.ended_at is None or end is None:
            return self.started_at
        return min(self.started_at, self.ended_at - timedelta(seconds=end.seconds))

    def reopen(self) -> None:
        """Forget that it failed: it is to be made once more, after a look whether it had an effect."""
        if self.failed is not None:
            self.again = self.failed.kind not in MAYBE
            self.failed, self.ended_at = None, None
