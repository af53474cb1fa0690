"""Timers: the next turn of a step that waits for the clock, or that calls again and again: `wait`, `poll`, `first`. Pure.

    wait    TimerStarted(due) ─► … ─► CallFinished, once it is due
    poll    TimerStarted(when it gives up) ─► call 0 ─► TimerStarted(1, due) ─► call 1 ─► … ─► CallFinished | CallFailed
    first   call of the first element ─► call of the next one ─► … ─► CallFinished | CallFailed

The calls of a `poll` and of a `first` have items (the number of the call, the place of the element) and keys of their own; what
becomes of the step stands under the item "". Every due time stands in an event, so whoever goes on with the run finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from executor.bind import Bound, bind
from executor.call_state import CEILING, CallState
from executor.events import CallFailed, CallFinished, Event, TimerStarted
from executor.run import Run
from executor.values import Values
from planner.clock import Clock, as_datetime, parse_moment
from planner.duration import duration_text, seconds_of
from planner.errors import ExpressionError
from planner.expression import truth
from planner.flow import result_labels
from planner.labels import NO_LABEL, Label, Tagged, join_all
from planner.program import Step
from planner.toolspec import ToolSpec
from planner.worst import polls_of

TURN_KINDS = frozenset(("wait", "poll", "first"))
_MISSES = frozenset(("transient", "timeout"))  # kinds of failures of a poll's read after which it is made again
Scope = Mapping[str, Tagged]


@dataclass(frozen=True)
class Turn:
    """What a step does next: journal an event, fail, make a call, or wait. Nothing of all that while its call is on its way."""

    event: Event | None = None
    failed: CallFailed | None = None
    decided: Label = NO_LABEL  # what has decided that it failed
    call: tuple[str, Bound] | None = None  # the item, and what it is given
    wake_at: datetime | None = None


NO_TURN = Turn()


@dataclass(frozen=True)
class Turns:
    """Finds the turns of one run's steps at one moment."""

    run: Run
    values: Values
    tools: Mapping[str, ToolSpec]
    now: datetime

    def of(self, step: Step, scope: Scope, most: int) -> Turn:
        """The next turn of a step whose names are known and whose call has not ended; a `first` may have `most` elements."""
        try:
            match step.kind:
                case "wait":
                    return self._wait(step, scope)
                case "poll":
                    return self._poll(step, scope)
                case _:
                    return self._first(step, scope, most)
        except ExpressionError as error:
            return _fails(step, "expression", str(error), join_all(value.labels.whole() for value in scope.values()))

    # -- wait

    def _wait(self, step: Step, scope: Scope) -> Turn:
        timer = self.run.timers.get((step.id, ""))
        if timer is None:
            return Turn(event=TimerStarted(step=step.id, due=self._due(step, scope)))
        return Turn(wake_at=timer.due) if self.now < timer.due else Turn(event=CallFinished(step=step.id))

    def _due(self, step: Step, scope: Scope) -> datetime:
        ((name, value),) = bind(step, scope, self.values.evaluate).arguments.items()
        if name == "until":
            if not isinstance(value, str):
                raise ExpressionError("wait(until=…) takes a moment", hint='Write it like "2026-01-31T09:30".')
            return as_datetime(parse_moment(value, Clock(self.now)))
        seconds = seconds_of(value)
        if seconds is None:
            raise ExpressionError(f"{str(value)[:60]!r} is no length of time", hint='Write it like "90s", "10m" or "3d".')
        return self.now + timedelta(seconds=seconds)

    # -- poll

    def _poll(self, step: Step, scope: Scope) -> Turn:
        bound = bind(step, scope, self.values.evaluate)
        end = self.run.timers.get((step.id, ""))
        if end is None:
            return Turn(event=TimerStarted(step=step.id, due=self.now + timedelta(seconds=step.options.within_s)))
        number = self._made(step)
        timer = self.run.timers.get((step.id, str(number)))
        if timer is not None:  # the call before it has missed
            return Turn(wake_at=timer.due) if self.now < timer.due else Turn(call=(str(number), bound))
        last = self.run.call(step.id, str(number - 1))
        if not _ended(last):
            return Turn(call=(str(max(number - 1, 0)), bound))
        return self._polled(step, scope, bound, last, number) or self._missed(step, scope, bound, end, number)

    def _made(self, step: Step) -> int:
        """How many calls of a poll have been started."""
        number = 0
        while (step.id, str(number)) in self.run.calls:
            number += 1
        return number

    def _polled(self, step: Step, scope: Scope, bound: Bound, last: CallState, number: int) -> Turn | None:
        """What the last call makes of the step; None if it has missed."""
        if last.failed is not None:
            if last.failed.kind == CEILING:
                return NO_TURN
            if last.failed.kind in _MISSES:
                return None
            return _fails(step, last.failed.kind, last.failed.message, self._looked(step, scope, bound, number))
        value = self._value(step, number - 1)
        if not truth(self._test(step, scope, value)):
            return None
        return _finishes(step, value, self._looked(step, scope, bound, number))

    def _looked(self, step: Step, scope: Scope, bound: Bound, number: int) -> Label:
        """What has decided that a poll came to its last call, and what that was."""
        decided = NO_LABEL
        for call in range(number):
            if self.run.call(step.id, str(call)).failed is not None:
                decided = decided.join(self._label(step, bound.label))
            else:
                decided = decided.join(self._test(step, scope, self._value(step, call)).labels.whole())
        return decided

    def _missed(self, step: Step, scope: Scope, bound: Bound, end: TimerStarted, number: int) -> Turn:
        if self.now >= end.due or number >= polls_of(step):
            message = f"`until` was not so within {duration_text(step.options.within_s)}, in {number} calls of {step.tool}."
            return _fails(step, "timeout", message, self._looked(step, scope, bound, number))
        due = min(self.now + timedelta(seconds=step.options.every_s), end.due)
        return Turn(event=TimerStarted(step=step.id, item=str(number), due=due))

    # -- first

    def _first(self, step: Step, scope: Scope, most: int) -> Turn:
        decided, number = self._membership(step, scope), 0
        found = list(elements(step, scope, self.values))
        if sum(inner is not None for inner, _ in found) > most:
            return _fails(step, "fan_out", f"`{step.id}` has more than {most} elements: bound it with a slice.", decided)
        for index, (inner, choice) in enumerate(found):
            decided = decided.join(choice)
            if inner is None:
                continue
            number += 1
            turn = self._tried(step, scope, str(index), bind(step, inner, self.values.evaluate), decided)
            if isinstance(turn, Turn):
                return turn
            decided = decided.join(turn)
        return _fails(step, "unsatisfied", f"None of {number} satisfied `until`.", decided)

    def _tried(self, step: Step, scope: Scope, item: str, bound: Bound, decided: Label) -> Turn | Label:
        """The turn that one element's call brings; if it is passed over, what decided that."""
        call = self.run.call(step.id, item)
        if not _ended(call):
            return Turn(call=(item, bound))
        if call.failed is not None:
            return NO_TURN if call.failed.kind == CEILING else self._label(step, bound.label)
        if call.finished is not None and call.finished.how == "reconciled":  # it happened, and what it gave is not known
            return self._label(step, bound.label)
        value = self._value(step, int(item))
        test = self._test(step, scope, value)
        if not truth(test):
            return test.labels.whole()
        return _finishes(step, value, decided.join(test.labels.whole()))

    def _membership(self, step: Step, scope: Scope) -> Label:
        """What decides which elements there are."""
        assert step.space is not None
        return self.values.evaluate(step.space.clauses[0].iterable, scope).labels.top()

    # -- both

    def _value(self, step: Step, number: int) -> Tagged:
        finished = self.run.call(step.id, str(number)).finished
        assert finished is not None
        return self.values.finished(finished)

    def _test(self, step: Step, scope: Scope, value: Tagged) -> Tagged:
        until = step.options.until
        assert until is not None
        return self.values.evaluate(until.body, {**scope, until.parameter: value})

    def _label(self, step: Step, given: Label) -> Label:
        """What a failure of the step's tool stems from, when it was given values with that label."""
        return result_labels(self.tools[step.tool], given).top()


def elements(step: Step, scope: Scope, values: Values) -> Iterator[tuple[Scope | None, Label]]:
    """For each element of a `first` the names that its call sees, None where a filter leaves it out, and what decided that.

    Raises ExpressionError.
    """
    assert step.space is not None
    for bound in values.expand(step.space.clauses, (), scope):
        inner, choice = {**scope, **bound}, NO_LABEL
        for condition in step.conditions:
            test = values.evaluate(condition, inner)
            choice = choice.join(test.labels.whole())
            if not truth(test):
                yield None, choice
                break
        else:
            yield inner, choice


def _ended(call: CallState) -> bool:
    return call.finished is not None or call.failed is not None


def _finishes(step: Step, value: Tagged, decided: Label) -> Turn:
    labels = value.labels.with_choice(decided).to_json()
    return Turn(event=CallFinished(step=step.id, value=value.value, labels=labels), decided=decided)  # it came as JSON


def _fails(step: Step, kind: str, message: str, decided: Label) -> Turn:
    return Turn(failed=CallFailed(step=step.id, kind=kind, message=message), decided=decided)
