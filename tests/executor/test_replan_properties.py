"""Random scripts that fail, and a planner that writes what failed once more: no settled effect is made again, no tool is added,
no finished step is lost; and a run that was replanned goes on from every prefix of its journal to the same end."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from bench import PLENTY, Bench
from hypothesis import example, given
from hypothesis import strategies as st
from proofs import few, many
from scripts import scripts
from test_order_properties import MODELS, answers
from test_resume_properties import Camera, Witness, again
from worlds import Latency, World, tools_of

from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    Event,
    PlanCertified,
    PlannerCalled,
    PlanProposed,
    Recorded,
    StepSkipped,
)
from executor.opening import loader
from executor.run import Run
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.worst import ModelTerms
from planrail.replay import ReplayGround, replay
from planrail.replay_report import Replayed

GIVEN_UP = 'answer("given up")\n'


def written(request: ModelRequest) -> str:
    """What a planner writes that is none too clever: the broken lines again, or new ones; and when refused, next to nothing."""
    asked = request.messages[1].content
    if len(request.messages) > 2:
        return GIVEN_UP
    marked = [line.partition(" | ")[::2] for line in asked.split("\n") if line.startswith(("FAILED  | ", "replace | "))]
    match zlib.crc32(str(marked).encode()) % 5:
        case 0:
            return f"zz = a.add(x=1)\nzy = b.send(x=2)\nzx = [c.put(x=q) for q in [1, 2, 2]]\n{GIVEN_UP}"
        case 1:
            return "\n".join(line for _, line in marked) + "\n"
        case _:
            mended = (f"{line.partition(' = ')[0]} = 0" if mark == "FAILED " else line for mark, line in marked)
            return "\n".join(line for line in mended if not line.startswith("expect(")) + "\n"


def bench_of(world: World, seed: int, parallel: int) -> Bench:
    budget = PLENTY.model_copy(update={"parallel": parallel, "replans": 2})
    planner = Role(ScriptedModel(written), ModelTerms(model="big", max_input_tokens=100_000, max_output_tokens=4_000))
    return Bench(tools_of(world, Latency(seed)), Models(planner, MODELS.executor), answers=answers, budget=budget)


# -- what holds of every replanned run


class Reader:
    """Reads a journal from its beginning, and looks at each revision."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.starts: dict[tuple[str, str], CallStarted] = {}
        self.ends: dict[tuple[str, str], CallFinished] = {}
        self.over: set[str] = set()
        self.gone: set[str] = set()
        self.taken: set[tuple[str, str]] = set()
        self.effects: set[tuple[str, str]] = set()  # calls that acted, or stand for one that did
        self.fresh: set[str] = set()
        self.tools: set[str] = set()
        self.proposed: PlanProposed | None = None
        for event in events:
            self.read(event)

    def read(self, event: Event) -> None:
        match event:
            case PlanProposed():
                self.proposed = event
            case PlanCertified():
                self.revised(event)
            case CallStarted():
                self.started(event)
            case CallFinished():
                self.ends[event.step, event.item] = event
                self.over.update((event.step,) if event.item == "" else ())
            case StepSkipped():
                self.over.add(event.step)

    def revised(self, plan: PlanCertified) -> None:
        assert self.proposed is not None
        tools = set(plan.certificate.tools)
        if plan.revision == 1:
            self.tools = tools
            return
        assert tools <= self.tools, "a replan added a tool"
        lost = {step for step in self.over & set(plan.dropped) if "." not in step}
        assert not lost, "a finished step was lost"
        self.gone |= set(plan.dropped)
        self.fresh = set(plan.ids[plan.kept :])

    def started(self, event: CallStarted) -> None:
        address, statement = (event.step, event.item), event.step.partition(".")[0]
        if event.claim or event.of in self.effects:
            self.effects.add(address)
        if event.of is not None:
            assert event.of not in self.taken, "one call was taken over twice"
            self.taken.add(event.of)
        elif event.claim and statement in self.fresh and address not in self.starts:
            assert not self.settled(event), "a settled effect was made again"
        self.starts[address] = event

    def settled(self, call: CallStarted) -> list[tuple[str, str]]:
        """Equal effects that are settled, and that no other call has taken over."""
        return [
            address
            for address, start in self.starts.items()
            if (start.call, start.arguments) == (call.call, call.arguments) and address in self.effects - self.taken
            and address[0].partition(".")[0] not in self.fresh
            and address in self.ends and self.ends[address].how not in ("otherwise", "default")
        ]  # fmt: skip


async def replanned(script: str, seed: int, parallel: int) -> tuple[Run, World, list[Recorded], Replayed]:
    world = World()
    bench = bench_of(world, seed, parallel)
    run = await bench.run(script)
    events = await bench.events(run.id)
    return run, world, events, replay(run.id, events, ReplayGround(bench.planning, None, loader(bench.artifacts)))


def holds(script: str, shape: tuple[int, int]) -> None:
    run, world, events, again = asyncio.run(replanned(script, *shape))
    Reader([r.event for r in events])
    assert len(run.revisions) <= 3
    assert max(world.by_key.values(), default=0) <= 3  # retries apart, nothing is called twice by one key
    assert again.findings == ()


SHAPES = st.tuples(st.integers(0, 1 << 30), st.integers(1, 6))
BREAKS = (
    "a.broken(x=3)",
    "[b.try_put(x=q) for q in [1, 4, 5]]",
    "[c.broken(x=b.put(x=q).id) for q in [1, 2, 3]]",
    "c.put(x=a.broken(x=6).id + b.send(x=1).id)",
    "[r.n for r in a.some(x=2)][5]",
    "[a.add(x=q) if q > 1 else a.broken(x=3).id for q in [1, 2, 3]]",
)


@st.composite
def failing(draw: Callable[..., Any], **more: Any) -> str:
    """A script in which one or two lines fail."""
    lines = draw(scripts(people=True, models=True, **more)).rstrip("\n").split("\n")
    for number in range(draw(st.integers(1, 2))):
        places = [i for i, line in enumerate(lines) if not line.startswith((" ", "else"))]
        kind = draw(st.sampled_from((*BREAKS, "")))
        line = f"f{number} = {kind}" if kind else 'expect(a.look(x=1).id > 1, "why")'
        lines.insert(draw(st.sampled_from(places)), line)
    return "\n".join(lines) + "\n"


FAILING = failing(most=7)
TWICE = """\
f0 = c.put(x=a.broken(x=6).id + b.send(x=1).id)
v2 = ask_user("how many for v1?", returns=int)
v3 = a.some(x=0)
answer({"v2": v2, "v3": v3})
"""  # it is replanned twice, and what the first replan takes over the second one has to find


OTHERWISE = """\
a.put(x=1)
f0 = [b.try_put(x=q) for q in [1, 4, 5]]
f1 = a.broken(x=3)
v1 = b.some(x=2)
answer({"v1": v1})
"""  # the second replan may come when other steps are done than without the crash
DROPPED = """\
a.put(x=2)
f0 = c.put(x=a.broken(x=6).id + b.send(x=1).id)
v1 = pages(b.page(start=2), limit=50)
answer({"v1": v1})
"""  # `b.send` is in flight at a crash, and then dropped: what `b.page` sees hangs on whether it had come about


@few(12)
@given(FAILING, SHAPES)
@example(TWICE, (0, 3))
def test_a_replan_repeats_no_settled_effect_adds_no_tool_and_loses_no_finished_step(
    script: str, shape: tuple[int, int]
) -> None:
    holds(script, shape)


@pytest.mark.proof
@many()
@given(failing(timers=True, most=12), SHAPES)
def test_thousands_of_replans_repeat_no_settled_effect_add_no_tool_and_lose_no_finished_step(
    script: str, shape: tuple[int, int]
) -> None:
    holds(script, shape)


# -- crashes


async def resumes_from_every_prefix(script: str, seed: int, parallel: int, every: int = 1) -> None:
    world = World()
    whole = bench_of(world, seed, parallel)
    camera = whole.journal = Camera(world)
    end = await whole.run(script)
    events = await whole.events(end.id)
    for length in range(1, len(events) + 1, every):
        if isinstance(events[length - 1].event, PlannerCalled):
            continue  # it is written together with what it gave
        await resumes(events[:length], camera.pictures[length - 1].after_a_crash(), end, seed + length, parallel)


def in_flight(prefix: Sequence[Recorded]) -> set[str]:
    """The steps with an effect that was claimed, and of whose end nothing is written."""
    claimed = {(r.event.step, r.event.item) for r in prefix if isinstance(r.event, CallStarted) and r.event.claim}
    ended = {(r.event.step, r.event.item) for r in prefix if isinstance(r.event, CallFinished | CallFailed)}
    return {step for step, _ in claimed - ended}


def ended(run: Run) -> dict[tuple[str, str], str]:
    """How the calls of the last plan ended: why they failed, or that they did not."""
    found = {a: call for a, call in run.calls.items() if a[0] not in run.dropped and not call.open}
    return {a: "" if call.failed is None else call.failed.message for a, call in found.items()}


async def resumes(prefix: list[Recorded], world: World, end: Run, seed: int, parallel: int) -> None:
    """It comes to the same end, unless the planner was asked at another moment, or an effect was in flight at the crash.

    What such an effect gave is lost where a person says that it happened; where a replan drops it, it may not have happened.
    """
    bench = bench_of(world, seed, parallel)
    bench.answers = Witness(bench, world)
    before = Counter(world.by_key)
    resumed = await bench.carry_on(await bench.restore(prefix))
    events = [r.event for r in await bench.events(resumed.id)]
    scripts, ends = ([r.certified.script for r in run.revisions] for run in (resumed, end))
    certified = [r.event.script for r in prefix if isinstance(r.event, PlanCertified)]
    assert scripts[: len(certified)] == certified == ends[: len(certified)], "what was certified did not stay"
    lost = {e.step for e in events if isinstance(e, CallFinished) and e.how == "reconciled"}
    lost |= in_flight(prefix) & resumed.dropped.keys()
    if scripts == ends and not lost:
        ours, theirs = ended(resumed), ended(end)  # of several that fail the first one ends the run: that hangs on time
        both = ours.keys() & theirs.keys()
        assert {a: ours[a] for a in both} == {a: theirs[a] for a in both}
        assert (resumed.status, resumed.ended and resumed.ended.answer) == (end.status, end.ended and end.ended.answer)
    assert not world.by_key & again(prefix, world, before), "a finished call was made again"
    bought, proposed = ([e for e in events if isinstance(e, kind)] for kind in (PlannerCalled, PlanProposed))
    assert len(bought) == len(proposed) - 1, "a planner was paid twice"  # the first plan was submitted
    Reader(events)


@few(1)
@given(failing(once=True, most=5), SHAPES)
@example(TWICE, (0, 3))
@example(OTHERWISE, (0, 2))
@example(DROPPED, (275382, 5))
def test_a_replanned_run_resumes_from_every_prefix_of_its_journal(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))


@pytest.mark.proof
@many(0.1)
@given(failing(once=True, timers=True, most=8), SHAPES)
def test_many_replanned_runs_resume_from_every_prefix_of_their_journals(script: str, shape: tuple[int, int]) -> None:
    asyncio.run(resumes_from_every_prefix(script, *shape))
