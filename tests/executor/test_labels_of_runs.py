"""Labels of runs: an answer that depends on an untrusted value carries its origin, however the value came to decide it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bench import PLENTY, Bench, answer_of
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many

from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.labels import Label, Labels
from planner.toolspec import Json

ORIGIN = "tool u.read"
INNER = {"id": "trusted", "text": "untrusted"}


class Untrusted:
    """Gives what anybody may have written: a list of numbers."""

    def __init__(self, values: list[int]) -> None:
        self.values = values

    @tool(effect="read", open_world=True, labels={"": "untrusted"})
    async def read(self) -> list[int]:
        """Numbers from outside."""
        return self.values


class House:
    """Tools that are trusted, whatever they are given."""

    @tool(effect="read")
    async def double(self, x: int) -> int:
        """Twice the number."""
        return x * 2

    @tool(effect="read", labels={"": "trusted"})
    async def row(self, x: int) -> dict[str, int]:
        """Our own record of that number."""
        return {"id": x, "n": x % 3}

    @tool(effect="read")
    async def picky(self, x: int) -> int | ToolFailed:
        """Fails for even numbers."""
        return x if x % 2 else ToolFailed("even")

    @tool(effect="read", not_found=True)
    async def find(self, x: int) -> int | ToolFailed:
        """Finds odd numbers only."""
        return x if x % 2 else ToolFailed("even", "not_found")


async def carried_out(script: str, values: list[int]) -> Run:
    toolset = Toolset.of("u", Untrusted(values)) | Toolset.of("h", House())
    return await Bench(toolset, budget=PLENTY).run(script)


def label_of(run: Run) -> Label:
    assert run.ended is not None
    return Labels.from_json(run.ended.answer_labels).whole()


def sources(run: Run) -> set[str]:
    label = label_of(run)
    return {o.source for o in label.data | label.choice}


WAYS = {
    "a value": "answer(xs[0])",
    "arithmetic": "answer(xs[0] + 1)",
    "a text": 'answer(f"{len(xs)} of them")',
    "a length": "answer(len([1 for x in xs]))",
    "a condition": "answer(1 if xs[0] > 2 else 0)",
    "a guard": "if xs[0] > 2:\n    y = 1\nelse:\n    y = 2\nanswer(y)",
    "a guard with one branch": "if xs[0] > 2:\n    y = 1\nanswer(y)",
    "a guard over a call": "if xs[0] > 2:\n    y = h.double(x=1)\nelse:\n    y = h.double(x=2)\nanswer(y)",
    "the guard of a later answer": "answer(1)\nif xs[0] > 2:\n    answer(2)",
    "the guard of an earlier answer": "if xs[0] > 2:\n    answer(1)\nelse:\n    answer(2)",
    "nested guards": "if 3 > 1:\n    if xs[0] > 2:\n        y = 1\n    else:\n        y = 2\nelse:\n    y = 3\nanswer(y)",
    "an argument": "answer(h.double(x=xs[0]))",
    "an argument of a record": "answer(h.row(x=xs[0]).n)",
    "a map": "ys = [h.double(x=x) for x in xs]\nanswer(ys)",
    "how many a map has": "ys = [h.double(x=1) for x in xs if x > 2]\nanswer(len(ys))",
    "a filter": "ys = [h.double(x=i) for i in range(3) if xs[i] > 2]\nanswer(ys)",
    "how many a filter leaves": "ys = [h.double(x=1) for i in range(3) if xs[i] > 2]\nanswer(len(ys))",
    "an element that a filter has moved": "ys = [h.double(x=i) for i in range(3) if xs[i] > 2]\nanswer(len(ys) > 0 and ys[0])",
    "an element that the filter of another one has moved": (
        "ys = [h.double(x=i) for i, c in [[0, xs[0]], [1, 9]] if c > 2]\nanswer(ys[0])"
    ),
    "an element that the inner filter of another one has moved": (
        "ys = [h.double(x=i) for i, c in [[0, xs[0]], [1, 9]] if c > 2 for j in [1]]\nanswer(ys[0])"
    ),
    "a filter that calls": "ys = [h.double(x=i) for i in range(3) if h.double(x=xs[i]) > 4]\nanswer(len(ys))",
    "a conditional call": "ys = [i if xs[i] > 2 else h.double(x=i) for i in range(3)]\nanswer(ys)",
    "a filter through a name": "zs = [i for i in range(3) if xs[i] > 2]\nys = [h.double(x=i) for i in zs]\nanswer(ys)",
    "a pipelined filter": (
        "ys = [h.double(x=i) for i in range(3)]\nzs = [y for y in ys if y < xs[0]]\n"
        "ws = [h.double(x=z) for z in zs]\nanswer(len(ws))"
    ),
    "an element moved by a pipelined filter": (
        "ys = [h.double(x=i) for i in range(3)]\nzs = [y for y in ys if y > xs[0]]\nws = [h.double(x=z) for z in zs]\n"
        "answer(len(ws) > 0 and ws[0])"
    ),
    "two fors": "ys = [h.double(x=i) for i in range(3) if xs[i] > 2 for j in [1, 2]]\nanswer(len(ys))",
    "two fors over it": "ys = [h.double(x=1) for i in [1, 2] for x in xs if x > 2]\nanswer(len(ys))",
    "a zip": "ys = [h.double(x=i) for i, x in zip([1, 2, 3], xs)]\nanswer(ys)",
    "a chain": "ys = [h.double(x=h.double(x=x)) for x in xs]\nanswer(ys)",
    "a poll of it": 'y = poll(h.double(x=xs[0]), until=y > 0, every="1m", timeout="1m", otherwise=0)\nanswer(y)',
    "the until of a poll": 'y = poll(h.row(x=1), until=xs[0] > 2, every="1m", timeout="1m", otherwise={"n": 7})\nanswer(y.n)',
    "a failure of a poll": 'y = poll(h.picky(x=xs[0]), until=True, timeout="1m", otherwise=0)\nanswer(y)',
    "a first over it": "y = first([h.row(x=x) for x in xs], until=y.id >= 0, otherwise=0)\nanswer(y)",
    "how many a first has": "y = first([h.row(x=1) for x in xs if x > 2], until=True, otherwise={'n': 7})\nanswer(y.n)",
    "the until of a first": "y = first([h.row(x=i) for i in [4, 5]], until=xs[0] > y.id, otherwise={'n': 7})\nanswer(y.n)",
    "a failure that a first passes over": "y = first([h.picky(x=x) for x in [xs[0], 7]], until=True)\nanswer(y)",
    "a filter of a first": (
        "y = first([h.row(x=i) for i in range(3) if xs[i] > 2], until=True, otherwise={'id': 7})\nanswer(y.id)"
    ),
    "an otherwise": "answer(h.picky(x=xs[0], otherwise=0))",
    "an otherwise in a map": "ys = [h.picky(x=x, otherwise=0) for x in xs]\nanswer(ys)",
    "an otherwise of arguments without a value": "answer(h.double(x=[7][min(xs)], otherwise=5))",
    "the default of an attempt": "answer(attempt(h.find(x=xs[0]), default=0))",
    "an index": "answer([10, 20, 30, 40, 50, 60, 70, 80, 90, 100][xs[0]])",
    "a sort": "ys = sorted([0, 1, 2], key=lambda i: xs[i])\nanswer(ys[0])",
    "a minimum": "answer(min(xs))",
    "a membership": "answer(3 in xs)",
    "a key": 'answer({str(x): 1 for x in xs})',
    "taking apart": "a, b, c = [xs[0], 1, 2]\nanswer([a, b])",
    "taking a map apart": "a, b = [h.double(x=x) for x in xs[:2]]\nanswer(b)",
}  # fmt: skip

VALUES = st.lists(st.integers(0, 9), min_size=2, max_size=4)


def depends(script: str, one: list[int], other: list[int]) -> None:
    """Where the answer is another one for other values, both answers name the origin."""
    first, second = (asyncio.run(carried_out(script, values)) for values in (one, other))
    if first.status != second.status or first.status != "done":
        return
    if answer_of(first) != answer_of(second):
        assert ORIGIN in sources(first), answer_of(first)
        assert ORIGIN in sources(second), answer_of(second)


@pytest.mark.parametrize("way", list(WAYS))
def test_an_answer_that_an_untrusted_value_has_changed_names_its_origin(way: str) -> None:
    script = f"xs = u.read()\n{WAYS[way]}\n"
    tried: list[Json] = []
    for values in ([1, 2, 3], [0, 0, 0], [4, 1, 7], [9, 9, 9], [3, 8, 2], [1, 2, 3, 4], [5, 6]):
        run = asyncio.run(carried_out(script, values))
        if run.status == "done":
            tried.append(answer_of(run))
            assert ORIGIN in sources(run), (values, answer_of(run))
    assert len({repr(a) for a in tried}) > 1, "the answer does not depend on the value: the test shows nothing"


@st.composite
def dependent_scripts(draw: Callable[..., Any]) -> str:
    """Scripts whose lines mix trusted and untrusted numbers and lists in every way there is."""
    numbers, lists, lines = ["xs[0]", "1", "4"], ["xs", "[5, 6, 7]"], ["xs = u.read()"]

    def number() -> str:
        return str(draw(st.sampled_from([*numbers[-4:], f"len({lists[-1]})", f"sum({lists[-1]})"])))

    def condition() -> str:
        return f"{number()} {draw(st.sampled_from(['<', '>', '==']))} {number()}"

    def call(x: str) -> str:
        if draw(st.integers(0, 5)) == 0 and x not in ("y", "y + z"):
            return turns(x)
        forms = ("h.double(x={})", "h.row(x={}).n", "h.picky(x={}, otherwise=3)", "attempt(h.find(x={}), default=2)")
        return str(draw(st.sampled_from(forms))).format(x)

    def turns(x: str) -> str:
        test = f"lambda r: r {draw(st.sampled_from(['<', '>']))} {number()}"
        if draw(st.booleans()):
            read = f"h.{draw(st.sampled_from(['double', 'picky']))}(x={x})"
            return f'poll({read}, until={test}, every="1m", timeout="2m", otherwise=1)'
        where = draw(st.sampled_from(["", f" if w > {number()}"]))
        tried = f"[h.{draw(st.sampled_from(['double', 'picky']))}(x=w + {x}) for w in {lists[-1]}{where}]"
        return f"first({tried}, until={test}, otherwise=1)"

    for i in range(draw(st.integers(1, 7))):
        name = f"v{i}"
        shape = draw(st.integers(0, 7))
        if shape == 0:
            lines += [f"if {condition()}:", f"    {name} = {call(number())}", "else:", f"    {name} = {number()}"]
            numbers.append(name)
        elif shape == 1:
            lines.append(f"{name} = {call(number())}")
            numbers.append(name)
        elif shape == 2:
            lines.append(f"{name} = {number()} if {condition()} else {number()}")
            numbers.append(name)
        elif shape == 3:
            where = draw(st.sampled_from(["", f" if y > {number()}", f" if {condition()}", " if h.double(x=y) > 5"]))
            lines.append(f"{name} = [{call('y')} for y in {draw(st.sampled_from(lists[-3:]))}{where}]")
            lists.append(name)
        elif shape == 4:
            lines.append(f"{name} = [y for y in {draw(st.sampled_from(lists[-3:]))} if y < {number()}]")
            lists.append(name)
        elif shape == 5:
            pair = [draw(st.sampled_from(lists[-3:])) for _ in range(2)]
            lines.append(f"{name} = [{call('y + z')} for y, z in zip({pair[0]}, {pair[1]})]")
            lists.append(name)
        elif shape == 6:
            inner = draw(st.sampled_from(lists[-2:]))
            where = draw(st.sampled_from(["", f" if y < {number()}"]))
            lines.append(f"{name} = [{call('y + z')} for y in {lists[-1]}{where} for z in {inner}[:2]]")
            lists.append(name)
        else:
            lines += ["answer(0)", f"if {condition()}:", f"    answer({number()})"]
            return "\n".join(lines) + "\n"
    element = f"{lists[-1]}[0]" if draw(st.booleans()) else number()
    return "\n".join([*lines, f"answer({draw(st.sampled_from([element, number(), lists[-1], f'len({lists[-1]})']))})"]) + "\n"


@few(40)
@given(dependent_scripts(), VALUES, VALUES)
def test_whatever_depends_on_an_untrusted_value_names_its_origin(script: str, one: list[int], other: list[int]) -> None:
    depends(script, one, other)


@pytest.mark.proof
@many(2.0)
@given(dependent_scripts(), VALUES, VALUES)
def test_in_many_scripts_what_depends_on_an_untrusted_value_names_its_origin(
    script: str, one: list[int], other: list[int]
) -> None:
    depends(script, one, other)


# -- trusted fields stay trusted


class Mailbox:
    """Messages whose ids are ours and whose texts are anybody's."""

    @tool(effect="read", labels={"": "trusted", "[].text": "untrusted"})
    async def messages(self) -> list[dict[str, Any]]:
        """What has come."""
        return [{"id": i, "text": f"text {i}"} for i in range(3)]

    @tool(effect="read", labels={"": "trusted"})
    async def lead(self, id: int) -> dict[str, Any]:
        """Our record of a lead."""
        return {"email": f"lead{id}@x.example"}


async def answered(script: str) -> Label:
    return label_of(await Bench(Toolset.of("m", Mailbox())).run(script))


TRUSTED = {
    "a trusted field": "answer(m.messages()[0].id)",
    "trusted fields": "answer([x.id for x in m.messages()])",
    "a trusted field that an untrusted text has chosen": (
        'xs = m.messages()\nys = [x.id for x in xs if x.text == "text 1"]\nanswer(ys)'
    ),
    "a record that is looked up by an id": "ls = [m.lead(id=x.id) for x in m.messages()]\nanswer([l.email for l in ls])",
    "a record looked up where an untrusted text says so": (
        'xs = m.messages()\nls = [m.lead(id=x.id) for x in xs if "1" in x.text]\nanswer([l.email for l in ls])'
    ),
    "a record under an untrusted guard": (
        'xs = m.messages()\nif "1" in xs[1].text:\n    l = m.lead(id=1)\nelse:\n    l = m.lead(id=2)\nanswer(l.email)'
    ),
    "beside an untrusted one": 'xs = m.messages()\np = {"id": xs[0].id, "text": xs[0].text}\nanswer(p.id)',
    "a literal": "xs = m.messages()\nanswer(1)",
}


@pytest.mark.parametrize("case", list(TRUSTED))
async def test_a_trusted_field_stays_trusted(case: str) -> None:
    label = await answered(TRUSTED[case] + "\n")
    assert not label.untrusted, label


@pytest.mark.parametrize("case", [c for c in TRUSTED if "untrusted text" in c or "untrusted guard" in c])
async def test_what_an_untrusted_value_has_chosen_says_so(case: str) -> None:
    assert (await answered(TRUSTED[case] + "\n")).chosen_by_untrusted


@pytest.mark.parametrize(
    "script",
    [
        "answer(m.messages()[0].text)",
        "answer([x.text for x in m.messages()])",
        "xs = m.messages()\nls = [m.lead(id=len(x.text)) for x in xs]\nanswer(xs[0].text + ls[0].email)",
    ],
)
async def test_an_untrusted_field_stays_untrusted(script: str) -> None:
    assert (await answered(script + "\n")).untrusted


async def test_a_literal_is_as_trusted_as_who_wrote_the_goal() -> None:
    label = await answered("answer(1)\n")
    assert {o.source for o in label.data} == {"user"}
