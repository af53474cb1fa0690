"""Drafting: one call of the planner's model: the ceilings are asked before it, and what was paid for is journaled after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from executor.ahead import Ahead
from executor.events import CallHeld, CeilingReached, PlannerCalled
from executor.held import telling
from executor.ledger import NOTHING, Ledger, model_need
from executor.quota import ceiling_told
from executor.recorder import Recorder
from planner.check import Ground
from planner.diagnostic import Diagnostic
from planner.errors import ModelError, PlanrailError
from planner.llm.port import Heard, Message
from planner.planner import Draft, Planner

_PLANNING = ("$plan", "")  # the ledger's address for what planning takes
Purpose = Literal["write", "repair", "replan"]


class NotPlanned(PlanrailError):
    """There is no plan for the goal; the run fails with this message."""

    def __init__(self, message: str, *, hint: str = "", ceiling: CeilingReached | None = None) -> None:
        super().__init__(message, hint=hint)
        self.ceiling = ceiling


async def drafted(
    planner: Planner,
    messages: tuple[Message, ...],
    purpose: Purpose,
    recorder: Recorder,
    ahead: Ahead | None = None,
    ground: Callable[[], Ground] | None = None,
) -> Draft:
    """What the model writes; its call is noted, to be written with what comes of it. Raises NotPlanned.

    `ahead` makes reads while it writes, on the ground that `ground` gives.
    """
    run, ledger = recorder.run, Ledger(recorder.run) if ahead is None else ahead.ledger
    need = model_need(planner.role.most(messages))
    await recorder.cover(ledger.share(need, NOTHING if ahead is None else ahead.most()))
    ceiling = ledger.ask(_PLANNING, need)
    if ceiling is not None:
        hint = (ceiling_told(run, ceiling.ceiling) or ("", ""))[1]
        raise NotPlanned(f"Asking the planner would pass the ceiling {ceiling.ceiling}.", hint=hint, ceiling=ceiling)
    await recorder.commit()
    begun = time.monotonic()
    model = planner.role.terms.model
    try:
        if ahead is not None and ground is not None:
            ahead.begin(ground())
        draft = await _written(planner, messages, recorder, None if ahead is None else ahead.heard)
    except ModelError as error:
        seconds = round(time.monotonic() - begun, 3)
        failed = PlannerCalled(purpose=purpose, model=model, usage=error.usage, seconds=seconds, error=error.message)
        recorder.note(failed)  # written with the end of the run, so that a crash in between does not ask twice
        raise NotPlanned(f"The planner gave no plan: {error.message}", hint=error.hint) from error
    finally:
        ledger.settle(_PLANNING)
    recorder.note(PlannerCalled(purpose=purpose, model=model, usage=draft.usage, seconds=round(time.monotonic() - begun, 3)))
    return draft


async def _written(planner: Planner, messages: tuple[Message, ...], recorder: Recorder, heard: Heard | None) -> Draft:
    """What the planner writes; that it waits for its turn stands in the journal meanwhile."""
    told: list[asyncio.Task[bool]] = []

    def tell(reason: str) -> None:
        told.append(asyncio.create_task(recorder.commit(CallHeld(reason=reason))))

    try:
        with telling(tell):
            return await planner.write(messages, heard)
    finally:
        await asyncio.gather(*told)


def unreadable(draft: Draft) -> Diagnostic:
    """What is said of an answer that is no script."""
    text = draft.script.partition("\n")[0][:80]
    return Diagnostic(code="unreadable", line=1, column=1, text=text, message=draft.unreadable)
