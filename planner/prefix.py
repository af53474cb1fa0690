"""Prefix: the certificate of a plan's beginning, extended statement by statement while the plan is still being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.afford import over_budget
from planner.certificate import WorstCase
from planner.check import Check, Ground
from planner.compiler import Compiler
from planner.order import Order
from planner.program import Program, Step
from planner.worst import plus, step_costs, worst_case


class Prefix:
    """Takes a script in pieces; what a further statement costs does not depend on how many there were.

    Once something does not hold, nothing more is certified. `program` are the steps that are, `waits` their order, `bounds` the
    most calls of each.
    """

    def __init__(self, ground: Ground) -> None:
        self.program = Program(())
        self.waits: dict[str, tuple[str, ...]] = {}
        self._ground = ground
        self._compiler = Compiler(ground.tools)
        self._check = Check(self.program, ground)
        self._order = Order(ground.tools)
        self._worst = WorstCase()

    @property
    def bounds(self) -> Mapping[str, int]:
        """The most calls of each step."""
        return self._check.times

    def feed(self, piece: str) -> bool:
        """Whether the piece has brought certified steps."""
        steps = self._compiler.feed(piece)
        if not steps or not self._holds(steps):
            return False
        self.program = self._check.program
        self.waits |= {step.id: self._order.add(step) for step in steps}
        return True

    def _holds(self, steps: Sequence[Step]) -> bool:
        """Whether these steps hold, and all steps so far fit the budget, but for the time, which can be less than the sum."""
        check, ground = self._check, self._ground
        if check.errors:
            return False
        check.program = check.program.plus(steps)
        for step in steps:
            check.step(step)
        more = Program(tuple(steps))
        costs = step_costs(more, check.times, ground.tools, ground.terms, ground.budget)
        taken = worst_case(more, costs, dict.fromkeys(costs, ()))
        self._worst = plus(self._worst, taken).model_copy(update={"seconds": 0.0})
        check.errors.extend(over_budget(self._worst, costs, ground.budget, more, check.times))
        return not check.errors
