"""Breaker: whether a server that has failed again and again is asked at all. Pure: time and jitter arrive as arguments.

    closed ──so many failures in a row──► open ──its cool-down is over──► half-open: one call probes, the others are refused
       ▲                                   ▲                                  │
       └──────── a call succeeds ──────────┴──────── the probe fails ─────────┘      (then it cools down twice as long)

Only failures that say "the server is sick" are told to it (`Gate` chooses them). A call that began before it opened and
ends after says nothing when it fails, and closes it when it succeeds: the server answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_PROBED_S = 1.0  # while a probe is under way: look again after so long
_SPREAD = 0.25  # a cool-down is up to so much longer, so that processes do not come back all at once


@dataclass(frozen=True, slots=True)
class BreakerTerms:
    """When a breaker opens, and for how long."""

    failures: int = 5  # in a row; then it opens
    cool_down_s: float = 5.0  # the first time; each failed probe doubles it
    longest_s: float = 60.0  # no cool-down is longer, but for its jitter


@dataclass(frozen=True, slots=True)
class Refused:
    """The call is not made: the server has failed since `since` and may be asked again in `again_in_s`."""

    since: float
    again_in_s: float
    failures: int
    reason: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may be made. `probe` is its number if the breaker's fate hangs on it, else 0."""

    breaker: Breaker
    probe: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One server's breaker. `since` is None while it is closed."""

    terms: BreakerTerms = BreakerTerms()
    failures: int = 0  # in a row
    reason: str = ""  # of the last one
    since: float | None = None  # when it opened
    until: float = 0.0  # the end of its cool-down
    cool_downs: int = 0  # in a row
    probing: int = 0  # the number of the probe that is under way
    probes: int = 0  # so far

    @property
    def untouched(self) -> bool:
        """Whether it knows nothing, so that it need not be kept."""
        return self.since is None and self.failures == 0

    def admit(self, now: float) -> Admitted | Refused:
        """Whether a call may be made now."""
        if self.since is None:
            return Admitted(self)
        if now < self.until:
            return Refused(self.since, self.until - now, self.failures, self.reason)
        if self.probing:
            return Refused(self.since, _PROBED_S, self.failures, self.reason)
        number = self.probes + 1
        return Admitted(replace(self, probing=number, probes=number), number)

    def succeeded(self) -> Breaker:
        """The server has answered."""
        return Breaker(self.terms, probes=self.probes)

    def failed(self, now: float, probe: int, *, jitter: float, wish_s: float = 0.0, reason: str = "") -> Breaker:
        """A call failed in a way that says that the server is sick; `wish_s` is how long it asked to be left alone."""
        failures = self.failures + 1
        if self.since is None:
            counted = replace(self, failures=failures, reason=reason)
            return counted if failures < self.terms.failures else counted._opened(now, now, jitter, wish_s)
        if probe == 0 or probe != self.probing:
            return self
        return replace(self, failures=failures, reason=reason)._opened(now, self.since, jitter, wish_s)

    def given_up(self, probe: int) -> Breaker:
        """A call ended without telling anything of the server: where it was the probe, the next call probes."""
        return replace(self, probing=0) if probe and probe == self.probing else self

    def _opened(self, now: float, since: float, jitter: float, wish_s: float) -> Breaker:
        doubled = self.terms.cool_down_s * 2.0 ** min(self.cool_downs, 16)
        cool_down = min(max(doubled, wish_s), self.terms.longest_s) * (1.0 + _SPREAD * jitter)
        return replace(self, since=since, until=now + cool_down, cool_downs=self.cool_downs + 1, probing=0)
