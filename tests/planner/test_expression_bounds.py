"""Expressions that try to use everything up end soon and small."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

import pytest

from planner.errors import BoundExceeded
from planner.expression import Bounds, Clock, evaluate, to_json
from planner.labels import Tagged
from planner.parse import parse_expression

CLOCK = Clock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))

EXCEED = (
    "'a' * 1000000000",
    "[0] * 1000000000",
    "range(1000000000000)",
    "f'{n:>1000000000}'",
    "f'{1.5:.1000000000f}'",
    "f\"{'a':{n}{n}}\"",
    "[c for a in range(1000) for b in range(1000) for c in range(1000)]",
    "[[y for y in range(1000)] for x in range(100000)]",
    "['a' * 9000000 for x in range(100)]",
    "'a'.join(['b' * 5000000] * 1000)",
    "('a' * 1000000).replace('a', 'b' * 1000000)",
    "('a' * 5000000).replace('', 'bbbb')",
    "twice == twice",
    "str(twice)",
    "{twice}",
    "twice < twice",
    "twice in [twice]",
    "{deep}",
    "str(deep)",
    "[x for x in rows if x in rows]",
    "sorted(rows, key=lambda r: [s.id for s in rows])",
    "words.split()",
    "[words.count('a') for x in range(100)]",
    "re.findall('a', words)",
    "re.findall('a[^c]*c|a', letters)",
    "re.findall('(a?){500}a{500}', letters)",
    "re.sub('a', 'b' * 1000, letters)",
    "[re.findall('x', letters) for i in range(100000)]",
    "set([i * 2305843009213693951 for i in range(500000)])",
    "round(5, -1000000000)",
    "int('9' * 10000000)",
    "[time('3 January 2026') for x in range(100000)]",
    "str([rows for r in range(1000)])",
    "[rows[1:] for i in rows]",
    "str([[[0] * 1000] * 1000] * 1000)",
    "f'{words!r}{words!a}'",
    "[words[i:] for i in range(100000)]",
    "sorted(words)",
    " * ".join(["9" * 1000] * 5),
)


@cache
def scope() -> Mapping[str, Tagged]:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    twice: list[object] = [0]
    for _ in range(60):
        twice = [twice, twice]
    rows = [{"id": str(i), "n": i} for i in range(100_000)]
    plain = {"n": 10**6, "words": "ab " * 1_000_000, "letters": "a" * 1_000_000, "rows": rows, "deep": deep, "twice": twice}
    return {name: Tagged(value) for name, value in plain.items()}


def test_what_is_too_much_is_refused_soon_and_needs_little_memory() -> None:
    child = [sys.executable, "-m", "tests.planner.test_expression_bounds"]
    took = json.loads(subprocess.run(child, check=True, timeout=300, capture_output=True).stdout)
    assert [text for text in EXCEED if text not in took["refused"]] == []
    assert {text: seconds for text, seconds in took["refused"].items() if seconds > 4} == {}  # about one on an idle machine
    assert took["megabytes"] <= 200


def test_a_value_that_shares_its_parts_does_not_leave() -> None:
    for name in ("twice", "deep"):
        with pytest.raises(BoundExceeded):
            to_json(scope()[name].value, Bounds(size=100_000))


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (Bounds(operations=10), "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"),
        (Bounds(depth=3), "1 + (2 + (3 + 4))"),
        (Bounds(size=5), "'abc' + 'def'"),
        (Bounds(characters=10), "'abc' * 2 + 'abc' * 2"),
        (Bounds(bits=8), "16 * 16"),
        (Bounds(pattern=3), "re.findall('abcd', 'x')"),
    ],
)
def test_each_bound_holds(bounds: Bounds, text: str) -> None:
    node = parse_expression(text)
    evaluate(node, {}, clock=CLOCK)
    with pytest.raises(BoundExceeded):
        evaluate(node, {}, clock=CLOCK, bounds=bounds)


def _all() -> None:
    """Print what each of them took, and all of them together."""
    refused, values = {}, scope()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for text in EXCEED:
        node, begun = parse_expression(text), time.process_time()
        try:
            evaluate(node, values, clock=CLOCK)
        except BoundExceeded:
            refused[text] = time.process_time() - begun
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(json.dumps({"refused": refused, "megabytes": used}))


if __name__ == "__main__":
    _all()
