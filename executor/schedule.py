"""Schedule: run every step that can run; end when none is left that can, or when only people are awaited.

    round:  hear what came from outside ─► next_moves ─► journal what is decided ─► start calls ─► wait ─► journal what ended

The loop decides by `next_moves` alone. It asks the ledger before each start, claims effects before the act, and writes each
result before anything may stand on it. What a call has given and the journal did not take is in `unsaved`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from executor.ahead import Ahead
from executor.call_state import CEILING, Address
from executor.confidence import fallen
from executor.deadlines import timed
from executor.delegating import delegated, looking
from executor.early import taken, taking, worth_another
from executor.errors import LostOwnership
from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    CancelRequested,
    CeilingReached,
    ConfidenceFell,
    Event,
    Question,
    QuestionAnswered,
    QuestionAsked,
    Surprised,
)
from executor.frame import Frame, Moves, Start
from executor.leave import Leave
from executor.ledger import Ledger, Need
from executor.moves import earliest, next_moves
from executor.nudge import is_draining
from executor.outcomes import Failed
from executor.perform import Ended, Performer
from executor.reconcile import reconcile_question, reconciled
from executor.recorder import Recorder
from executor.starting import started
from executor.values import Values
from executor.wake import Wake
from executor.weight import is_weighty
from planner.here import calling
from planner.program import Step

log = logging.getLogger(__name__)
_DOZE_S = 2.0  # a time that comes sooner is waited for: the run does not park

End = Literal["done", "failed", "partial", "unsure", "cancelled", "parked", "drained"]
_Result = Ended | QuestionAsked | None  # of a call in flight
Keep = Callable[[Ended], Ended]  # moves a large value into the artifact store; called in threads too


class Scheduler:
    """Moves one run along, in one segment."""

    def __init__(
        self, *, frame: Frame, values: Values, recorder: Recorder, performer: Performer, ahead: Ahead,
        nudge: asyncio.Event, keep: Keep, now: Callable[[], datetime], seen: int,
    ) -> None:  # fmt: skip
        self.frame = frame
        self._values = values
        self._recorder = recorder
        self._run = recorder.run
        self._performer = performer
        self._ahead = ahead
        self._nudge = nudge
        self._keep = keep
        self._now = now
        self._ledger = Ledger(self._run)
        self._tasks: dict[Address, asyncio.Task[_Result]] = {}
        self._ended: list[Address] = []  # those of the tasks that are done
        self._wake = Wake(recorder, nudge, now=now, sleep=performer.sleep)
        self._most: dict[Address, Need] = {}  # what calls may take with their retries, where a session shares it
        self._untold: set[Address] = set()  # claimed effects of which no probe can tell
        self._unsaved: list[Ended | QuestionAsked] = []
        self.seen = seen
        self.wake_at: datetime | None = None  # of a run that parks
        self.ceiling: CeilingReached | None = None
        self.surprises: Sequence[tuple[Step, Failed]] = ()  # of a run that fails

    async def run(self) -> End:
        """Go on until the run ends, parks, or its worker drains; raises LostOwnership, with what was paid for in `unsaved`."""
        loop = asyncio.get_running_loop()
        taken = self._run.seconds_before + self._recorder.seconds  # the machine's clock may be set in between
        until = loop.time() + max(self._run.budget.seconds - taken, 0.0)
        self._wake.begin(until)
        self._ahead.heed(self._wake.ring)
        try:
            while True:
                end = await self._round(until - loop.time())
                if end is not None:
                    return end
        finally:
            try:
                await self._abandon()
                await self._ahead.end()
            finally:
                await self._wake.end()

    @property
    def unsaved(self) -> Sequence[Event]:
        """Results that were paid for and could not be written."""
        return self._unsaved

    async def _round(self, left_s: float) -> End | None:
        await self._listen()
        if self._run.cancel_requested:
            return "cancelled"
        if (fell := fallen(self._run, self._performer.floors)) is not None:
            return await self._fell(fell)
        if left_s <= 0 and self.ceiling is None:
            spent = self._run.budget.seconds - left_s
            self.ceiling = CeilingReached(ceiling="seconds", limit=self._run.budget.seconds, wanted=round(spent, 3))
        moves = self._moves()
        if moves.deadlines and self.ceiling is None:
            await self._tell(moves.deadlines)
            return None
        questions = [] if self.ceiling else moves.questions
        if moves.events or questions:
            asked = [QuestionAsked(question=q) for q in questions]
            self._recorder.note(*await self._kept(moves.events))  # they follow from what is known: nothing is lost with them
            if asked:
                await self._recorder.commit(*asked)
            return None
        await self._cover(moves.starts)
        uncertain = [] if self.ceiling else self._start(moves)
        if uncertain:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in uncertain))
            return None
        if self._tasks or (moves.starts and self._ahead.unclaimed and not self.ceiling):
            await self._wait(moves.wake_at)
            return None
        return await self._idle(moves)

    async def _fell(self, fell: ConfidenceFell) -> End | None:
        """Nothing more starts and nobody is asked; what is in flight settles."""
        if self._tasks:
            await self._wait(None)
            return None
        self._recorder.note(fell)
        return "unsure"

    def _moves(self) -> Moves:
        held = {(q.of, q.item) for q in self._run.open_questions if q.kind == "reconcile" or q.agent}
        room = 0 if self.ceiling or is_draining(self._nudge) else max(self._run.budget.parallel - len(self._tasks), 0)
        return next_moves(self.frame, self._run, self._values, frozenset(held.union(self._tasks)), room, self._now())

    async def _tell(self, deadlines: Sequence[Event]) -> None:
        """Journal what the clock does to questions, unless somebody has answered, or cancelled, just now."""
        if not await self._recorder.commit(*deadlines, quiet_after=self.seen):
            self._nudge.set()

    async def _idle(self, moves: Moves) -> End | None:
        """Nothing is in flight and nothing can start: the run ends, asks, or waits."""
        if is_draining(self._nudge) and self.ceiling is None and not moves.complete:
            return "drained"  # what could start was held back
        if moves.surprises:
            step, failed = earliest(moves.surprises)
            if self.ceiling is None or not self._cut_short(step, failed):
                surprise = Surprised(step=step.id, item=failed.item, kind=failed.kind, message=failed.message)
                if surprise not in self._run.surprises:  # else it was written before a crash
                    self._recorder.note(surprise)
                self.surprises = moves.surprises
                return "failed"
        if self.ceiling is not None:
            self._recorder.note(self.ceiling)
            return "partial"
        if moves.complete:
            return "done"
        if moves.approvals:
            await self._recorder.commit(*(QuestionAsked(question=q) for q in moves.approvals))
            return None
        self.wake_at = moves.wake_at
        if self.wake_at is not None and (self.wake_at - self._now()).total_seconds() < _DOZE_S:
            await self._wait(self.wake_at)
            return None
        if self._run.open_questions or self.wake_at is not None:
            return "parked"
        raise RuntimeError(f"run {self._run.id} has no move left")

    def _cut_short(self, step: Step, failed: Failed) -> bool:
        """Whether it was a ceiling that made the step fail: the run is then partial, and the call can be made again."""
        end = self._run.call(step.id, failed.item).failed
        return end is not None and end.kind == CEILING

    # -- starting

    async def _cover(self, starts: Sequence[Start]) -> None:
        """Have what these starts may take, with their retries, reserved of what the run shares, as far as it has so much."""
        if self._recorder.shares and starts and self.ceiling is None:
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
            if start.early and self._ahead.flies(start.early):
                self._put(start.address, self._take_early(start))
            elif len(self._tasks) + self._ahead.unclaimed >= self._run.budget.parallel:
                continue
            elif question is None:
                self._go(start)
            else:
                asked.append(question)
        return asked

    def _go(self, start: Start) -> None:
        if start.address in self._run.delegated:  # an agent is at it, which is no further call
            self._put(start.address, self._delegated(start))
            return
        self.ceiling = self._ledger.ask(start.address, self._performer.need(start))
        if self.ceiling is not None:
            return
        uncertain = self._run.call(*start.address).uncertain
        self._put(start.address, self._recall(start) if uncertain else self._carry(start, self._claim(start)))

    def _put(self, address: Address, call: Coroutine[None, None, _Result]) -> None:
        """Let a call be in flight."""
        with calling(*address):
            task = asyncio.create_task(call, name=f"{self._run.id} {address[0]} {address[1]}")
        task.add_done_callback(partial(self._over, address))
        self._tasks[address] = task

    def _over(self, address: Address, _: asyncio.Task[_Result]) -> None:
        self._ended.append(address)
        self._wake.ring()

    def _claim(self, start: Start) -> CallStarted:
        """Note the start of a call, which counts from now on."""
        event = started(self._run, start, self.frame.tools, self._performer.models, self._now())
        self._recorder.note(event)
        self._ledger.release(start.address, Need(calls=1 if event.key else 0))
        return event

    def _uncertain(self, start: Start) -> Question | None:
        """The question whether a claimed effect happened, where neither its key nor its tool can tell and nobody answered."""
        call = self._run.call(*start.address)
        tool = self._performer.toolset[start.step.tool] if call.uncertain else None
        if tool is None or tool.spec.idempotent or start.address in self._run.delegated:
            return None
        if (tool.probe is not None or start.step.kind == "delegate") and start.address not in self._untold:
            return None
        question = reconcile_question(start, call)
        return None if question.id in self._run.answers else question

    async def _carry(self, start: Start, event: CallStarted) -> Ended | QuestionAsked:
        if event.claim:
            await self._recorder.commit()  # the claim is durable before the act
        if start.step.kind == "delegate":
            return await self._delegated(start)
        return await self._performer.perform(start, event.key, self._leave(start.address))

    async def _delegated(self, start: Start) -> Ended | QuestionAsked:
        """Have another agent carry the call out, or go on with it there, until it has ended or asks."""
        call = self._run.call(*start.address).started
        assert call is not None
        ended = await delegated(start, call.key, self._performer.toolset, self._leave(start.address))
        if not isinstance(ended, Question):
            return ended
        timeout_s = self.frame.question_timeout_s
        return QuestionAsked(question=timed(ended, start.step.options, timeout_s, self._now()))

    def _take_early(self, start: Start) -> Coroutine[None, None, _Result]:
        """Wait for an equal read that was made while the plan was written; made again if that fails as it may not twice."""
        self._recorder.note(taking(start, start.early))

        async def taken_or_made() -> _Result:
            ended = await self._ahead.end_of(start.early)
            if not worth_another(ended):
                return taken(start, ended, self.frame.tools[start.step.tool])
            self.ceiling = self.ceiling or self._ledger.ask(start.address, self._performer.need(start))
            if self.ceiling is not None:
                message = "A ceiling forbids another attempt."
                return CallFailed(step=start.step.id, item=start.item, kind=CEILING, message=message)
            return await self._carry(start, self._claim(start))

        return taken_or_made()

    async def _recall(self, start: Start) -> _Result:
        """Settle a claim of unknown end: find out whether it took effect, and make the call if it did not.

        None where nobody has said so yet: a person has to be asked.
        """
        tool = self._performer.toolset[start.step.tool]
        if not tool.spec.idempotent:
            call = self._run.call(*start.address)
            tool = looking(start, call, tool, self._leave(start.address))
            answer = self._run.answers.get(reconcile_question(start, call).id)
            known = await reconciled(start, call, answer, tool, now=self._now, sleep=self._performer.sleep)
            if known is None:
                self._untold.add(start.address)
                return None
            if known is not False:
                return known
        if start.address in self._run.delegated:
            return await self._delegated(start)
        return await self._carry(start, self._claim(start))

    def _leave(self, address: Address) -> Leave:
        return Leave(address, self._recorder, self._ledger, self._nudge, self._now, self._refused)

    def _refused(self, ceiling: CeilingReached) -> None:
        """A ceiling has forbidden a call in flight more: nothing further starts."""
        self.ceiling = self.ceiling or ceiling

    # -- waiting

    async def _wait(self, wake_at: datetime | None) -> None:
        """Wait until a call ends, something comes from outside, a time has come or is up; write what has ended."""
        await self._wake.wait(wake_at if self.ceiling is None else None)
        ended, self._ended = [address for address in self._ended if address in self._tasks], []
        if ended:
            await self._save(ended)

    async def _save(self, ended: Sequence[Address]) -> None:
        """Journal how calls ended; raises what went wrong with Planrail itself in one of them."""
        errors: list[BaseException] = []
        for address in ended:
            error = self._take(self._tasks.pop(address))
            errors += [] if error is None else [error]
        if errors:
            raise next((e for e in errors if isinstance(e, LostOwnership)), errors[0])
        told = await self._kept(self._unsaved)
        self._unsaved = []  # the recorder answers for them from here on
        await self._recorder.commit(*told)
        for address in ended:
            self._ledger.settle(address)

    def _take(self, task: asyncio.Task[_Result]) -> BaseException | None:
        """Put what a call gave with the unsaved; its error if it gave none."""
        if task.cancelled():
            return asyncio.CancelledError()
        error = task.exception()
        if error is None and (result := task.result()) is not None:
            self._unsaved.append(result)
        return error

    async def _kept(self, events: Sequence[Event]) -> list[Event]:
        """The events with large values put away as artifacts; what they say is known without being read back."""
        finished = [e for e in events if isinstance(e, CallFinished)]
        kept = {id(e): await asyncio.to_thread(self._keep, e) for e in finished if is_weighty(e.value)}
        for event in finished:
            self._values.know(event)
        return [kept.get(id(e), e) for e in events]

    async def _listen(self) -> None:
        """Fold what came from outside: answers and cancels."""
        if not self._wake.listen():
            return
        found, self.seen = await self._recorder.outside(self.seen)
        outside = [r for r in found if isinstance(r.event, QuestionAnswered | CancelRequested)]
        self._recorder.absorb(outside)

    async def _abandon(self) -> None:
        """Give up what is in flight: async calls are cancelled, processes killed, threads left to themselves."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            error = self._take(task)
            if error is not None and not isinstance(error, asyncio.CancelledError | LostOwnership):
                log.error("a call of run %s failed", self._run.id, exc_info=error)
