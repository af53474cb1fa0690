"""Schedule: run every step that can run; end when none is left that can, or when only people are awaited.

The loop decides by `next_moves` alone. It asks the ledger before each start, claims effects before the act, and writes each
result before anything may stand on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from executor.call import probe_tool
from executor.errors import LostOwnership
from executor.events import (
    CallFinished,
    CallRetried,
    CallStarted,
    CancelRequested,
    CeilingReached,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Surprised,
)
from executor.ledger import Ledger, Need
from executor.moves import Frame, Moves, Start, earliest, next_moves
from executor.perform import Ended, Performer
from executor.recorder import Recorder
from executor.run import Address, same_call
from executor.values import Values
from planner.toolspec import Json, digest
from planner.usage import Usage

log = logging.getLogger(__name__)
_SHOWN_BYTES = 8_000  # of arguments in the journal; larger ones stand as their digest
_SLACK_S = 5.0  # between a claim's time-out and the time when another owner may take it for dead

End = Literal["done", "failed", "partial", "cancelled", "parked"]
Keep = Callable[[Ended], Ended]  # moves a large value into the artifact store


class Scheduler:
    """Moves one run along, in one segment."""

    def __init__(
        self, *, frame: Frame, values: Values, recorder: Recorder, performer: Performer, nudge: asyncio.Event, keep: Keep,
        now: Callable[[], datetime], seen: int,
    ) -> None:  # fmt: skip
        self._frame = frame
        self._values = values
        self._recorder = recorder
        self._run = recorder.run
        self._performer = performer
        self._nudge = nudge
        self._keep = keep
        self._now = now
        self._seen = seen
        self._ledger = Ledger(self._run)
        self._tasks: dict[Address, asyncio.Task[Ended]] = {}
        self._unsaved: list[Ended] = []
        self.ceiling: CeilingReached | None = None

    async def run(self) -> End:
        """Go on until the run ends or parks; raises LostOwnership, with what was paid for in `unsaved`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + max(self._run.budget.seconds - self._run.seconds, 0.0)
        try:
            while True:
                end = await self._round(until - loop.time())
                if end is not None:
                    return end
        finally:
            await self._abandon()

    @property
    def unsaved(self) -> list[Ended]:
        """Results that were paid for and could not be written."""
        return self._unsaved

    async def _round(self, left_s: float) -> End | None:
        await self._listen()
        if self._run.cancel_requested:
            return "cancelled"
        if left_s <= 0 and self.ceiling is None:
            spent = self._run.budget.seconds - left_s
            self.ceiling = CeilingReached(ceiling="seconds", limit=self._run.budget.seconds, wanted=round(spent, 3))
        moves = next_moves(self._frame, self._run, self._values, frozenset(self._tasks))
        if moves.events or moves.questions:
            await self._recorder.commit(*moves.events, *(QuestionAsked(question=q) for q in moves.questions))
            return None
        asked = [] if self.ceiling else self._start(moves)
        if asked:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in asked))
            return None
        if self._tasks:
            await self._wait(left_s)
            return None
        return await self._idle(moves)

    async def _idle(self, moves: Moves) -> End | None:
        """Nothing is in flight and nothing can start: the run ends, asks, or waits."""
        if moves.surprises:
            step, failed = earliest(moves.surprises)
            kind, message = failed.kind, failed.message
            await self._recorder.commit(Surprised(step=step.id, item=failed.item, kind=kind, message=message))
            return "failed"
        if self.ceiling is not None:
            await self._recorder.commit(self.ceiling)
            return "partial"
        if moves.complete:
            return "done"
        if moves.approvals:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in moves.approvals))
            return None
        if self._run.open_questions:
            return "parked"
        raise RuntimeError(f"run {self._run.id} has no move left")

    # -- starting

    def _start(self, moves: Moves) -> list[Question]:
        """Start what may start, up to the budget's `parallel`; the questions that come up on the way."""
        asked: list[Question] = []
        for start in moves.starts:
            if len(self._tasks) >= self._run.budget.parallel or self.ceiling is not None:
                break
            before = self._run.call(*start.address)
            uncertain = before.open and before.started is not None and before.started.claim
            question = self._uncertain(start) if uncertain else None
            if question is None:
                self._go(start, uncertain=uncertain)
            elif question.id not in self._run.questions:
                asked.append(question)
        return asked

    def _go(self, start: Start, *, uncertain: bool) -> None:
        self.ceiling = self._ledger.ask(start.address, self._performer.need(start))
        if self.ceiling is not None:
            return
        event = self._started(start)
        self._recorder.note(event)
        self._ledger.counted(start.address, 1 if event.key else 0)
        call = self._carry(start, event, uncertain=uncertain)
        self._tasks[start.address] = asyncio.create_task(call, name=f"{self._run.id} {start.step.id} {start.item}")

    def _started(self, start: Start) -> CallStarted:
        """The event of a call's start, with its key: the one it had before, if an earlier owner has started it."""
        step, before = start.step, self._run.call(*start.address).started
        if step.kind not in ("tool", "attempt", "pages"):
            return CallStarted(step=step.id, item=start.item, call=step.kind, arguments=_shown(start.bound.shown()))
        spec = self._frame.tools[step.tool]
        arguments = _shown(start.bound.shown())
        ordinal = self._run.ordinals.get(same_call(step.tool, arguments), 0)
        key = before.key if before is not None else digest([self._run.id, step.tool, arguments, ordinal])[:32]
        limit = spec.timeout_s if step.options.timeout_s is None else step.options.timeout_s
        deadline = self._now() + timedelta(seconds=limit + _SLACK_S) if spec.has_effect else None
        return CallStarted(
            step=step.id,
            item=start.item,
            call=step.tool,
            key=key,
            arguments=arguments,
            claim=spec.has_effect,
            deadline=deadline,
        )

    def _uncertain(self, start: Start) -> Question | None:
        """The question whether a claimed effect happened, where neither its key nor its tool can tell and nobody answered."""
        tool = self._performer.toolset[start.step.tool]
        name = f"reconcile:{start.step.id}:{start.item}"
        if tool.spec.idempotent or tool.probe is not None or name in self._run.answers:
            return None
        text = f"Planrail stopped while it called {start.step.tool}. Did the call take effect?"
        return Question(
            id=name, kind="reconcile", of=start.step.id, item=start.item, text=text, answer_schema={"type": "boolean"},
            shown=[{"tool": start.step.tool, "arguments": start.bound.shown()}],
        )  # fmt: skip

    async def _carry(self, start: Start, event: CallStarted, *, uncertain: bool) -> Ended:
        if event.claim:
            await self._recorder.commit()  # the claim is durable before the act
        if uncertain and await self._happened(start, event.key):
            return CallFinished(step=start.step.id, item=start.item, how="reconciled", reason="It had taken effect before.")
        return await self._performer.perform(start, event.key, _Leave(self, start.address))

    async def _happened(self, start: Start, key: str) -> bool:
        """Whether a claimed effect took place; an idempotent one may simply be repeated with its key."""
        tool = self._performer.toolset[start.step.tool]
        if tool.spec.idempotent:
            return False
        answer = self._run.answers.get(f"reconcile:{start.step.id}:{start.item}")
        return answer.answer is True if answer is not None else bool(await probe_tool(tool, key))

    # -- waiting

    async def _wait(self, left_s: float) -> None:
        """Wait until a call ends, something comes from outside, or the run's time is up; write what has ended."""
        nudged = asyncio.create_task(self._nudge.wait())
        try:
            timeout = left_s if self.ceiling is None else None
            await asyncio.wait({*self._tasks.values(), nudged}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()
        ended = {address: task for address, task in self._tasks.items() if task.done()}
        if not ended:
            return
        self._unsaved = [self._keep(task.result()) for task in ended.values()]
        for address in ended:
            del self._tasks[address]
        await self._recorder.commit(*self._unsaved)
        self._unsaved = []
        for address in ended:
            self._ledger.settle(address)

    async def _listen(self) -> None:
        """Fold what came from outside: answers and cancels."""
        if not self._nudge.is_set():
            return
        self._nudge.clear()
        found, self._seen = await self._recorder.outside(self._seen)
        outside = [r for r in found if isinstance(r.event, QuestionAnswered | CancelRequested)]
        self._recorder.absorb(outside)

    async def _abandon(self) -> None:
        """Give up what is in flight: async calls are cancelled, processes killed, threads left to themselves."""
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with contextlib.suppress(asyncio.CancelledError, LostOwnership):
                result = await task
                self._unsaved.append(result)
        self._tasks.clear()

    # -- attempts

    def further(self, address: Address, need: Need) -> bool:
        """Reserve more for a call in flight; the ceiling that forbids it ends the run."""
        refused = self._ledger.ask(address, need)
        self.ceiling = self.ceiling or refused
        return refused is None

    def attempt_failed(self, address: Address, reason: str, usage: Usage, *, tool_call: bool) -> None:
        """Journal that a further attempt is made."""
        number = len(self._run.call(*address).retries) + 1
        event = CallRetried(step=address[0], item=address[1], attempt=number, reason=reason, usage=usage, tool_call=tool_call)
        self._recorder.note(event)
        self._ledger.counted(address, 1 if tool_call else 0)


@dataclass(frozen=True)
class _Leave:
    """The Attempts of one call."""

    scheduler: Scheduler
    address: Address

    def more(self, need: Need) -> bool:
        return self.scheduler.further(self.address, need)

    def failed(self, reason: str, usage: Usage, *, tool_call: bool) -> None:
        self.scheduler.attempt_failed(self.address, reason, usage, tool_call=tool_call)


def _shown(arguments: dict[str, Json]) -> Json:
    """Arguments as the journal keeps them."""
    size = len(str(arguments))
    return arguments if size <= _SHOWN_BYTES else {"$digest": digest(arguments), "size": size}
