"""Moves: what may happen next to a run. Pure: decided from the program, its order, and what the journal says.

A step may start when its guards are true, the names that it reads have values, and every step that it waits for (see
`planner.order`) has succeeded or was skipped. After a surprise only steps that stand before it in the script may start: they
are those that a reader, going line by line, would have seen happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from executor.bind import bind
from executor.call_state import Address
from executor.changes import change_asked, held_back
from executor.consent import refusal, verdict
from executor.credentials import credentials_asked, lacks_secret
from executor.deadlines import earlier, next_deadline, overdue, timed
from executor.early import early_of, end_of, may_be_early, taken, taking
from executor.events import (
    CallFailed,
    CallFinished,
    CallStarted,
    Event,
    Question,
    StepSkipped,
)
from executor.frame import Frame, Moves, Start, instead, unbound
from executor.gather import asked_ahead, flows_asked, still_wanted, wanted_next
from executor.loops import Loop
from executor.outcomes import Done, Failed, Pending, Skipped
from executor.people import is_open, person, question_id
from executor.repeat import Repeat, adopted, repeat_of, repeat_question
from executor.run import Run
from executor.settled import taken_over
from executor.timers import TURN_KINDS, Turns
from executor.values import Values
from planner.errors import ExpressionError
from planner.expression import to_json, truth
from planner.labels import Label, Tagged, join_all
from planner.program import MODEL_KINDS, PERSON_KINDS, TOOL_KINDS, Step


def next_moves(frame: Frame, run: Run, values: Values, busy: frozenset[Address], room: int, now: datetime) -> Moves:
    """Everything that may happen now, in the script's order: of calls, none that is busy and at most `room`."""
    moves = Moves(complete=True, deadlines=overdue(run, now))
    ahead = asked_ahead(frame, run, values)
    if ahead:  # nothing runs before a person has seen what the script itself would give to a sink
        moves.complete, moves.wake_at = False, next_deadline(run)
        moves.questions = _asked(flows_asked(ahead, run), frame, now)
        return moves
    for step in frame.program.steps:
        outcome = values.outcome(step.id)
        match outcome:
            case Done():
                continue
            case Skipped():
                if step.kind != "let" and step.id not in run.skipped:
                    moves.events.append(StepSkipped(step=step.id))
                continue
            case Failed():
                moves.complete = False
                moves.surprises.append((step, outcome))
            case Pending():
                moves.complete = False
                if not moves.surprises or step.kind == "expect":
                    if step.kind == "do":
                        _loop(step, frame, run, values, busy, room, moves)
                    elif step.kind in TURN_KINDS:
                        _turn(step, frame, values, busy, room, Turns(run, values, frame.tools, now), moves)
                    else:
                        _step(step, frame, run, values, busy, room, moves)
    moves.wake_at = earlier(moves.wake_at, next_deadline(run))
    moves.events.extend(moves.answered.values())
    moves.questions.extend(credentials_asked(moves.secrets, frame, run))
    moves.approvals.extend(repeat_question(run, step, repeats) for step, repeats in moves.repeats.items())
    if (
        moves.wanted and not moves.starts and run.certified is not None
    ):  # what comes next is asked along, so that it is one question
        moves.approvals.extend(flows_asked([*moves.wanted, *wanted_next(frame, run, values)], run))
    moves.approvals.extend(change_asked(moves.changed, frame, run, values))
    if moves.surprises:  # the run fails: nobody need be asked any more
        moves.questions.clear()
        moves.deadlines.clear()
    moves.questions, moves.approvals = (_asked(qs, frame, now) for qs in (moves.questions, moves.approvals))
    return moves


def _asked(questions: Sequence[Question], frame: Frame, now: datetime) -> list[Question]:
    """The questions as they are asked now."""
    return [timed(q, frame.program[q.of].options, frame.question_timeout_s, now) for q in questions]


def _step(step: Step, frame: Frame, run: Run, values: Values, busy: frozenset[Address], room: int, moves: Moves) -> None:
    if step.kind == "let" or values.guard(step) is not None or not values.over(step.id, frame.waits[step.id]):
        return
    called = step.kind in TOOL_KINDS or step.kind in MODEL_KINDS
    for item, scope in _slots(step, frame, values, moves):
        if called and len(moves.starts) >= room:
            return
        address = (step.id, item)
        if address not in busy and not still_wanted(address, run, values, moves):
            _call(step, item, scope, frame, run, values, moves)


def _turn(
    step: Step, frame: Frame, values: Values, busy: frozenset[Address], room: int, turns: Turns, moves: Moves
) -> None:  # fmt: skip
    """The next turn of a `wait`, a `poll` or a `first`."""
    if values.guard(step) is not None or not values.over(step.id, frame.waits[step.id]):
        return
    scope = values.scope(step.reads())
    if scope is None or any(address[0] == step.id for address in busy):
        return
    turn = turns.of(step, scope, _most(step, frame))
    if turn.event is not None:
        moves.events.append(turn.event)
    if turn.failed is not None:
        moves.events.append(_failed(step, turn.failed, turn.decided, values, scope))
    if turn.call is not None and len(moves.starts) < room:
        _start(Start(step, *turn.call), frame, turns.run, values, moves)
    moves.wake_at = earlier(moves.wake_at, turn.wake_at)


def _failed(step: Step, failed: CallFailed, decided: Label, values: Values, scope: Mapping[str, Tagged]) -> Event:
    """How a step ends that failed by its own rule: with its `otherwise`, if it has one."""
    if step.options.otherwise is None or failed.kind == "fan_out":
        return failed
    otherwise = partial(values.evaluate, step.options.otherwise, scope)
    return instead(step.id, failed.item, otherwise, f"{failed.kind}: {failed.message}", decided)


def _loop(step: Step, frame: Frame, run: Run, values: Values, busy: frozenset[Address], room: int, moves: Moves) -> None:
    """The next turns of a `do`, or of the loops of its map."""
    if values.guard(step) is not None or not values.over(step.id, frame.waits[step.id]):
        return
    for item, scope in _slots(step, frame, values, moves):
        if len(moves.starts) >= room:
            return
        try:
            bound = bind(step, scope, values.evaluate)
        except ExpressionError as error:
            expr = step.options.otherwise
            otherwise = None if expr is None else partial(values.evaluate, expr, scope)
            moves.events.append(unbound(step, item, error, otherwise, join_all(v.labels.whole() for v in scope.values())))
            continue
        found = Loop(step, item, bound, run, values, frame.tools).next()
        if found.event is not None:
            moves.events.append(found.event)
        if found.fell is not None:
            moves.events.append(found.fell)
        if found.failed is not None:
            moves.events.append(_failed(step, found.failed, found.decided, values, scope))
        for start in found.starts:
            waits = start.address in busy or len(moves.starts) >= room
            if not waits and not still_wanted(start.address, run, values, moves):
                _start(start, frame, run, values, moves)


def _most(step: Step, frame: Frame) -> int:
    """The most items that a step over items may have."""
    return min(x for x in (frame.fan_out, step.options.limit, frame.bounds.get(step.id)) if x is not None)


def _slots(step: Step, frame: Frame, values: Values, moves: Moves) -> Iterator[tuple[str, Mapping[str, Tagged]]]:
    """The calls of a step that are ready to start, by item."""
    if step.space is None:
        scope = values.scope(step.reads())
        if scope is not None:
            yield "", scope
        return
    try:
        size = values.size(step.id)
    except ExpressionError:
        return
    if not size:
        return
    most = _most(step, frame)
    if values.present(step.id) > most:
        failed = Failed(
            "fan_out", f"`{step.id}` has more than {most} items: bound it with a slice, or raise limit= or fan_out."
        )
        values.fail(step.id, failed)
        moves.surprises.append((step, failed))
        return
    for index, ready in values.ready(step.id):
        yield str(index), ready.scope


def _call(step: Step, item: str, scope: Mapping[str, Tagged], frame: Frame, run: Run, values: Values, moves: Moves) -> None:
    if step.kind in PERSON_KINDS and is_open(run, question_id(step, item)):
        return
    expr = step.options.otherwise
    otherwise = None if expr is None else partial(values.evaluate, expr, scope)
    try:
        bound = bind(step, scope, values.evaluate)
    except ExpressionError as error:
        decided = join_all(value.labels.whole() for value in scope.values())
        instead_of = None if step.kind == "attempt" else otherwise  # its default is for what is not found alone
        moves.events.append(unbound(step, item, error, instead_of, decided))
        return
    start = Start(step, item, bound, otherwise)
    match step.kind:
        case "expect":
            _expect(start, values, moves)
        case "answer":
            value = bound.tagged["value"]
            event = CallFinished(step=step.id, value=to_json(value.value), labels=value.labels.to_json())
            moves.events.append(event)
        case kind if kind in PERSON_KINDS:
            person(start, frame, run, values, moves)
        case _:
            _start(start, frame, run, values, moves)


def _expect(start: Start, values: Values, moves: Moves) -> None:
    if truth(start.bound.tagged["condition"]):
        moves.events.append(CallFinished(step=start.step.id, value=True))
        return
    failed = Failed("expect", str(start.bound.arguments["why"]))
    values.fail(start.step.id, failed)
    moves.surprises.append((start.step, failed))


def _start(start: Start, frame: Frame, run: Run, values: Values, moves: Moves) -> None:
    """Start a call, unless an earlier one settles it, or a person has to say first whether a fork repeats it."""
    found = taken_over(start, frame, run, moves.taken) if frame.fresh else None
    if found is not None:
        moves.taken.add(found[0])
        moves.events.extend(found[1])
        return
    if held_back(start, frame, run, values, moves):
        return
    if run.inherited is None:
        _give(start, frame, run, values, moves)
        return
    held = {r.number for repeats in moves.repeats.values() for r in repeats}
    repeat = repeat_of(run, start.address, start.step.tool, start.bound.shown(), held)
    if repeat is None:
        _give(start, frame, run, values, moves)
    elif repeat.answer is not None:
        _repeat(start, repeat, frame, run, values, moves)
    elif not repeat.asked:
        moves.repeats.setdefault(start.step.id, []).append(repeat)


def _give(start: Start, frame: Frame, run: Run, values: Values, moves: Moves) -> None:
    """Let the call start, unless the policy refuses it, a person has to allow what it is given, or its secret is not set."""
    judged = verdict(start, frame, run)
    if judged.refused:
        moves.events.append(refusal(start, judged))
    elif judged.wanted:
        values.wanted[start.address] = judged.wanted
        moves.wanted.extend(judged.wanted)
    elif not lacks_secret(start, frame, run, moves):
        _take_early(start, frame, run, moves)


def _take_early(start: Start, frame: Frame, run: Run, moves: Moves) -> None:
    """Let the call start, or take the result of an early read that was equal to it."""
    may = run.early.known and start.step.id in frame.soon and may_be_early(start.step, frame.tools)
    item = early_of(run, start, moves.early) if may else ""
    moves.early.update((item,) if item else ())
    ended = end_of(run, item) if item else None
    if ended is None:
        moves.starts.append(replace(start, early=item) if item else start)
    else:
        moves.events += (taking(start, item), taken(start, ended, frame.tools[start.step.tool]))


def _repeat(start: Start, repeat: Repeat, frame: Frame, run: Run, values: Values, moves: Moves) -> None:
    """What a person has decided about an effect that would be repeated."""
    assert repeat.answer is not None
    assert run.inherited is not None
    effect = repeat.effect
    if repeat.answer.answer is True and not repeat.answer.refused:
        _give(start, frame, run, values, moves)
    elif repeat.answer.refused or effect.finished is None:
        failed = Failed("refused", f"{repeat.answer.by} refused: {effect.call} again", start.item)
        values.fail(start.step.id, failed)
        moves.surprises.append((start.step, failed))
    else:
        before = CallStarted(step=effect.step, call=effect.call, arguments=effect.arguments)
        origin = (effect.step, effect.item)
        moves.events.extend(adopted(start.address, before, effect.finished, run.inherited.run, origin))


def earliest(surprises: Sequence[tuple[Step, Failed]]) -> tuple[Step, Failed]:
    """The surprise that a run tells: the first in the script, unless a failed `expect` names its cause."""
    first = surprises[0]
    for step, failed in surprises:
        if failed.kind == "expect" and step.reads() & (first[0].reads() | set(first[0].to)):
            return step, failed
    return first
