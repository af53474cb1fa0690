"""The timeline: when calls were in flight, without the time in which none was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planrail.timeline import bar, timeline

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_days_of_waiting_take_no_room() -> None:
    day = 86_400
    calls = [("a", at(0), at(2)), ("b", at(1), at(4)), ("c", at(3 * day), at(3 * day + 1)), ("a", at(3 * day), at(3 * day))]
    assert timeline(calls) == ({"a": ((0, 2), (4, 4)), "b": ((1, 4),), "c": ((4, 5),)}, 5)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1000), st.integers(0, 100)), max_size=30))
def test_every_span_lies_on_the_timeline_and_no_second_is_counted_twice(calls: list[tuple[str, int, int]]) -> None:
    spans, length = timeline((step, at(begin), at(begin + took)) for step, begin, took in calls)
    busy = {begin + n for _, begin, took in calls for n in range(took)}
    assert length == len(busy)
    assert all(0 <= begin <= end <= length for of in spans.values() for begin, end in of)
    for step in spans:
        own = {begin + n for name, begin, took in calls if name == step for n in range(took)}
        assert sum(end - begin for begin, end in spans[step]) == len(own)


@pytest.mark.parametrize(
    ("spans", "drawn"),
    [
        ([(0, 4)], "━━━━"),
        ([(0, 1), (3, 4)], "━  ━"),
        ([(0, 1.2)], "━╸  "),
        ([(2, 2)], "  ╸ "),
        ([(4, 4)], "   ╸"),
        ([], "    "),
    ],
)
def test_a_bar_shows_where_the_step_was_busy(spans: list[tuple[float, float]], drawn: str) -> None:
    assert bar(spans, 4.0, 4) == drawn
