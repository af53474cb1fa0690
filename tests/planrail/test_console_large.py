"""A run of a thousand steps, watched: what is sent of it, and how often it is worked out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from executor.submission import Submission
from planner.budget import Budget
from tests.planrail.consoles import BOUND_S, LOCAL, console, told

STEPS = 999
SCRIPT = "\n".join(f's{n} = data.select(rows=[{{"n": {n}}}], limit=1)' for n in range(STEPS)) + "\nanswer(1)"
WATCHERS = 20


def size(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


@pytest.mark.proof
async def test_a_run_of_a_thousand_steps_is_told_to_twenty_who_watch_it_in_changes_that_are_small_and_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = Budget(steps=STEPS + 1, calls=2 * STEPS)
    async with console(tmp_path / "home") as found, found.browser() as client:
        run = (await found.house.runs.submit(Submission(script=SCRIPT, principal=LOCAL, budget=budget))).id

        async def watch() -> list[Any]:
            async with client.stream("GET", f"runs/{run}/live", timeout=2 * BOUND_S) as stream:
                return [event async for event in told(stream)]

        async with asyncio.timeout(4 * BOUND_S):
            seen = await asyncio.gather(*(watch() for _ in range(WATCHERS)))
            row = (await client.get("runs")).json()["runs"][0]
    events = seen[0]
    changes = [e.data for e in events if e.event == "change"]
    view = next(e.data for e in reversed(events) if e.event == "view")
    moved = sum(len(change["steps"]) for change in changes)
    with capsys.disabled():
        print(
            f"\na view {size(view):,} bytes; {len(changes)} changes, {moved} steps in them, {sum(map(size, changes)):,} bytes; "
            f"{sum(map(size, changes)) // max(moved, 1)} bytes a step that has changed"
        )
    assert len(view["steps"]) == STEPS + 1
    assert (events[-1].event, row["status"], row["ended_at"] is None) == ("end", "done", False)
    assert moved <= 3 * (STEPS + 1)  # each step is sent when it changes, and not whenever another one does
    assert max(len(each) for each in seen) <= len(events) + 10
