"""The breaker: whatever happens in whatever order, a sick server is left alone, probed by one call at a time, and forgiven."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from executor.breaker import Admitted, Breaker, BreakerTerms, Refused

TERMS = BreakerTerms(failures=3, cool_down_s=5.0, longest_s=60.0)


class World(RuleBasedStateMachine):
    """Calls that begin, end well or badly or are given up, while time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(TERMS)
        self.now = 0.0
        self.calls: list[int] = []  # what is in flight: 0, or the number of a probe
        self.row = 0  # failures in a row, as far as they count

    @initialize(failures=st.integers(1, 5))
    def begin(self, failures: int) -> None:
        self.breaker = Breaker(BreakerTerms(failures, 5.0, 60.0))

    @rule(seconds=st.floats(0, 100))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_comes(self) -> None:
        admission = self.breaker.admit(self.now)
        if isinstance(admission, Refused):
            assert self.breaker.since is not None
            assert self.now < self.breaker.until or self.breaker.probing in self.calls
            assert 0 < admission.again_in_s <= 60 * 1.25 + 1e-9
            return
        assert (admission.probe == 0) == (self.breaker.since is None)
        assert not self.breaker.probing, "two probes at once"
        self.breaker = admission.breaker
        self.calls.append(admission.probe)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), jitter=st.floats(0, 1), wish=st.floats(0, 1_000))
    def a_call_fails(self, data: st.DataObject, jitter: float, wish: float) -> None:
        probe = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        was = self.breaker
        self.breaker = was.failed(self.now, probe, jitter=jitter, wish_s=wish)
        self.row += 1
        if was.since is None:
            assert (self.breaker.since is not None) == (self.row >= was.terms.failures)
        if self.breaker != was and self.breaker.since is not None:
            assert self.now + 5.0 <= self.breaker.until <= self.now + 60 * 1.25  # as a sum: a difference would be rounded

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_call_succeeds(self, data: st.DataObject) -> None:
        self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        self.breaker = self.breaker.succeeded()
        self.row = 0
        assert isinstance(self.breaker.admit(self.now), Admitted)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_call_is_given_up(self, data: st.DataObject) -> None:
        self.breaker = self.breaker.given_up(self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1))))

    @invariant()
    def one_probe_at_most_and_none_is_waited_for_forever(self) -> None:
        if self.breaker.probing:
            assert self.calls.count(self.breaker.probing) == 1
        elif self.breaker.since is not None:
            assert isinstance(self.breaker.admit(max(self.now, self.breaker.until)), Admitted)


TestAnyOrder = World.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def after(*failures: float) -> Breaker:
    """A breaker after failures at these times; each but the first ones as a probe."""
    breaker = Breaker(TERMS)
    for at in failures:
        admission = breaker.admit(at)
        assert isinstance(admission, Admitted)
        breaker = admission.breaker.failed(at, admission.probe, jitter=0.0)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_says_since_when() -> None:
    assert isinstance(after(0, 0).admit(0), Admitted)
    assert after(0, 0, 0).admit(2) == Refused(since=0, again_in_s=3.0, failures=3, reason="")
    assert after(0, 0).succeeded().failed(0, 0, jitter=0).since is None


def test_each_failed_probe_doubles_the_cool_down_up_to_its_longest() -> None:
    times, waits = [0.0, 0.0, 0.0], []
    for _ in range(6):
        breaker = after(*times)
        waits.append(breaker.until - times[-1])
        times.append(breaker.until)
    assert waits == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize(("wish", "waits"), [(1.0, 5.0), (20.0, 20.0), (900.0, 60.0)])
def test_what_the_server_asks_for_is_a_longer_cool_down_within_bounds(wish: float, waits: float) -> None:
    assert after(0, 0).failed(0, 0, jitter=0, wish_s=wish).until == waits


def test_jitter_spreads_the_end_of_a_cool_down() -> None:
    assert after(0, 0).failed(0, 0, jitter=1.0).until == 6.25


def test_a_call_from_before_it_opened_does_not_prolong_it_and_closes_it_when_it_succeeds() -> None:
    opened = after(0, 0, 0)
    assert opened.failed(4, 0, jitter=0) == opened
    assert opened.succeeded().untouched
