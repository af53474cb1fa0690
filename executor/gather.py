"""Gather: all that a person has to allow at one moment, in one question. Pure.

In front of everything stands what the script itself would give to a sink, where its writer had read strangers. What is only
known later is asked when nothing else can go on; what comes after it and is known by then is asked along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from executor.bind import Bound, bind
from executor.call_state import Address
from executor.consent import said_of, verdict, want_of
from executor.events import Question
from executor.frame import Frame, Moves, Start
from executor.outcomes import Pending
from executor.run import Run
from executor.timers import elements
from executor.values import Values
from executor.want import Want
from planner.errors import ExpressionError
from planner.labels import Tagged
from planner.program import Step
from planner.toolspec import Json

_MOST_ROWS = 1_000  # of one question; what is beyond is asked next
_ASKED_ALONG = frozenset(("tool", "attempt", "pages"))


def asked_ahead(frame: Frame, run: Run, values: Values) -> list[Want]:
    """What has to be allowed before anything runs: texts of the script itself that nobody vouches for."""
    found: list[Want] = []
    for name, argument in frame.ahead if frame.policy is not None else ():
        step = frame.program[name]
        if any(address[0] == name for address in run.calls):
            continue  # it was begun before there was such a question
        want = want_of(step, argument, values.evaluate(step.arguments[argument], {}), frame)
        if want is not None and said_of(want, run) is None:
            found.append(want)
    return found


def still_wanted(address: Address, run: Run, values: Values, moves: Moves) -> bool:
    """Whether a call that was looked at before still waits for a person."""
    wanted = values.wanted.get(address, ())
    if all(said_of(w, run) is not None for w in wanted):
        return False
    moves.wanted.extend(wanted)
    return True


def wanted_next(frame: Frame, run: Run, values: Values) -> Iterator[Want]:
    """What calls want whose turn has not come and whose arguments are known: unless an approval will show them first."""
    if run.inherited is not None:  # a fork may take the effect over instead
        return
    for step in frame.program.steps:
        comes = isinstance(values.outcome(step.id), Pending) and not values.over(step.id, frame.waits[step.id])
        if step.kind not in _ASKED_ALONG or not comes:
            continue
        if values.guard(step) is None and not _shown_first(step, frame, values):
            with suppress(ExpressionError):  # it fails when its turn comes
                for item, bound in known_calls(step, values):
                    yield from verdict(Start(step, item, bound), frame, run).wanted


def _shown_first(step: Step, frame: Frame, values: Values) -> bool:
    """Whether an approval is to come that shows what the step would do: the script's own, or that of a changed plan."""
    if frame.approved and step.id in frame.fresh:
        return True
    before = (w for w in frame.waits[step.id] if frame.program[w].kind == "approve")
    return not frame.preapproved and any(isinstance(values.outcome(w), Pending) for w in before)


def known_calls(step: Step, values: Values) -> list[tuple[str, Bound]]:
    """The calls of a step by item, as far as their arguments are known; raises ExpressionError where one has no value."""
    return [(item, bind(step, scope, values.evaluate)) for item, scope in _scopes(step, values)]


def _scopes(step: Step, values: Values) -> Iterator[tuple[str, Mapping[str, Tagged]]]:
    if step.is_map:
        if values.size(step.id) is not None:
            yield from ((str(index), ready.scope) for index, ready in values.ready(step.id))
        return
    scope = values.scope(step.reads())
    if scope is None:
        return
    if step.space is None:
        yield "", scope
    else:
        yield from ((str(n), inner) for n, (inner, _) in enumerate(elements(step, scope, values)) if inner is not None)


def flows_asked(wanted: Sequence[Want], run: Run) -> list[Question]:
    """The one question about all that is wanted and not asked yet; none where there is nothing."""
    asked = {row["binding"] for q in run.open_questions if q.kind == "flow" for row in q.shown}
    new = list({w.binding: w for w in wanted if w.binding not in asked}.values())
    return [_question(new[:_MOST_ROWS], run)] if new else []


def _question(wanted: Sequence[Want], run: Run) -> Question:
    assert run.certified is not None
    number, many = run.flow_questions + 1, len(wanted)
    tools = ", ".join(dict.fromkeys(w.step.tool for w in wanted))
    what = "What strangers wrote" if any(w.kind == "data" for w in wanted) else "What strangers' words decide"
    where = f"in a call of {tools}. May it?" if many == 1 else f"at {many} places in calls of {tools}. Which may it?"
    numbers: Json = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": many}, "uniqueItems": True}
    return Question(
        id="flow" if number == 1 else f"flow#{number}",
        kind="flow",
        of=wanted[0].step.id,
        text=f"{what} would be used {where}",
        answer_schema={"anyOf": [{"type": "boolean"}, numbers]},
        shown=[{"number": n, **w.row(run.certified.certificate.hash)} for n, w in enumerate(wanted, 1)],
    )
