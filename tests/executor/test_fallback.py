"""Fallback: a playbook's run that is not relied on any more goes on by the playbook's simpler script."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from bench import PLENTY, Bench

from executor.events import ConfidenceFell, PlanCertified, PlanProposed, PlanRefused
from executor.run import Run
from executor.tool import tool
from executor.toolset import Toolset
from planner.llm.scripted import ScriptedModel
from planner.models import Models
from planner.playbook import Playbooks, parse_playbook
from tests.rig import answer_of, reason_of, role

SORT = """\
---
goal: "Sort {n} things"
params: {n: int = 6}
fallback: %s.plan
---
begun = t.save(n=n)
ns = [ask("How many?", i=i, returns=int, otherwise=0) for i in range(n)]
done = t.save(n=sum(ns))
answer(sum(ns))
"""
PLAYBOOKS = Playbooks(
    parse_playbook(name, text)
    for name, text in {
        "sort": SORT % "plain",
        "odd": SORT.replace("Sort", "Sort oddly") % "broken",
        "lost": SORT.replace("Sort", "Sort in vain") % "nowhere",
        "plain": "---\nparams: {n: int = 6}\n---\nns = t.save(n=n)\nbegun = t.save(n=1000)\nanswer(f'{ns} and {begun}')\n",
        "broken": "---\nparams: {n: int = 6}\n---\nanswer(t.gone(n=n))\n",
    }.items()
)


SAVES = (6, 1000)


class World:
    def __init__(self) -> None:
        self.saved: Counter[int] = Counter()

    @tool(effect="write", idempotent=True)
    async def save(self, n: int) -> int:
        """Save a number."""
        self.saved[n] += 1
        return n


def bench_of(world: World, replies: Any = None) -> Bench:
    model = ScriptedModel(replies or (lambda _: "five"))
    budget = PLENTY.model_copy(update={"parallel": 1})
    return Bench(Toolset.of("t", world), Models(executor=role(model)), playbooks=PLAYBOOKS, budget=budget)


def sources(run: Run) -> list[str]:
    return [revision.proposed.source for revision in run.revisions if revision.proposed is not None]


async def test_below_the_floor_a_run_goes_on_by_its_fallback_and_keeps_what_is_done() -> None:
    world = World()
    bench = bench_of(world)
    run = await bench.run(goal="Sort 6 things")
    assert answer_of(run) == "6 and 1000"
    assert world.saved == {6: 1, 1000: 1}
    assert sources(run) == ["playbook", "fallback"]
    assert run.fell[-1] == ConfidenceFell(measure="share", value=0.0, floor=0.5)
    kinds = [type(r.event) for r in await bench.events(run.id)]
    fell = max(n for n, kind in enumerate(kinds) if kind is ConfidenceFell)
    assert kinds[fell + 1 : fell + 3] == [PlanProposed, PlanCertified]


async def test_it_goes_on_from_every_prefix_of_its_journal_and_saves_nothing_twice() -> None:
    events = await _events()
    for length in range(1, len(events)):
        if getattr(events[length - 1].event, "of", None) is not None:
            continue  # what is taken over is written in one piece
        world = World()
        again = bench_of(world)
        run = await again.carry_on(await again.restore(events[:length]))
        assert answer_of(run) == "6 and 1000"
        assert all(count == 1 for count in world.saved.values())
        settled = {e.event.value for e in events[:length] if e.event.type == "call_finished" and e.event.value in SAVES}
        assert not settled & set(world.saved), "a settled effect was made again"
        assert settled | world.saved.keys() == {6, 1000}


async def _events() -> list[Any]:
    bench = bench_of(World())
    return await bench.events((await bench.run(goal="Sort 6 things")).id)


@pytest.mark.parametrize(
    ("goal", "told"),
    [("Sort oddly 6 things", "Its fallback is refused."), ("Sort in vain 6 things", "Its fallback: There is no")],
)
async def test_a_fallback_that_cannot_be_taken_is_told_with_what_fell(goal: str, told: str) -> None:
    bench = bench_of(World())
    run = await bench.run(goal=goal)
    reason = reason_of(run)
    assert reason.startswith("Only 0% of the models' answers count; the floor is 50% (share).")
    assert told in reason
    refused = [r for r in await bench.events(run.id) if isinstance(r.event, PlanRefused)]
    assert len(refused) == (1 if "refused" in told else 0)


async def test_a_run_of_a_playbook_that_is_relied_on_takes_no_fallback() -> None:
    world = World()
    run = await bench_of(world, lambda _: '{"value": 5}').run(goal="Sort 6 things")
    assert answer_of(run) == 30
    assert sources(run) == ["playbook"]


async def test_a_fallback_is_taken_when_what_would_mend_the_playbook_is_refused_again_and_again() -> None:
    world = World()
    bench = bench_of(world)
    planner = ScriptedModel(lambda _: "x = t.gone()\nanswer(x)\n")
    failing = SORT.replace(", otherwise=0", "") % "plain"
    bench.models = Models(planner=role(planner, max_input_tokens=50_000), executor=bench.models.executor)
    bench.playbooks = Playbooks([*(PLAYBOOKS.get(n) for n in ("plain",)), parse_playbook("sort", failing)])
    run = await bench.run(goal="Sort 6 things")
    assert answer_of(run) == "6 and 1000"
    assert [f.measure for f in run.fell if not f.step] == ["repairs"]
    assert sources(run) == ["playbook", "fallback"]
