"""A hand: what a script says is its principal's, and of a planner that has read strangers only what was said before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.clock import Clock
from planner.expression import evaluate
from planner.hand import Hand, stands_in
from planner.labels import Label, Origin
from planner.parse import parse_expression
from tests.planner.test_expression_labels import CLOCK

USER = Label(frozenset((Origin("user", True),)))
WEB = Label(frozenset((Origin("tool web.read", False),)))
READ = Hand(USER, WEB, frozenset(("Austin", "70")), "Write to ann@x.com and to 12 others at https://x.com/a?b=1.")
assert isinstance(CLOCK, Clock)


def untrusted(text: str, hand: Hand = READ) -> bool:
    return evaluate(parse_expression(text), {}, clock=CLOCK, hand=hand).labels.whole().untrusted


@pytest.mark.parametrize(
    "text", ['"ann@x.com"', '"Austin"', "70", "12", "True", "None", '""', '["ann@x.com", 12]', '"https://x.com/a?b=1"']
)
def test_what_the_principal_said_to_the_letter_is_the_principals(text: str) -> None:
    assert not untrusted(text)


@pytest.mark.parametrize(
    "text",
    [
        '"x.com"',
        '"nn@x.com"',
        '"eve@x.com"',
        "1",
        "2",
        "13",
        '["ann@x.com", "eve@x.com"]',
        '{"a": 1}',
        'f"to {12}"',
        '"https://x.com/a"',
    ],
)
def test_what_nobody_said_stems_from_what_the_writer_had_read(text: str) -> None:
    assert untrusted(text)


@given(st.text(max_size=20) | st.integers() | st.floats(allow_nan=False))
def test_who_has_read_no_stranger_writes_in_the_principals_own_hand(value: object) -> None:
    assert Hand(USER).label(value) == USER


@given(st.text("ab@.x", min_size=1, max_size=6), st.text("ab@.x ", max_size=30))
def test_what_stands_in_the_words_stands_there_between_their_ends(text: str, said: str) -> None:
    if stands_in(text, said):
        assert any(text in word for word in said.split() or [said]) or " " in text
    if text in said.split():
        assert stands_in(text, said)
