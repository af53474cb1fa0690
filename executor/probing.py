"""Probing: look-ups that the planner makes before it writes a plan. They are a `do` of their own, in front of the plan.

It may use reads that stay in the house, and those that the policy allows whatever they are given: nobody is asked. Each turn
and each call stands in the journal under the step `$probe`, so that a crash pays for none of them twice. What was read is shown
to the planner; where strangers wrote it, the plan's literals count as theirs, but for what stands verbatim in the goal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from executor.ahead import Ahead
from executor.drafting import NotPlanned
from executor.events import Event
from executor.frame import Frame
from executor.perform import Performer
from executor.planning import Planning
from executor.recorder import Recorder
from executor.run import Run
from executor.schedule import Keep, Scheduler
from executor.values import LoadValue, Values
from executor.writer import PROBE, hand_of
from planner.clock import Clock
from planner.program import Options, Program, Step
from planner.syntax import Literal_

_INSTRUCTION = "Before a plan is written for this goal, look up what its writer has to know. Then say what you found."


@dataclass(frozen=True)
class Probing:
    """Makes the look-ups of one run, with the means of a segment."""

    planning: Planning
    recorder: Recorder
    performer: Performer
    ahead: Ahead
    keep: Keep
    load: LoadValue
    now: Callable[[], datetime]
    keep_receipts: Callable[[Run, Sequence[Event]], Awaitable[None]]

    def wanted(self) -> bool:
        """Whether look-ups are to be made: a model will write the plan, and has not begun."""
        run, submission = self.recorder.run, self.recorder.run.submission
        given = (submission.script, submission.plan, submission.playbook, self.planning.named_playbook(submission))
        if not submission.probes or any(g is not None for g in given) or submission.mode != "plan":
            return False
        over = run.call(PROBE).finished is not None or run.call(PROBE).failed is not None
        begun = run.proposed is not None or run.refusals or self.planning.match(run) is not None
        return self.planning.planner is not None and not over and not begun and bool(self.tools())

    def tools(self) -> tuple[str, ...]:
        """What may be looked up with."""
        offered = self.planning.offered(self.recorder.run)
        allowed = self.planning.policy.rule
        return tuple(t.name for t in offered if not t.has_effect and (not t.open_world or allowed(t.name) == "allow"))

    async def probe(self, seen: int) -> None:
        """Make them; raises NotPlanned at a ceiling."""
        run = self.recorder.run
        assert run.now is not None
        await self.planning.route(self.recorder)
        if not (tools := self.tools()):
            return
        submission = run.submission
        options = Options(otherwise=Literal_(""), max_calls=submission.probes, planner_model=True)
        arguments = {"instruction": Literal_(_INSTRUCTION), "goal": Literal_(submission.goal)}
        program = Program((Step(PROBE, "do", arguments, tools=tools, options=options),))
        frame = Frame(program, {PROBE: ()}, self.planning.tools, fan_out=1)
        values = Values(program, run, clock=Clock(run.now), parameters={}, hand=hand_of(run), load=self.load)
        scheduler = Scheduler(
            frame=frame, values=values, recorder=self.recorder, performer=self.performer, ahead=self.ahead,
            nudge=asyncio.Event(), keep=self.keep, now=self.now, seen=seen,
        )  # fmt: skip
        try:
            await scheduler.run()
        finally:
            await asyncio.shield(self.keep_receipts(run, scheduler.unsaved))
        if scheduler.ceiling is not None:
            message = f"Looking around would pass the ceiling {scheduler.ceiling.ceiling}."
            raise NotPlanned(message, ceiling=scheduler.ceiling)
