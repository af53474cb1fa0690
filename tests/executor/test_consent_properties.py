"""Consent, by many scripts: a stranger's words are told by a mark in them, wherever they have gone, whatever the labels say.

The sinks note what they are really given. A value with the mark that no answer has allowed, to the letter, for that argument of
that step, is a leak.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many

from executor.events import CallFailed, CallFinished, CallStarted, Question, QuestionAnswered, QuestionAsked, Recorded
from executor.tool import tool
from executor.toolset import Toolset
from planner.policy import Policy
from planner.toolspec import Json, digest

MARK = "STRANGER"


class Town:
    """Strangers, our own records, and sinks that note what they are given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Json]] = []

    @tool(effect="read", labels={"": "trusted", "items[].text": "untrusted"})
    async def posts(self, n: int = 2) -> dict[str, list[dict[str, Any]]]:
        """Posts: ids of ours, texts of anybody's."""
        return {"items": [{"id": f"id{i}", "n": i, "text": f"{MARK} {i}"} for i in range(n)]}

    @tool(effect="read", open_world=True)
    async def page(self, url: str = "home") -> str:
        """A page."""
        self.given.append(("url", url))
        return f"{MARK} page of {url}"

    @tool(effect="read")
    async def upper(self, text: str) -> str:
        """A text in capitals, by a tool of ours that says nothing of itself."""
        return text.upper()

    @tool(effect="read", labels={"": "trusted"})
    async def record(self, id: str) -> str:
        """Our own record."""
        return "record"

    @tool(effect="irreversible", sensitive=("to", "n", "cc"))
    async def send(self, to: str, body: str = "", n: int = 0, cc: list[str] | None = None) -> str:
        """Send a letter."""
        self.given += [("to", to), *([] if cc is None else [("cc", cc)])]
        return f"sent {len(self.given)}"

    @tool(effect="write", commutes=True)
    async def save(self, path: str, content: str = "") -> str:
        """Save a file; which argument is sensitive is guessed."""
        self.given.append(("path", path))
        return "saved"


@st.composite
def flowing_scripts(draw: Callable[..., Any]) -> str:
    """Scripts that lead texts of every origin through expressions, maps, guards and tools into sinks."""
    texts, lists, lines = ['"ours"', "ps.items[0].text", "ps.items[1].id"], ["[p.text for p in ps.items]"], ["ps = t.posts()"]

    def text() -> str:
        a, b = (draw(st.sampled_from(texts[-5:])) for _ in range(2))
        forms = ("{a}", "{a}", "{a} + {b}", 'f"<{a}>"', "{a}.lower()", "({a} if len({b}) > 9 else {b})", '" ".join([{a}, {b}])')
        form = draw(st.sampled_from(forms))
        return str(form).replace("{a}", a).replace("{b}", b) if not form.startswith("f") else f"str({a}) + '!'"

    def sink(x: str) -> str:
        other = draw(st.sampled_from(["", ', otherwise="instead"']))
        forms = (
            "t.send(to={x}{o})", 't.send(to="ann", body={x}, n=len({x}){o})', 't.send(to="ann", cc=[{x}, "bob"]{o})',
            "t.save(path={x}{o})", 't.save(path="file", content={x}{o})', "t.page(url={x}{o})", 't.send(**{"to": {x}})',
        )  # fmt: skip
        return str(draw(st.sampled_from(forms))).replace("{x}", x).replace("{o}", other)

    for i in range(draw(st.integers(1, 7))):
        name, shape = f"v{i}", draw(st.integers(0, 6))
        if shape == 0:
            lines.append(f"{name} = {text()}")
        elif shape == 1:
            lines.append(f"{name} = t.{draw(st.sampled_from(['upper(text=', 'record(id=']))}{text()})")
        elif shape in (2, 3):
            lines.append(f"{name} = {sink(text())}")
        elif shape == 4:
            lines.append(f"{name}s = [{sink('x')} for x in {draw(st.sampled_from(lists))}]")
            lines.append(f'{name} = " ".join([str(x) for x in {name}s])')
            lists.append(f"{name}s")
        elif shape == 5:
            lines += [f"if len({text()}) > {draw(st.integers(0, 12))}:", f"    {name} = {sink(text())}"]
            lines += ["else:", f"    {name} = {text()}"]
        else:
            lines.append(f"{name}s = [{text()} for p in ps.items]")
            lines.append(f"{name} = {name}s[0]")
            lists.append(f"{name}s")
        texts.append(f"str({name})")
    return "\n".join([*lines, "answer(1)"]) + "\n"


async def carried_out(script: str, rule: Policy, choose: Callable[[int], list[int]]) -> tuple[Town, list[Recorded]]:
    """What the sinks were given, and the journal, where a person allows the rows that are chosen."""
    town = Town()

    def answers(question: Question) -> QuestionAnswered:
        return QuestionAnswered(question=question.id, answer=choose(len(question.shown)), by="ann")

    bench = Bench(Toolset.of("t", town), answers=answers, policy=rule)
    run = await bench.run(script)
    return town, await bench.events(run.id)


def marked(value: Json) -> bool:
    return MARK in str(value).upper()


def allowed_of(events: list[Recorded]) -> set[tuple[str, str]]:
    """Argument and hash of what a person has allowed."""
    rows: dict[str, Any] = {}
    allowed: set[tuple[str, str]] = set()
    for event in (r.event for r in events):
        match event:
            case QuestionAsked(question=question) if question.kind == "flow":
                rows[question.id] = question.shown
            case QuestionAnswered(question=name, answer=answer) if name in rows:
                allowed |= {(r["argument"], r["hash"]) for r in rows[name] if r["number"] in answer}
    return allowed


def holds(script: str, seed: list[int]) -> None:
    numbers = iter(seed * 50)
    choose: Callable[[int], list[int]] = lambda n: [i for i in range(1, n + 1) if next(numbers, 1)]  # noqa: E731
    town, events = asyncio.run(carried_out(script, Policy(), choose))
    allowed = allowed_of(events)
    leaked = [(a, v) for a, v in town.given if marked(v) and (a, digest(v)) not in allowed]
    assert not leaked, leaked
    _gathered(events)
    town, events = asyncio.run(carried_out(script, Policy(flows="deny"), choose))
    assert not [(a, v) for a, v in town.given if marked(v)]
    assert not any(isinstance(r.event, QuestionAsked) for r in events)


def _gathered(events: list[Recorded]) -> None:
    """Nobody is asked while a call is in flight, nor twice where once would have done."""
    opened, moved = set[tuple[str, str]](), True
    for event in (r.event for r in events):
        match event:
            case CallStarted():
                opened.add((event.step, event.item))
            case CallFinished() | CallFailed():
                opened.discard((event.step, event.item))
                moved = True
            case QuestionAsked():
                assert not opened
                assert moved
                moved = False


@few(80)
@given(flowing_scripts(), st.lists(st.integers(0, 1), min_size=1, max_size=9))
def test_no_strangers_words_reach_a_sink_unless_exactly_they_are_allowed(script: str, seed: list[int]) -> None:
    holds(script, seed)


@pytest.mark.proof
@many()
@given(flowing_scripts(), st.lists(st.integers(0, 1), min_size=1, max_size=9))
def test_in_many_scripts_no_strangers_words_reach_a_sink_unless_exactly_they_are_allowed(script: str, seed: list[int]) -> None:
    holds(script, seed)
