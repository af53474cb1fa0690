"""Waiting: a request waits briefly for its run, with progress; the run goes on whether anybody waits or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mcp.types import CallToolResult

from executor.run import Run, fold, is_over
from executor.submission import Principal
from mcp_server.run_told import run_result
from planrail.house import House
from planrail.runs import APPROVALS, may_approve
from planrail.view import RunView

Progressed = Callable[[RunView], Awaitable[None]]
_OFTEN_S = 0.1  # between two tellings of progress


async def view_of(house: House, run: str, principal: Principal) -> RunView:
    """The run as it is now; raises UnknownRun."""
    state = await house.runs.get(run, principal)
    return await asyncio.to_thread(house.viewer(state).view)


async def result_for(house: House, view: RunView, who: Principal) -> CallToolResult:
    """The result that tells a principal of a run: which questions are its own to answer hangs on who submitted it."""
    approves = any(q.kind in APPROVALS for q in view.questions)
    submitter = (await house.runs.get(view.id, who)).submission.principal if approves else who
    return run_result(view, may_approve=approves and may_approve(who, submitter))


async def rested(house: House, run: str, principal: Principal, seconds: float, progressed: Progressed) -> RunView:
    """The run once it is over or waits for somebody, or as it is after so many seconds."""
    state = await house.runs.get(run, principal)  # what it has waited for before is over
    told = 0.0
    try:
        async with asyncio.timeout(seconds):
            if await _rests(house, state, principal):
                return await view_of(house, run, principal)
            async for recorded in house.runs.events(run, principal, after=state.seq):
                fold(state, [recorded])
                now = asyncio.get_running_loop().time()
                if recorded.event.type in ("call_finished", "plan_certified") and now - told > _OFTEN_S:
                    told = now
                    await progressed(house.viewer(state).view())
                if await _rests(house, state, principal):
                    break
    except TimeoutError:
        pass
    return await view_of(house, run, principal)


async def _rests(house: House, state: Run, principal: Principal) -> bool:
    """Whether it is over, or waits for somebody: an answer that was given stands in its row before it does in its journal."""
    if is_over(state.status):
        return True
    waits = state.status == "waiting" and bool(state.open_questions)
    return waits and (await house.runs.record(state.id, principal)).status == "waiting"
