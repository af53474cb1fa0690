"""Prefix: a plan's beginning is certified as it comes, and what is certified of it is what is certified of the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import TOOLS, certificate

from planner.budget import Budget
from planner.check import Ground
from planner.compiler import compile_script
from planner.order import waits
from planner.planner import script_text
from planner.prefix import Prefix
from planner.streamed import Streamed

SCRIPT = """\
found = crm.find_leads(city="Austin", limit=3)
seen = [crm.get(id=l.id) for l in found.items]
if len(seen) > 1:
    one = seen[0]
else:
    one = None
log.note(text=f"{len(seen)} seen")
answer(one)
"""


def prefix(**ground: object) -> Prefix:
    return Prefix(Ground(TOOLS, **ground))  # type: ignore[arg-type]  # as the tests name them


@given(st.lists(st.integers(1, 40), min_size=1))
def test_what_is_certified_of_a_plan_in_pieces_is_what_is_certified_of_the_whole(sizes: list[int]) -> None:
    growing, rest = prefix(), SCRIPT
    for size in sizes:
        growing.feed(rest[:size])
        rest = rest[size:]
    growing.feed(rest)
    program, _ = compile_script(SCRIPT, TOOLS)
    assert growing.program.steps == program.steps
    assert growing.waits == waits(program, TOOLS)
    assert {k: v for k, v in growing.bounds.items() if program[k].is_map} == certificate(SCRIPT).bounds


def test_a_statement_is_certified_with_the_end_of_its_last_line() -> None:
    growing = prefix()
    assert not growing.feed('found = crm.find_leads(city="Aus')
    assert growing.feed('tin")\nseen = ')
    assert [s.id for s in growing.program.steps] == ["found"]


@pytest.mark.parametrize(
    "wrong", ["x = crm.gone(id=1)", 'x = crm.get(id="seven")', "x = found.itms", "x = [crm.get(id=i) for i in range(900)]"]
)
def test_nothing_is_certified_from_the_first_line_on_that_does_not_hold(wrong: str) -> None:
    growing = prefix(budget=Budget(fan_out=1_000))
    growing.feed('found = crm.find_leads(city="Austin", limit=3)\n')
    assert not growing.feed(f"{wrong}\n")
    assert not growing.feed("y = crm.get(id=2)\n")
    assert [s.id for s in growing.program.steps] == ["found"]


REPLIES = st.lists(st.sampled_from(["```", "python", "\n", "a = 1", "`", "c(x)\n", "```py\n", "Here it is:\n"]), max_size=12)


@given(REPLIES.map("".join), st.lists(st.integers(1, 6)))
def test_the_script_of_a_reply_in_pieces_is_the_script_of_the_whole(reply: str, sizes: list[int]) -> None:
    streamed, heard, begun, rest = Streamed(), "", 1, reply
    while rest:
        size = sizes.pop() if sizes else 3
        more, rest = streamed.feed(rest[:size]), rest[size:]
        heard = more if streamed.begun != begun else heard + more
        begun = streamed.begun
    assert script_text(reply).lstrip("\n").startswith(heard.strip("\n"))
