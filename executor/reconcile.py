"""Reconcile: what to make of an effect that was claimed and of whose end nothing is known.

An idempotent tool is called again with the same key, which needs no look. Else the tool's probe tells, once the claim's
deadline is over and nobody can be at it any more; where it cannot, a person does. The call is never blindly repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from executor.call import probe_tool
from executor.call_state import UNKNOWN, CallState
from executor.claim import claim_s
from executor.events import CallFailed, CallFinished, Question, QuestionAnswered
from executor.frame import Start
from executor.perform import Ended, Sleep
from executor.tool import Tool

_HAPPENED = "It had taken effect before."


def reconcile_question(start: Start, call: CallState) -> Question:
    """The question to a person; each claim of the same call is asked for by another name."""
    number = f"#{call.starts}" if call.starts > 1 else ""
    return Question(
        id=f"reconcile:{start.step.id}{':' if start.item else ''}{start.item}{number}",
        kind="reconcile",
        of=start.step.id,
        item=start.item,
        text=f"Planrail stopped while it called {start.step.tool}. Did the call take effect?",
        answer_schema={"type": "boolean"},
        shown=[{"tool": start.step.tool, "arguments": start.bound.shown()}],
    )


async def reconciled(
    start: Start,
    call: CallState,
    answer: QuestionAnswered | None,
    tool: Tool,
    *,
    now: Callable[[], datetime],
    sleep: Sleep,
) -> Ended | Literal[False] | None:
    """How the call ended; False if it took no effect and may be made; None if a person has to tell."""
    step, item = start.step.id, start.item
    if answer is not None and answer.refused:
        message = f"{answer.by} does not say whether {start.step.tool} took effect."
        return CallFailed(step=step, item=item, kind=UNKNOWN, message=message)
    if answer is not None:
        happened: bool | None = answer.answer is True
    elif call.started is None or tool.probe is None:
        return None
    else:
        if call.started.deadline is not None:
            left = min(
                (call.started.deadline - now()).total_seconds(), claim_s(start.step, tool.spec)
            )  # a clock may be set back
            if left > 0:
                await sleep(left)
        happened = await probe_tool(tool, call.started.key)
    if happened:
        return CallFinished(step=step, item=item, how="reconciled", reason=_HAPPENED)
    return None if happened is None else False
