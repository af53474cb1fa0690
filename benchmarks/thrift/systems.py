"""Systems: everybody who is measured, ready to be opened on a goal with its model behind a URL."""

from __future__ import annotations

from functools import partial

from benchmarks.thrift.door import CHEAP, STRONG
from benchmarks.thrift.llm_compiler import llm_compiler
from benchmarks.thrift.plan_execute import plan_execute
from benchmarks.thrift.planrail_runs import ours
from benchmarks.thrift.react import react
from benchmarks.thrift.system import (
    CLASSIC,
    CLASSIC_TOGETHER,
    COMPILER,
    FRESH,
    FRESH_CHEAP,
    KEPT,
    ONE,
    ONE_CHEAP,
    OUR_ONE,
    OUR_PARALLEL,
    PARALLEL,
    PARALLEL_CHEAP,
    System,
    rival,
)


def systems() -> list[System]:
    """Everybody."""
    return [
        System(ONE, rival(partial(react, model=STRONG, parallel=False))),
        System(PARALLEL, rival(partial(react, model=STRONG, parallel=True))),
        System(ONE_CHEAP, rival(partial(react, model=CHEAP, parallel=False))),
        System(PARALLEL_CHEAP, rival(partial(react, model=CHEAP, parallel=True))),
        System(CLASSIC, rival(partial(plan_execute, planner=STRONG, executor=CHEAP, together=False))),
        System(CLASSIC_TOGETHER, rival(partial(plan_execute, planner=STRONG, executor=CHEAP, together=True))),
        System(COMPILER, rival(partial(llm_compiler, model=STRONG))),
        System(FRESH, ours(STRONG)),
        System(FRESH_CHEAP, ours(CHEAP)),
        System(KEPT, ours(STRONG, kept=True), kept=True),
        System(OUR_ONE, ours(STRONG, mode="react", one_call=True)),
        System(OUR_PARALLEL, ours(STRONG, mode="react")),
    ]
