"""Whether what happened in a run was permitted: judged by the script's own order, not by the scheduler's idea of it."""

from __future__ import annotations

from collections.abc import Sequence

from worlds import Act, World

from executor.early_reads import AHEAD
from executor.events import CallFailed, CallFinished, CallStarted, Recorded, StepSkipped
from planner.names import exclusive
from planner.program import MODEL_KINDS, PERSON_KINDS, ROUND_KINDS, Program, Step
from planner.syntax import free_names
from planner.toolspec import ToolSpec


class Happened:
    """What a run's journal and its world tell of its steps."""

    def __init__(self, program: Program, events: Sequence[Recorded], world: World, tools: dict[str, ToolSpec]) -> None:
        self.program = program
        self.tools = tools
        taken = {r.event.ahead: r.event.step for r in events if isinstance(r.event, CallStarted) and r.event.ahead}
        self.step_of = {
            r.event.key: taken.get(r.event.item, AHEAD) if r.event.step == AHEAD else r.event.step
            for r in events
            if isinstance(r.event, CallStarted) and r.event.key
        }
        self.ended = {r.event.step: r.seq for r in events if isinstance(r.event, CallFinished | StepSkipped)}
        rounds = {s.id for s in program.steps if s.kind in (*ROUND_KINDS, "do")}  # a failed call of theirs may be passed over
        self.failed = {
            r.event.step for r in events if isinstance(r.event, CallFailed) and not (r.event.item and r.event.step in rounds)
        }
        self.begun: dict[str, int] = {}
        for r in events:
            if isinstance(r.event, CallStarted):
                self.begun.setdefault(r.event.step, r.seq)
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        for number, act in enumerate(world.acts):
            self._place(act, number)

    def _place(self, act: Act, number: int) -> None:
        step = self.step_of[act.key.partition(".")[0]]
        self.first.setdefault(step, number)
        self.last[step] = number

    def check(self) -> None:
        """Raise AssertionError, naming two steps, where the order of the script was not kept."""
        steps = self.program.steps
        for number, later in enumerate(steps):
            for earlier in steps[:number]:
                if not exclusive(earlier.guards, later.guards):
                    self._pair(earlier, later)

    def _pair(self, earlier: Step, later: Step) -> None:
        if earlier.kind == "expect" and self._held(later, earlier) and later.id in self.begun:
            assert self.ended.get(earlier.id, 1 << 60) < self.begun[later.id], f"{later.id} started before {earlier.id} held"
        if earlier.kind in ("wait", "poll") and later.kind != "let" and later.id in self.begun:
            assert self.ended.get(earlier.id, 1 << 60) < self.begun[later.id], f"{later.id} did not wait for {earlier.id}"
        if earlier.kind == "approve" and self._effect(later) and later.id in self.begun:
            assert self.ended.get(earlier.id, 1 << 60) < self.begun[later.id], f"{later.id} was not approved by {earlier.id}"
        if not self._in_turn(earlier, later) or later.id not in self.first:
            return
        assert earlier.id not in self.failed, f"{later.id} started though {earlier.id} failed"
        assert earlier.id in self.ended or self._empty(earlier), f"{later.id} started before {earlier.id}"
        assert self.last.get(earlier.id, -1) < self.first[later.id], f"{later.id} overtook {earlier.id}"

    def _empty(self, step: Step) -> bool:
        """A map without items leaves no event."""
        return step.is_map and step.id not in self.begun

    def _held(self, later: Step, expect: Step) -> bool:
        return self._outside(later) or bool(later.reads() & free_names(expect.arguments["condition"]))

    def _outside(self, later: Step) -> bool:
        """Whether it is an effect, a model, a person, or a read that leaves the house."""
        if later.kind in MODEL_KINDS or later.kind in PERSON_KINDS or self._effect(later):
            return True
        return later.kind == "do" or any(self.tools[name].leaves_house for name in later.may_call)

    def _in_turn(self, earlier: Step, later: Step) -> bool:
        return any(self._ordered(one, other) for one in earlier.may_call for other in later.may_call)

    def _ordered(self, earlier: str, later: str) -> bool:
        one, other = self.tools[earlier], self.tools[later]
        if one.has_effect and other.has_effect:
            return not one.commutes and not other.commutes
        return one.namespace == other.namespace and (one.has_effect or other.has_effect)

    def _effect(self, step: Step) -> bool:
        return any(self.tools[name].has_effect for name in step.may_call)
