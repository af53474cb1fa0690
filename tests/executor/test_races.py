"""Cancel, approve, answer, refuse, resume, kills and zombies race on one run: nothing is lost, nothing doubled, it can end."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofs import few, many
from racing import EFFECTS, Race, Slow
from racing_town import Town

from executor.journal.memory import MemoryJournal
from executor.journal.sql import SqlJournal
from planrail import runs

MOVES = st.lists(st.lists(st.integers(0, 1 << 20), min_size=1, max_size=3), min_size=25, max_size=60)  # inner: at once
SEEDS = st.integers(0, 1 << 30)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels does not wait long for a worker that does not hear."""
    monkeypatch.setattr(runs, "_CANCEL_GRACE_S", 0.02)


async def raced(journal: Any, moves: list[list[int]], *, turns: int) -> None:
    race = Race(journal, Town(), turns=turns)
    await race.submit()
    for numbers in moves:
        options = await race.options()
        await asyncio.gather(*(options[number % len(options)]() for number in numbers))
        await race.quiet()
        await race.check()
    end = await race.end()
    await race.check()
    assert end.ended is not None
    assert Counter(race.town.effects) == EFFECTS
    assert end.ended.answer == {"a": 1, "n": end.answers["n"].answer, "m": [6, 7]}


async def raced_on_sqlite(moves: list[list[int]]) -> None:
    with TemporaryDirectory() as folder:
        async with await SqlJournal.open(f"sqlite:///{Path(folder)}/planrail.db") as journal:
            await raced(journal, moves, turns=8)


@few(25)
@given(MOVES, SEEDS)
def test_whatever_races_on_a_run_nothing_is_lost_or_doubled(moves: list[list[int]], seed: int) -> None:
    asyncio.run(raced(Slow(MemoryJournal(), seed), moves, turns=40))


@few(3)
@given(MOVES)
def test_whatever_races_on_a_run_in_a_database_nothing_is_lost_or_doubled(moves: list[list[int]]) -> None:
    asyncio.run(raced_on_sqlite(moves))


@pytest.mark.proof
@many()
@given(MOVES, SEEDS)
def test_whatever_races_in_many_ways_nothing_is_lost_or_doubled(moves: list[list[int]], seed: int) -> None:
    asyncio.run(raced(Slow(MemoryJournal(), seed), moves, turns=40))


@pytest.mark.proof
@many(0.1)
@given(MOVES)
def test_whatever_races_in_many_ways_in_a_database_nothing_is_lost_or_doubled(moves: list[list[int]]) -> None:
    asyncio.run(raced_on_sqlite(moves))
