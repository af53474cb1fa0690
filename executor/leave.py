"""Leave: what a call in flight may do to go on: ask the ceilings for more, and have it journaled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from executor.call_state import Address
from executor.claim import DELEGATED_S
from executor.confidence import Measure
from executor.events import CallHeld, CallRetried, CeilingReached, ClaimRenewed, ConfidenceFell, TaskDelegated
from executor.ledger import Ledger, Need
from executor.recorder import Recorder
from executor.thread import Thread, thread_of
from planner.toolspec import AGENT
from planner.usage import NO_USAGE, Usage


@dataclass(frozen=True)
class Leave:
    """The Attempts of one call. `refused` is told the ceiling that forbids it more, which ends the run."""

    address: Address
    recorder: Recorder
    ledger: Ledger
    nudge: asyncio.Event
    now: Callable[[], datetime]
    refused: Callable[[CeilingReached], None]

    def more(self, need: Need) -> bool:
        """Reserve more for the call."""
        ceiling = self.ledger.ask(self.address, need)
        if ceiling is not None:
            self.refused(ceiling)
        return ceiling is None

    def failed(self, reason: str, usage: Usage, over: Need, *, tool_call: bool = True) -> None:
        """Journal that a further attempt is made."""
        step, item = self.address
        number = len(self.recorder.run.call(step, item).retries) + 1
        self.recorder.note(CallRetried(step=step, item=item, attempt=number, reason=reason, usage=usage, tool_call=tool_call))
        self.ledger.release(self.address, over)

    def fell(self, measure: Measure, value: float, floor: float) -> None:
        """Journal that the call's answer does not count."""
        step, item = self.address
        self.recorder.note(ConfidenceFell(step=step, item=item, measure=measure, value=value, floor=floor))

    async def renewed(self, seconds: float) -> None:
        """Claim the effect anew; raises LostOwnership where the run has another owner by now."""
        deadline = self.now() + timedelta(seconds=seconds)
        await self.recorder.commit(ClaimRenewed(step=self.address[0], item=self.address[1], deadline=deadline))

    # -- of a call that another agent carries out

    @property
    def thread(self) -> Thread:
        """What the journal says of it."""
        started = self.recorder.run.call(*self.address).started
        return thread_of(self.recorder.run, self.address, "" if started is None else started.key)

    @property
    def cancelled(self) -> bool:
        """Whether the run is: else somebody goes on with the agent's task."""
        return self.recorder.run.cancel_requested

    async def begun(self, task: str, context: str) -> None:
        """Journal the agent's task, before anything stands on it."""
        step, item = self.address
        agent = self.recorder.run.call(step, item).started
        name = "" if agent is None else agent.call.removeprefix(AGENT)
        await self.recorder.commit(TaskDelegated(step=step, item=item, agent=name, task=task, context=context))
        self.nudge.set()

    async def waiting(self) -> None:
        """Claim the call anew: no task is known yet."""
        await self.renewed(DELEGATED_S)

    def retrying(self, reason: str) -> None:
        """Journal that nothing was begun and it is tried again."""
        self.failed(reason, NO_USAGE, Need(), tool_call=False)

    def held(self, reason: str) -> None:
        """Journal that the call waits for its turn, though nothing else may happen for a while."""
        self.recorder.note(CallHeld(step=self.address[0], item=self.address[1], reason=reason))
        self.nudge.set()
