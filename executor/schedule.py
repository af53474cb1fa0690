"""Schedule: run every step that can run; end when none is left that can, or when only people are awaited.

    round:  hear what came from outside ─► next_moves ─► journal what is decided ─► start calls ─► wait ─► journal what ended

The loop decides by `next_moves` alone. It asks the ledger before each start, claims effects before the act, and writes each
result before anything may stand on it. What a call has given and the journal did not take is in `unsaved`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from executor.errors import LostOwnership
from executor.events import (
    CallFinished,
    CallRetried,
    CallStarted,
    CancelRequested,
    CeilingReached,
    Event,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Surprised,
)
from executor.ledger import Ledger, Need
from executor.moves import Frame, Moves, Start, earliest, next_moves
from executor.outcomes import Failed
from executor.perform import Ended, Performer
from executor.reconcile import reconcile_question, reconciled
from executor.recorder import Recorder
from executor.run import CEILING, Address, same_call
from executor.values import Values
from planner.program import Step
from planner.toolspec import Json, digest
from planner.usage import Usage

log = logging.getLogger(__name__)
_SHOWN_BYTES = 8_000  # of arguments in the journal; larger ones stand as their digest
_SLACK_S = 5.0  # between a claim's time-out and the time when another owner may take it for dead
_BEHIND_S = 0.02  # what was noted is written after so long, if nothing has taken it along before
_WEIGHTY = 1_000  # nodes or 16 characters each: a heavier value is put away in a thread

End = Literal["done", "failed", "partial", "cancelled", "parked"]
Keep = Callable[[Ended], Ended]  # moves a large value into the artifact store; called in threads too


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
        self._ledger = Ledger(self._run)
        self._tasks: dict[Address, asyncio.Task[Ended | None]] = {}
        self._most: dict[Address, Need] = {}  # what calls may take with their retries, where a session shares it
        self._untold: set[Address] = set()  # claimed effects of which no probe can tell
        self._unsaved: list[Ended] = []
        self._flush: asyncio.Task[bool] | None = None
        self.seen = seen
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
        moves = self._moves()
        questions = [] if self.ceiling else moves.questions
        if moves.events or questions:
            await self._journal(moves.events, [QuestionAsked(question=q) for q in questions])
            return None
        await self._cover(moves.starts)
        asked = [] if self.ceiling else self._start(moves)
        if asked:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in asked))
            return None
        if self._tasks:
            await self._wait(left_s)
            return None
        return await self._idle(moves)

    def _moves(self) -> Moves:
        held = {(q.of, q.item) for q in self._run.open_questions if q.kind == "reconcile"}
        room = 0 if self.ceiling else max(self._run.budget.parallel - len(self._tasks), 0)
        return next_moves(self._frame, self._run, self._values, frozenset(held.union(self._tasks)), room)

    async def _idle(self, moves: Moves) -> End | None:
        """Nothing is in flight and nothing can start: the run ends, asks, or waits."""
        if moves.surprises:
            step, failed = earliest(moves.surprises)
            if self.ceiling is None or not self._cut_short(step, failed):
                kind, message = failed.kind, failed.message
                self._recorder.note(Surprised(step=step.id, item=failed.item, kind=kind, message=message))
                return "failed"
        if self.ceiling is not None:
            self._recorder.note(self.ceiling)
            return "partial"
        if moves.complete:
            return "done"
        if moves.approvals:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in moves.approvals))
            return None
        if self._run.open_questions:
            return "parked"
        raise RuntimeError(f"run {self._run.id} has no move left")

    def _cut_short(self, step: Step, failed: Failed) -> bool:
        """Whether it was a ceiling that made the step fail: the run is then partial, and the call can be made again."""
        end = self._run.call(step.id, failed.item).failed
        return end is not None and end.kind == CEILING

    # -- starting

    async def _cover(self, starts: Sequence[Start]) -> None:
        """Have what these starts may take, with their retries, reserved of the run's session, as far as it has so much left."""
        if self._run.submission.session is not None and starts and self.ceiling is None:
            self._most.update((start.address, self._performer.most(start)) for start in starts)
            wanted = (self._most[address] for address in {*self._tasks, *(start.address for start in starts)})
            await self._recorder.cover(self._ledger.share(*wanted))

    def _start(self, moves: Moves) -> list[Question]:
        """Start what may start; the questions that come up on the way."""
        asked: list[Question] = []
        for start in moves.starts:
            if self.ceiling is not None:
                break
            question = self._uncertain(start)
            if question is None:
                self._go(start)
            else:
                asked.append(question)
        return asked

    def _go(self, start: Start) -> None:
        self.ceiling = self._ledger.ask(start.address, self._performer.need(start))
        if self.ceiling is not None:
            return
        uncertain = self._run.call(*start.address).uncertain
        call = self._recall(start) if uncertain else self._carry(start, self._claim(start))
        self._tasks[start.address] = asyncio.create_task(call, name=f"{self._run.id} {start.step.id} {start.item}")

    def _claim(self, start: Start) -> CallStarted:
        """Note the start of a call, which counts from now on."""
        event = self._started(start)
        self._recorder.note(event)
        self._ledger.release(start.address, Need(calls=1 if event.key else 0))
        return event

    def _started(self, start: Start) -> CallStarted:
        """The event of a call's start, with its key: the one it had before, if it was started before."""
        step, before = start.step, self._run.call(*start.address).started
        if step.kind not in ("tool", "attempt", "pages"):
            role = self._performer.models.of(step)
            model = "" if role is None else role.terms.model
            shown = _shown(start.bound.shown())
            return CallStarted(step=step.id, item=start.item, call=step.kind, model=model, arguments=shown)
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
        call = self._run.call(*start.address)
        tool = self._performer.toolset[start.step.tool] if call.uncertain else None
        if tool is None or tool.spec.idempotent or (tool.probe is not None and start.address not in self._untold):
            return None
        question = reconcile_question(start, call)
        return None if question.id in self._run.answers else question

    async def _carry(self, start: Start, event: CallStarted) -> Ended:
        if event.claim:
            await self._recorder.commit()  # the claim is durable before the act
        return await self._performer.perform(start, event.key, _Leave(self, start.address))

    async def _recall(self, start: Start) -> Ended | None:
        """Settle a claim of unknown end: find out whether it took effect, and make the call if it did not.

        None where nobody has said so yet: a person has to be asked.
        """
        tool = self._performer.toolset[start.step.tool]
        if not tool.spec.idempotent:
            call = self._run.call(*start.address)
            answer = self._run.answers.get(reconcile_question(start, call).id)
            known = await reconciled(start, call, answer, tool, now=self._now, sleep=self._performer.sleep)
            if known is None:
                self._untold.add(start.address)
                return None
            if known is not False:
                return known
        return await self._carry(start, self._claim(start))

    # -- waiting

    async def _wait(self, left_s: float) -> None:
        """Wait until a call ends, something comes from outside, or the run's time is up; write what has ended."""
        await self._news(left_s if self.ceiling is None else None)
        if self._flush is not None and self._flush.done():
            flush, self._flush = self._flush, None
            flush.result()
        ended = [address for address, task in self._tasks.items() if task.done()]
        if ended:
            await self._save(ended)

    async def _news(self, left_s: float | None) -> None:
        nudged = asyncio.create_task(self._nudge.wait())
        awaited: set[asyncio.Task[Ended | None] | asyncio.Task[bool] | asyncio.Task[Literal[True]]]
        awaited = {*self._tasks.values(), nudged}
        try:
            if self._recorder.behind and self._flush is None:
                soon = _BEHIND_S if left_s is None else min(_BEHIND_S, left_s)
                done, _ = await asyncio.wait(awaited, timeout=soon, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    return
                self._flush = asyncio.create_task(self._recorder.commit(), name=f"{self._run.id} journal")
            if self._flush is not None:
                awaited.add(self._flush)
            await asyncio.wait(awaited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()

    async def _save(self, ended: Sequence[Address]) -> None:
        """Journal how calls ended; raises what went wrong with Planrail itself in one of them."""
        errors: list[BaseException] = []
        for address in ended:
            error = self._take(self._tasks.pop(address))
            errors += [] if error is None else [error]
        if errors:
            raise next((e for e in errors if isinstance(e, LostOwnership)), errors[0])
        await self._journal(self._unsaved)
        self._unsaved = []
        for address in ended:
            self._ledger.settle(address)

    def _take(self, task: asyncio.Task[Ended | None]) -> BaseException | None:
        """Put what a call gave with the unsaved; its error if it gave none."""
        if task.cancelled():
            return asyncio.CancelledError()
        error = task.exception()
        if error is None and (result := task.result()) is not None:
            self._unsaved.append(result)
        return error

    async def _journal(self, events: Sequence[Event], further: Sequence[Event] = ()) -> None:
        """Write events, large values as artifacts; what they say is known without being read back."""
        finished = [e for e in events if isinstance(e, CallFinished)]
        kept = {id(e): await asyncio.to_thread(self._keep, e) for e in finished if _is_weighty(e.value)}
        for event in finished:
            self._values.know(event)
        await self._recorder.commit(*(kept.get(id(e), e) for e in events), *further)

    async def _listen(self) -> None:
        """Fold what came from outside: answers and cancels."""
        if not self._nudge.is_set():
            return
        self._nudge.clear()
        found, self.seen = await self._recorder.outside(self.seen)
        outside = [r for r in found if isinstance(r.event, QuestionAnswered | CancelRequested)]
        self._recorder.absorb(outside)

    async def _abandon(self) -> None:
        """Give up what is in flight: async calls are cancelled, processes killed, threads left to themselves."""
        tasks, self._tasks = list(self._tasks.values()), {}
        flush, self._flush = self._flush, None
        for task in (*tasks, *(() if flush is None else (flush,))):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if flush is not None:
            await asyncio.wait((flush,))
            _ = flush.cancelled() or flush.exception()  # whoever writes next meets it again
        for task in tasks:
            error = self._take(task)
            if error is not None and not isinstance(error, asyncio.CancelledError | LostOwnership):
                log.error("a call of run %s failed", self._run.id, exc_info=error)

    # -- attempts

    def further(self, address: Address, need: Need) -> bool:
        """Reserve more for a call in flight; the ceiling that forbids it ends the run."""
        refused = self._ledger.ask(address, need)
        self.ceiling = self.ceiling or refused
        return refused is None

    def attempt_failed(self, address: Address, reason: str, usage: Usage, over: Need, *, tool_call: bool) -> None:
        """Journal that a further attempt is made."""
        number = len(self._run.call(*address).retries) + 1
        event = CallRetried(step=address[0], item=address[1], attempt=number, reason=reason, usage=usage, tool_call=tool_call)
        self._recorder.note(event)
        self._ledger.release(address, over)


@dataclass(frozen=True)
class _Leave:
    """The Attempts of one call."""

    scheduler: Scheduler
    address: Address

    def more(self, need: Need) -> bool:
        return self.scheduler.further(self.address, need)

    def failed(self, reason: str, usage: Usage, over: Need, *, tool_call: bool = True) -> None:
        self.scheduler.attempt_failed(self.address, reason, usage, over, tool_call=tool_call)


def _shown(arguments: dict[str, Json]) -> Json:
    """Arguments as the journal keeps them."""
    size = len(str(arguments))
    return arguments if size <= _SHOWN_BYTES else {"$digest": digest(arguments), "size": size}


def _is_weighty(value: Json) -> bool:
    """Whether a value may be large; a quick look, not a count."""
    weight, left = 0, [value]
    while left and weight <= _WEIGHTY:
        item = left.pop()
        weight += 1 + (len(item) // 16 if isinstance(item, str) else 0)
        if isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item[:_WEIGHTY])
    return weight > _WEIGHTY
