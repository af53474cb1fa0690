"""Values: what the names of a program stand for, given the calls that are done. Pure: no clock, no I/O but artifacts' bytes.

A step is `Pending` until its outcome is certain. Outcomes never change once they are certain, so they are kept; what is pending
is looked at again when the run has folded something. Maps are `executor.maps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from executor.events import CallFinished
from executor.maps import Maps
from executor.outcomes import NULL, PENDING, Absent, Done, Failed, Outcome, Pending, Ready, Skipped, Slot, SurpriseKind
from executor.run import Run
from executor.want import Want
from planner.errors import ExpressionError
from planner.expression import Clock, bind_target, evaluate, expand, truth
from planner.hand import Hand
from planner.labels import NO_LABEL, NO_LABELS, Label, Labels, Tagged
from planner.program import Program, Step
from planner.syntax import Clause, Expr, free_names
from planner.toolspec import Json

__all__ = ["NULL", "PENDING", "Absent", "Done", "Failed", "Outcome", "Pending", "Ready", "Skipped", "Slot", "Values"]

LoadValue = Callable[[CallFinished], Json]


class Values:
    """The values of one program over one run, as far as they are certain."""

    def __init__(
        self, program: Program, run: Run, *, clock: Clock, parameters: Mapping[str, Tagged], hand: Hand, load: LoadValue
    ) -> None:
        self.program = program
        self._run = run
        self._clock = clock
        self.hand = hand
        self._load = load
        self._names: dict[str, Tagged] = dict(parameters)
        self._outcomes: dict[str, Outcome] = {}
        self._pending: dict[str, int] = {}  # step → how much the run had folded when it was looked at
        self._guards: dict[str, Skipped | Failed | Label] = {}
        self._over: dict[str, int] = {}  # step → how many of those that it waits for are over
        self._finished: dict[tuple[str, str], Tagged] = {}
        self._maps = Maps(program, run, self)
        self.wanted: dict[tuple[str, str], tuple[Want, ...]] = {}  # of calls that are ready: what a person has to allow first
        self._plain = _plain(program.steps)

    def grow(self, program: Program) -> None:
        """Take a program that goes on where the one so far ended; what is certain stays so."""
        new = program.steps[len(self.program.steps) :]
        self.program = program
        self._maps.grow(program, new)
        self._plain |= _plain(new)

    # -- names

    def name(self, name: str) -> Tagged | None:
        """The value of a name; None while it is not known."""
        known = self._names.get(name)
        if known is not None:
            return known
        value = self._hidden(name[1:]) if name.startswith("$") else self._bound(name)
        if value is not None:
            self._names[name] = value
        return value

    def _bound(self, name: str) -> Tagged | None:
        choice = NO_LABEL
        for definition in self.program.definitions(name):
            match self.outcome(definition):
                case Done(value=value):
                    part = self._part(self.program[definition], name, value)
                    return Tagged(part.value, part.labels.with_choice(choice))
                case Skipped(choice=why):
                    choice = choice.join(why)
                case _:
                    return None
        return Tagged(None, Labels.of(choice))

    def _part(self, step: Step, name: str, value: Tagged) -> Tagged:
        if len(step.to) == 1:
            return value
        return bind_target(step.to, value)[name]  # outcome() has seen that it fits

    def _hidden(self, step: str) -> Tagged | None:
        """A lifted step's value; for a map, all its slots in order, null where there was no call."""
        match self.outcome(step):
            case Done(value=value):
                return self._maps.slots(step) if self.program[step].is_map else value
            case Skipped(choice=choice):
                return Tagged(None, Labels.of(choice))
            case _:
                return None

    def scope(self, names: frozenset[str]) -> dict[str, Tagged] | None:
        """The values of these names; None while one is not known."""
        found: dict[str, Tagged] = {}
        for name in names:
            value = self.name(name)
            if value is None:
                return None
            found[name] = value
        return found

    def evaluate(self, expr: Expr, scope: Mapping[str, Tagged]) -> Tagged:
        """The expression's value in this run; raises ExpressionError."""
        return evaluate(expr, scope, clock=self._clock, hand=self.hand)

    def expand(
        self, clauses: tuple[Clause, ...], slots: tuple[tuple[str, int], ...], scope: Mapping[str, Tagged]
    ) -> list[dict[str, Tagged]]:
        """What each combination of the clauses binds; raises ExpressionError."""
        return expand(clauses, slots, scope, clock=self._clock, hand=self.hand)

    # -- steps

    def outcome(self, step: str) -> Outcome:
        """What has become of a step, as far as that is certain."""
        known = self._outcomes.get(step)
        if known is not None:
            return known
        if self._pending.get(step) == self._run.folded or (step in self._plain and not self._has_ended(step)):
            return PENDING
        outcome = self._decide(self.program[step])
        if isinstance(outcome, Pending):
            self._pending[step] = self._run.folded
        else:
            self._outcomes[step] = outcome
        return outcome

    def _has_ended(self, step: str) -> bool:
        call = self._run.calls.get((step, ""))
        return call is not None and (call.finished is not None or call.failed is not None)

    def over(self, step: str, waits: Sequence[str]) -> bool:
        """Whether all that a step waits for has succeeded or was skipped."""
        count = self._over.get(step, 0)
        while count < len(waits) and isinstance(self.outcome(waits[count]), Done | Skipped):
            count += 1
        self._over[step] = count
        return count == len(waits)

    def _decide(self, step: Step) -> Outcome:
        guarded = self._guarded(step)
        if not isinstance(guarded, Label):
            return guarded
        outcome = self._maps.outcome(step) if step.is_map else self._single(step)
        if not isinstance(outcome, Done):
            return outcome
        if len(step.to) > 1:
            try:
                bind_target(step.to, outcome.value)
            except ExpressionError as error:
                return Failed("expression", str(error))
        return Done(Tagged(outcome.value.value, outcome.value.labels.with_choice(guarded)))

    def fail(self, step: str, failed: Failed) -> None:
        """Decide that a step failed for a reason that lies outside of its values."""
        self._outcomes[step] = failed

    def guard(self, step: Step) -> Outcome | None:
        """Skipped, Failed or Pending by the step's guards; None if it may run."""
        guarded = self._guarded(step)
        return None if isinstance(guarded, Label) else guarded

    def reached(self, step: Step) -> Label:
        """What has decided that a step runs, as far as its guards have."""
        guarded = self._guarded(step)
        return guarded if isinstance(guarded, Label) else NO_LABEL

    def _guarded(self, step: Step) -> Outcome | Label:
        """The step's guards: all true, with what decided that, or what becomes of the step."""
        known = self._guards.get(step.id)
        if known is not None:
            return known
        found = self._tested(step)
        if isinstance(found, Skipped | Failed | Label):
            self._guards[step.id] = found
        return found

    def _tested(self, step: Step) -> Outcome | Label:
        decided = NO_LABEL
        for guard in step.guards:
            scope = self.scope(free_names(guard.test))
            if scope is None:
                return PENDING
            try:
                test = self.evaluate(guard.test, scope)
            except ExpressionError as error:
                return Failed("expression", str(error))
            decided = decided.join(test.labels.whole())
            if truth(test) != guard.when:
                return Skipped(decided.as_choice())
        return decided

    def _single(self, step: Step) -> Outcome:
        if step.kind == "let":
            scope = self.scope(step.reads())
            if scope is None:
                return PENDING
            try:
                return Done(self.evaluate(step.arguments["value"], scope))
            except ExpressionError as error:
                return Failed("expression", str(error))
        return self.called(step.id, "") or PENDING

    def called(self, step: str, item: str) -> Done | Failed | None:
        """What the journal says of a call that has ended."""
        call = self._run.calls.get((step, item))
        if call is None:
            return None
        if call.finished is not None:
            return Done(self.finished(call.finished))
        if call.failed is not None:
            kind: SurpriseKind = call.failed.kind if call.failed.kind in ("expression", "expect") else "failed"  # type: ignore[assignment]  # one of them
            return Failed(kind, call.failed.message, item)
        return None

    def finished(self, event: CallFinished) -> Tagged:
        """The value of a finished call, with its labels."""
        address = (event.step, event.item)
        if address not in self._finished:
            value = event.value if event.artifact is None else self._load(event)
            labels = NO_LABELS if event.labels is None else Labels.from_json(event.labels)
            self._finished[address] = Tagged(value, labels)
        return self._finished[address]

    def know(self, event: CallFinished) -> None:
        """Keep the value of a call that is about to be journaled, so that a large one need not be read back."""
        if event.artifact is None:
            self._finished[event.step, event.item] = Tagged(event.value, Labels.from_json(event.labels or {}))

    # -- maps

    def size(self, step: str) -> int | None:
        """How many slots a map has; None while that is not known. Raises ExpressionError if its source is no list."""
        return self._maps.size(step)

    def slot(self, step: str, index: int) -> Slot:
        """What is known of one slot of a map whose size is known."""
        return self._maps.slot(step, index)

    def present(self, step: str) -> int:
        """How many slots of a map whose size is known are known to have a call."""
        return self._maps.present(step)

    def ready(self, step: str) -> Iterator[tuple[int, Ready]]:
        """The slots of a map whose call can be made and has not ended."""
        return self._maps.ready(step)


def _plain(steps: Iterable[Step]) -> frozenset[str]:
    """Those whose outcome is that of one call alone."""
    return frozenset(s.id for s in steps if s.kind != "let" and not s.is_map and not s.guards)
