"""Backoff: when a notification that did not arrive is tried again, and when it is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST = 0.5  # of a wait; the rest of it is chance, so that those who failed together do not come back together


@dataclass(frozen=True)
class Backoff:
    """Waits double up to a longest one; after so many seconds without success nobody tries any more."""

    first_s: float = 2.0
    longest_s: float = 3_600.0
    give_up_s: float = 86_400.0

    def wait_s(self, failures: int, chance: float, asked_s: float | None = None) -> float:
        """How long after that many failures in a row, the first being 1; not less than the receiver has asked for.

        `chance` is from 0 to 1.
        """
        doubled = self.first_s * 2.0 ** min(failures - 1, 40)
        wait = min(doubled, self.longest_s) * (_LEAST + (1 - _LEAST) * chance)
        return wait if asked_s is None else max(wait, min(asked_s, self.longest_s))

    def is_over(self, failing_s: float) -> bool:
        """Whether it has failed for long enough."""
        return failing_s >= self.give_up_s
