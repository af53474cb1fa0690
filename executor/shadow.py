"""Shadow: the beginning of a plan that is still being written, as a run that makes nothing but early reads. Pure.

What may start is decided as for any run, so that order, guards and expectations are the same; steps that may not be early never
start here, and what waits for them does not either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from executor.call_state import Address
from executor.early import may_be_early, taken, taking
from executor.events import CallFailed, CallFinished, Event, Recorded
from executor.frame import Frame, Start
from executor.moves import next_moves
from executor.run import Run, fold
from executor.values import Values
from planner.check import Ground
from planner.clock import Clock
from planner.order import soon
from planner.prefix import Prefix
from planner.program import Program
from planner.toolspec import Json

_PURE_KINDS = frozenset(("let", "expect"))


class Shadow:
    """One beginning. `used` are the early reads whose results its calls take."""

    def __init__(self, run: Run, ground: Ground) -> None:
        assert run.now is not None
        self.used: set[str] = set()
        self._ground = ground
        self._prefix = Prefix(ground)
        self._visible = Program(())  # without the steps that may not be early
        self._run = Run(run.id, submission=run.submission, budget=run.budget, now=run.now)
        self._values = Values(
            self._prefix.program, self._run, clock=Clock(run.now), parameters={}, hand=ground.hand, load=_unloaded
        )  # fmt: skip

    def feed(self, text: str) -> bool:
        """Whether more of the script has brought steps that are certified."""
        known = len(self._prefix.program.steps)
        if not self._prefix.feed(text):
            return False
        new = self._prefix.program.steps[known:]
        self._visible = self._visible.plus(s for s in new if s.kind in _PURE_KINDS or may_be_early(s, self._ground.tools))
        self._values.grow(self._prefix.program)
        return True

    def starts(self, busy: frozenset[Address], room: int, now: datetime) -> list[Start]:
        """The reads that may be made now: none that is busy, and at most `room`."""
        budget = self._ground.budget
        frame = Frame(
            self._visible, self._prefix.waits, self._ground.tools, budget.fan_out, bounds=self._prefix.bounds,
            policy=self._ground.policy,
        )  # fmt: skip
        while True:
            moves = next_moves(frame, self._run, self._values, busy, room, now)
            if not moves.events:
                taking_some = soon(self._prefix.program, self._prefix.waits, self._ground.tools)
                return [s for s in moves.starts if s.step.id in taking_some]  # no other call takes what was read early
            self._fold(moves.events, now)

    def take(self, start: Start, item: str, ended: CallFinished | CallFailed, now: datetime) -> None:
        """What stands on this call may go on: it has the result of that early read."""
        self._fold((taking(start, item), taken(start, ended, self._ground.tools[start.step.tool])), now)

    def _fold(self, events: Iterable[Event], now: datetime) -> None:
        fold(self._run, [Recorded(seq=self._run.seq, at=now, event=e) for e in events])


def _unloaded(finished: CallFinished) -> Json:
    raise AssertionError("what a shadow takes has its value with it")
