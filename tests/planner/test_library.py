"""The library's functions do what the language says, and say what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from planner.errors import BoundExceeded, ExpressionError
from planner.expression import Clock, evaluate, to_json
from planner.labels import Tagged
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS
from planner.parse import parse_expression

CLOCK = Clock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))


def value(text: str, **scope: Any) -> Any:
    tagged = {name: Tagged(v) for name, v in scope.items()}
    return to_json(evaluate(parse_expression(text), tagged, clock=CLOCK).value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum([0.1, 0.2])", 0.3),
        ("str(sum([345.5, 344.5]))", "690"),
        ("sum([19.99, 5, 0.01])", 25),
        ("sum([])", 0),
        ("round(2.675, 2)", 2.67),
        ("round(7.6)", 8),
        ("range(1, 10, 3)", [1, 4, 7]),
        ("range(5, 0, -2)", [5, 3, 1]),
        ("int(' 5 ')", 5),
        ("float('2.5')", 2.5),
        ("min([3, 1, 2], key=lambda x: -x)", 3),
        ("max([], default=7)", 7),
        ("max(1, 3, 2)", 3),
        ("sorted([{'n': 2}, {'n': 1}], key=lambda x: x.n, reverse=True)", [{"n": 2}, {"n": 1}]),
        ("sorted([[2, 'a'], [1, 'z']])", [[1, "z"], [2, "a"]]),
        ("zip([1, 2], 'ab')", [[1, "a"], [2, "b"]]),
        ("enumerate(['a'], start=1)", [[1, "a"]]),
        ("set([2, 1, 2, 1.0])", [2, 1]),
        ("dict([['a', 1]])", {"a": 1}),
        ("{'a': 1}.items()", [["a", 1]]),
        ("{'a': 1}.get('b')", None),
        ("{'a': 1}.get('b', 2)", 2),
        ("{'items': 5}.items", 5),
        ("[1, 2, 2].count(2)", 2),
        ("[1, 2].index(2)", 1),
        ("only([4], 'leads')", 4),
        ("', '.join(['a', 'b'])", "a, b"),
        ("'a b  c'.split()", ["a", "b", "c"]),
        ("'a,b,c'.split(',', 1)", ["a", "b,c"]),
        ("'aaa'.replace('a', 'b', 2)", "bba"),
        ("'abc'.startswith(['x', 'a'])", True),
    ],
)
def test_functions_give(text: str, expected: Any) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lines('a\\n\\n b \\nc', after='a')", ["b", "c"]),
        ("number('Total: $1,234.50 (2 items)')", 1234.5),
        ("number('Reviews: 12\\nRating: 4.5', after='Rating:')", 4.5),
        ("number('from -5 to 3')", -5),
        ("number('1,000,000 users')", 1_000_000),
        ("urls('see https://a.b/c, (http://x.y/?q=1).')", ["https://a.b/c", "http://x.y/?q=1"]),
        ("emails('Ann <ann@x.co.uk>, bob+1@y.io.')", ["ann@x.co.uk", "bob+1@y.io"]),
        ("re.findall('(\\\\w+)=(\\\\d)', 'a=1 b=2')", [["a", "1"], ["b", "2"]]),
        ("re.sub('(\\\\w)(\\\\d)', '\\\\2\\\\1', 'a1 b2')", "1a 2b"),
        ("re.sub('(?P<x>a)', '<\\\\g<x>>', 'cat')", "c<a>t"),
    ],
)
def test_texts_are_read(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today()", "2026-05-04"),
        ("now()", "2026-05-04T09:30:00+00:00"),
        ("time('2026-05-04')", "2026-05-04T00:00:00"),
        ("time('10:15')", "2026-05-04T10:15:00+00:00"),
        ("time('3:05 PM')", "2026-05-04T15:05:00+00:00"),
        ("time('May 6, 2026 10:00')", "2026-05-06T10:00:00"),
        ("add_time(today(), days=30)", "2026-06-03"),
        ("add_time('2026-05-04', hours=1)", "2026-05-04T01:00:00"),
        ("add_time('2026-05-04T10:00:00+02:00', minutes=-30)", "2026-05-04T09:30:00+02:00"),
        ("minutes_between('10:00', '11:30')", 90),
        ("minutes_between('2026-05-04T10:00:00Z', '2026-05-04T10:00:00+02:00')", -120),
        ("format_time('2026-05-04T09:05', '%-d %b %Y, %H:%M')", "4 May 2026, 09:05"),
        ("now() > '2026-05-04T09:00:00'", True),
        ("time('2026-05-04') == '2026-05-04T02:00:00+02:00'", True),
        ("f'{now():%H:%M}'", "09:30"),
    ],
)
def test_times_are_the_clocks_and_naive_ones_count_as_utc(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max([])", "max() of an empty list has no value in `max([])` Give default=."),
        ("float('n/a')", "'n/a' is not a number in `float('n/a')` number() finds a number inside a text."),
        ("only([1, 2], 'leads')", "2 leads where exactly one was expected in `only([1, 2], 'leads')`"),
        ("number('none')", "No number in 'none' in `number('none')`"),
        ("', '.join([1])", "join() joins texts, not a number in `', '.join([1])` Use str(x) for x in the list."),
        ("len(5)", "len() counts a list or a text, not a number in `len(5)`"),
        ("sum(['1'])", "sum() adds numbers, not a text in `sum(['1'])` Use number() on the text."),
        ("round('1')", "round() wants a number, not a text in `round('1')`"),
        ("nope(1)", "nope() is not in the library in `nope(1)`"),
        ("only()", "only() takes 1 to 2 arguments, not 0 in `only()` It is only(xs, what)."),
        ("sum([1], start=1)", "sum() has no argument start in `sum([1], start=1)` It is sum(xs)."),
        ("time('soon')", "'soon' is not a time in `time('soon')` Write it like 2026-01-31T09:30."),
        ("format_time(now(), '%c')", "`%c` is no directive of a time's format in `format_time(now(), '%c')` "),
        ("add_time(now(), days=10000000)", "The time is out of the calendar in `add_time(now(), days=10000000)`"),
    ],
)
def test_what_has_no_value_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("pattern", ["(?=a)", "(a)\\\\1", "[", "a{1001}"])
def test_a_pattern_that_is_not_linear_is_refused(pattern: str) -> None:
    with pytest.raises(ExpressionError, match="cannot be used"):
        value(f"re.findall('{pattern}', 'aaa')")


def test_a_pattern_may_not_be_long() -> None:
    with pytest.raises(BoundExceeded):
        value("re.findall(p, 'a')", p="a" * 1_001)


def test_every_entry_describes_itself() -> None:
    for table in (FUNCTIONS, METHODS, RE_FUNCTIONS):
        for name, function in table.items():
            assert function.name == name
            assert f"{name}(" in function.signature
            assert 0 < len(function.summary) < 50
            assert function.minimum <= function.maximum
            assert bool(function.receivers) == (table is METHODS)


def test_the_library_is_what_the_language_lists() -> None:
    listed = (
        "len sum min max sorted any all zip enumerate range round abs set str int float bool today now time minutes_between "
        "add_time format_time only lines number urls emails"
    )
    assert set(listed.split()) | {"list", "dict"} == set(FUNCTIONS)
    of_texts = "split splitlines join strip lstrip rstrip lower upper title replace startswith endswith count"
    assert set(of_texts.split()) | {"index", "get", "keys", "values", "items"} == set(METHODS)
    assert set(RE_FUNCTIONS) == {"findall", "sub"}
