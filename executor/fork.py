"""Fork: what a new run takes over from another one. Pure: from the other run's state to the fork's first events.

The cone of STEP is STEP, whatever reads it, whatever the order lets start only after it, and so on. Outside of the cone the
fork is moved along by `next_moves` as any run is, but where a run would make a call, the fork takes the result of the same one:
the same word or tool, arguments and type of result. What has no such result is left to be run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from executor.call_state import MAYBE, Address, CallState
from executor.errors import NotForkable
from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    EffectsInherited,
    Event,
    Forked,
    PlanCertified,
    PlanProposed,
    Question,
    Recorded,
    RunForked,
    SettledEffect,
    StepSkipped,
    TimerStarted,
)
from executor.frame import Start
from executor.inner import inner_of, is_told, place_of
from executor.moves import next_moves
from executor.opening import frame_of, values_of
from executor.recorded_tools import tools_with_stand_ins
from executor.repeat import adopted
from executor.run import Run, fold
from executor.started import shown_arguments
from executor.values import LoadValue
from planner.loop import loop_call
from planner.order import cone_of, has_effect
from planner.program import PERSON_KINDS, Program, Step
from planner.toolspec import Json, ToolSpec, digest

_ALL = 1 << 60  # calls at once: nothing is called


def steps_named(program: Program, name: str) -> tuple[Step, ...]:
    """The steps that a person means by an id, by a name that they bind, or by a line; raises NotForkable."""
    found = tuple(s for s in program.steps if s.id == name) or tuple(s for s in program.steps if name in s.to)
    found = found or tuple(s for s in program.steps if s.id.partition("#")[0] == name)[:1]  # a revision's has a number
    number = name.removeprefix("line").strip()
    if not found and number.isdigit():
        before = [s.at.line for s in program.steps if s.at.line <= int(number)]
        found = tuple(s for s in program.steps if before and s.at.line == max(before))
    if not found:
        listed = ", ".join(s.id for s in program.steps)
        raise NotForkable(f"The script has no step {name}.", hint=f"Its steps: {listed}. A line's number will do as well.")
    return found


@dataclass
class _Known:
    """What the other run has: calls that ended by what they are, in the script's order; each is taken once."""

    run: Run
    program: Program
    tools: Mapping[str, ToolSpec]
    calls: dict[str, list[Address]] = field(default_factory=dict)
    taken: set[Address] = field(default_factory=set)

    def __post_init__(self) -> None:
        for address, call in self.ordered():
            if call.started is not None and (call.finished is not None or self._told(address, call)):
                step = _called(self.program[address[0]], address[1], call.started.call)
                self.calls.setdefault(_same(step, call.started.call, call.started.arguments), []).append(address)

    def ordered(self) -> list[tuple[Address, CallState]]:
        """The calls in the script's order; those of steps that are not in it stay away."""
        place = {s.id: n for n, s in enumerate(self.program.steps)}
        known = [(a, c) for a, c in self.run.calls.items() if a[0] in place]
        return sorted(known, key=lambda entry: (place[entry[0][0]], place_of(entry[0][1])))

    def _told(self, address: Address, call: CallState) -> bool:
        """Whether the model of a `do` went on with the call's failure."""
        return call.failed is not None and is_told(self.run.calls, *address)

    def take(self, start: Start) -> tuple[CallStarted, CallFinished | CallFailed] | None:
        """The start and the end of the same call: the one of that name if it is one, else the first that nobody took."""
        step = start.step
        same = _same(step, step.tool or step.kind, shown_arguments(start.bound.shown()))
        left = [a for a in self.calls.get(same, ()) if a not in self.taken and self._serves(a, step)]
        if not left:
            return None
        origin = start.address if start.address in left else left[0]
        self.taken.add(origin)
        call = self.run.call(*origin)
        assert call.started is not None
        if call.finished is not None:
            return adopted(start.address, call.started, call.finished, self.run.id, origin)
        assert call.failed is not None
        begun = CallStarted(step=start.step.id, item=start.item, call=call.started.call, arguments=call.started.arguments)
        failed = call.failed
        return begun, CallFailed(step=start.step.id, item=start.item, kind=failed.kind, message=failed.message)

    def _serves(self, address: Address, step: Step) -> bool:
        """Whether the result is the call's own, or comes from the same words of the script."""
        finished = self.run.call(*address).finished
        how = "" if finished is None else finished.forked.how if finished.forked is not None else finished.how
        mine, other = step.options.otherwise, self.program[address[0]].options.otherwise
        return how not in ("otherwise", "default") or (mine is not None and other is not None and mine.text == other.text)

    def timer(self, begun: TimerStarted) -> TimerStarted | None:
        """The other run's time, where one would begin: what has been waited for is not waited for again."""
        return self.run.timers.get((begun.step, begun.item))

    def answered(self, question: Question) -> CallFinished | None:
        """What a person answered to the same question: the same words, about the same arguments."""
        address, before = (question.of, question.item), self.run.questions.get(question.id)
        finished = self.run.call(*address).finished
        if before is None or finished is None or question.kind not in PERSON_KINDS or _words(before) != _words(question):
            return None
        source = Forked(run=self.run.id, step=question.of, item=question.item, how=finished.how)
        return finished.model_copy(update={"how": "fork", "forked": source})

    def effects(self) -> Iterator[SettledEffect]:
        """Effects that happened, or may have, and were not taken over."""
        for address, call in self.ordered():
            if call.started is None or address in self.taken or not _happened(call):
                continue
            if has_effect(_called(self.program[address[0]], address[1], call.started.call), self.tools):
                yield SettledEffect(
                    step=address[0], item=address[1], call=call.started.call, arguments=call.started.arguments,
                    finished=call.finished,
                )  # fmt: skip
        for address, call in self.run.calls.items():  # of lines that were replaced while the run went on
            started, gone = call.started, address[0] in self.run.dropped and address not in self.run.taken
            if started is not None and started.claim and gone and _happened(call):
                yield SettledEffect(
                    step=address[0], item=address[1], call=started.call, arguments=started.arguments, finished=call.finished
                )
        if self.run.inherited is not None:
            yield from self.run.inherited.effects


def _called(step: Step, item: str, call: str) -> Step:
    """The step of a call: of one that the model of a `do` made, that call as a step of its own."""
    inner = inner_of(item)
    return step if inner is None or not inner.number else loop_call(step, call)


def _same(step: Step, call: str, arguments: Json) -> str:
    options = step.options
    pages = [options.limit, options.cursor, options.items] if step.kind == "pages" else []
    return digest([step.kind, call, arguments, step.returns, options.planner_model, options.sure, pages])


def _words(question: Question) -> Question:
    """The question without when it was asked and how long it stands."""
    return question.model_copy(update={"asked_at": None, "expires_at": None, "remind_s": None})


def _happened(call: CallState) -> bool:
    """Whether an effect took place, as far as that is not ruled out."""
    if call.finished is not None:
        return call.finished.how != "otherwise" or call.finished.reason.partition(":")[0] in MAYBE
    return call.open or (call.failed is not None and call.failed.kind in MAYBE)


def first_events(
    original: Run, fork: Run, proposed: PlanProposed, certified: PlanCertified, *, step: str,
    tools: Mapping[str, ToolSpec], load: LoadValue, at: datetime,
) -> list[Event]:  # fmt: skip
    """The events that a fork begins with, after its submission, which `fork` holds; they are folded into it.

    `original` must have a certified plan. Raises NotForkable for a step that the fork's script does not have.
    """
    assert original.certified is not None
    assert original.now is not None
    forked = RunForked(run=original.id, seq=original.seq, step=step, now=original.now)
    events: list[Event] = [forked, proposed, certified]
    fold(fork, (Recorded(seq=0, at=at, event=e) for e in events))
    before = tools_with_stand_ins(original.certified, tools)
    known = _Known(original, frame_of(original, original.certified, before).program, before)
    for decided in _adopted(fork, certified, known, step, tools, load, at):
        fold(fork, (Recorded(seq=0, at=at, event=e) for e in decided))
        events.extend(decided)
    effects = tuple(known.effects())
    return [*events, EffectsInherited(run=original.id, effects=effects)]


def _adopted(
    fork: Run, certified: PlanCertified, known: _Known, step: str, tools: Mapping[str, ToolSpec], load: LoadValue, at: datetime
) -> Iterator[list[Event]]:
    """What can be taken over, round by round; each is to be folded before the next one."""
    frame = frame_of(fork, certified, tools)
    values = values_of(fork, certified, frame.program, load)
    cone = cone_of(frame.program, frame.waits, steps_named(frame.program, step))
    left: set[Address] = set()  # calls that are to be made
    while True:
        moves = next_moves(frame, fork, values, frozenset(left), _ALL, at)
        if moves.surprises:
            return
        found = [e for e in moves.events if isinstance(e, CallFinished | StepSkipped) and e.step not in cone]
        begun = [e for e in moves.events if isinstance(e, TimerStarted) and e.step not in cone]
        events: list[Event] = [*found, *(timer for e in begun if (timer := known.timer(e)) is not None)]
        for start in moves.starts:
            pair = None if start.step.id in cone else known.take(start)
            if pair is None:
                left.add(start.address)
            else:
                events.extend(pair)
        asked = [q for q in moves.questions if q.of not in cone]
        events += [a for q in asked if (a := known.answered(q)) is not None]
        if not events:  # an approval shows what is known when nothing else can go on
            events += [a for q in moves.approvals if q.of not in cone and (a := known.answered(q)) is not None]
        if not events:
            return
        yield events
