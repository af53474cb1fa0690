"""The benchmark of tokens and $ counts what was really sent and answered, and prices it as it says."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.thrift.bench import AT_ONCE, Bench
from benchmarks.thrift.door import CHEAP, STRONG, open_door
from benchmarks.thrift.llm_compiler import llm_compiler, plan_prompt
from benchmarks.thrift.measured import Measured
from benchmarks.thrift.meter import Exchange, Meter
from benchmarks.thrift.perfect import ACT, DONE, PLAN, TASK, Reply, reply_to
from benchmarks.thrift.planrail_runs import ours
from benchmarks.thrift.plots import Plot
from benchmarks.thrift.rows import costs
from benchmarks.thrift.system import CLASSIC, COMPILER, FRESH, KEPT, ONE_CHEAP, System, rival
from benchmarks.thrift.workloads import Workload
from planner.catalog import Catalog
from planner.llm.port import Message
from planner.prompt import plan_messages
from planner.tokens import count_messages, count_tokens

ROOT = Path(__file__).parents[1]
CHAIN = Workload("chain", 3, 200, seed=1)


async def test_what_is_counted_is_what_was_sent_and_answered(tmp_path: Path) -> None:
    work = Workload("surprise", 4, 200, seed=1)
    systems = [System(COMPILER, rival(partial(llm_compiler, model=STRONG))), System(FRESH, ours(STRONG))]
    with open_door() as door:
        counted = {s.name: await Bench(door, tmp_path).taken(s, work, AT_ONCE) for s in systems}
    form, user = work.form, partial(Message, role="user")
    planned, mended = counted[FRESH].exchanges
    assert planned.input == count_messages(plan_messages(form.goal, Catalog(form.tools.specs)))
    assert [e.output for e in (planned, mended)] == [count_tokens(plan.script) for plan in form.plans]
    compiled, joined, again, _ = counted[COMPILER].exchanges
    assert compiled.input == count_messages([user(content=plan_prompt(form))])
    assert joined.input > 7 * 200  # four accounts and three resets are read
    assert again.input > joined.input  # and once more, when it plans again
    total = sum(e.input + e.output for e in (planned, mended))
    assert f"| {total / 1_000:.1f}k · $" in costs({work: counted})


@pytest.mark.proof
def test_the_benchmark_runs_with_its_extra_in_a_clean_environment(tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{ROOT}[bench]"], check=True, timeout=600)
    told = [python, "-m", "benchmarks.thrift", "--quick", "--rounds", "1", "--json"]
    done = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    document = json.loads(done.stdout)
    assert all(f"| {name} |" in document["grid"] for name in (CLASSIC, ONE_CHEAP, COMPILER, FRESH, KEPT))
    assert {row["bar"] is None for row in document["rows"]} == {True, False}


def test_a_beginning_that_the_same_system_sent_before_is_cached_in_steps_from_1024_on() -> None:
    meter = Meter()

    def cached(system: str, words: int, end: str) -> int:
        messages = [{"role": "user", "content": "word " * words + end}]
        return meter.exchange(system, {"model": STRONG, "messages": messages}, Reply("yes")).cached

    assert cached("a", 2_000, "one") == 0
    assert cached("a", 2_000, "two") == 1_920  # 15 steps of 128
    assert cached("b", 2_000, "two") == 0
    assert [cached("c", 1_000, end) for end in ("one", "two")] == [0, 0]


def test_a_price_is_that_of_what_was_new_what_was_cached_and_what_was_said() -> None:
    measured = Measured([Exchange(STRONG, 2_000, 1_024, 0, 100), Exchange(CHEAP, 1_000, 0, 0, 10)], [1.0])
    cheap = 1_000 * 0.15e-6 + 10 * 0.6e-6
    assert measured.usd(1.0) == pytest.approx(2_000 * 2.5e-6 + 100 * 10e-6 + cheap)
    assert measured.usd(0.5) == pytest.approx(976 * 2.5e-6 + 1_024 * 1.25e-6 + 100 * 10e-6 + cheap)


def classic(tool: str, told: str) -> dict[str, Any]:
    """What the planner of the classic graph is answered."""
    body = {"messages": [{"role": "user", "content": told}], "tools": [{"function": {"name": tool}}]}
    return reply_to(body, CHAIN.form).calls[0].arguments


def test_the_classic_graph_is_told_the_steps_that_are_left_and_at_last_the_answer() -> None:
    steps = CHAIN.form.steps(together=False)
    later = ["Read the record that it names as next."]
    assert classic(PLAN, CHAIN.form.goal)["steps"] == [steps[0].task, *later * 2]
    done = [(s.task, s.found) for s in steps]
    assert classic(ACT, f"{DONE}\n{done[:1]}")["action"] == {"steps": [steps[1].task, *later]}
    assert classic(ACT, f"{DONE}\n{done}")["action"] == {"response": CHAIN.form.sentence}


@pytest.mark.parametrize("kind", ["chain", "fan-out", "leads", "import", "surprise"])
@pytest.mark.parametrize("together", [False, True])
def test_the_steps_of_the_classic_graph_make_the_calls_that_react_makes(kind: Any, together: bool) -> None:
    form = Workload(kind, 5, 200).form
    tools = [{"function": {"name": name.replace(".", "_")}} for name in form.tools.specs]
    made: list[tuple[str, str]] = []
    for step in form.steps(together=together):
        messages: list[dict[str, Any]] = [{"role": "user", "content": f"{TASK}{step.task}"}]
        while calls := reply_to({"messages": messages, "tools": tools}, form).calls:
            made += [(c.tool, str(c.arguments)) for c in calls]
            messages += [{"role": "tool", "content": ""} for _ in calls]
    assert sorted(made) == sorted((c.tool, str(c.arguments)) for wave in form.waves for c in wave)


def test_a_plot_draws_ten_times_as_much_one_decade_longer_and_nothing_for_nothing() -> None:
    plot = Plot("T", "n", {"a < b": {"Planrail": 10.0, "other": 100.0, "free": 0.0}}, lambda v: f"{v:g}")
    drawn = ElementTree.fromstring(plot.svg())
    bars = [r for r in drawn.iter("{http://www.w3.org/2000/svg}rect") if r.get("class") in ("ours", "rival")]
    widths = [float(r.get("width", "")) for r in bars]
    assert widths[1] == pytest.approx(2 * widths[0])  # it begins one decade below the least
    assert widths[2] == 0
    assert [r.get("class") for r in bars] == ["ours", "rival", "rival"]
