"""Bell: who is woken by what."""

from __future__ import annotations

import asyncio

import pytest

from executor.journal.bell import Bell


@pytest.mark.parametrize(
    ("runs", "news", "woken"),
    [
        (["a"], False, {"a", "all"}),
        (["c"], True, {"all", "news"}),
        (["a", "b"], True, {"a", "b", "all", "news"}),
        (None, True, {"a", "b", "all", "news"}),
    ],
)
async def test_a_ring_wakes_those_whom_it_concerns(runs: list[str] | None, news: bool, woken: set[str]) -> None:
    bell = Bell()
    listeners = {"a": bell.listen("a"), "b": bell.listen("b"), "all": bell.listen(), "news": bell.news()}
    for listener in listeners.values():
        await anext(listener)
    waiting = {name: asyncio.ensure_future(anext(listener)) for name, listener in listeners.items()}
    await asyncio.sleep(0)

    bell.ring(runs, news=news)
    for _ in range(5):  # the ring goes through the loop
        await asyncio.sleep(0)

    assert {name for name, future in waiting.items() if future.done()} == woken
    bell.ring()
    await asyncio.gather(*waiting.values())
