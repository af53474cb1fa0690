"""Changes: effects that a plan has come to after a person had approved it: they are asked for anew, all in one question. Pure.

What an approval has shown, with the same arguments, is not asked for again; nor what an approval of the revision itself covers.
`--yes` answers none of this: it was said of another script.
"""

from __future__ import annotations

from collections.abc import Sequence

from executor.events import Question
from executor.frame import Frame, Moves, Start
from executor.outcomes import Failed, Pending
from executor.people import is_open, shown_calls
from executor.run import Run
from executor.started import shown_arguments
from executor.values import Values
from planner.order import has_effect
from planner.program import Step
from planner.toolspec import Json


def held_back(start: Start, frame: Frame, run: Run, values: Values, moves: Moves) -> bool:
    """Whether an effect waits for what a person says of the changed plan; where they said no it is a surprise."""
    if not frame.approved or start.step.id not in frame.fresh or not has_effect(start.step, frame.tools):
        return False
    if run.call(*start.address).started is not None or _shown_before(start.step.tool, start.bound.shown(), run):
        return False
    if _covered(start.step, frame, run):
        return False
    name = _name(frame)
    answer = run.answers.get(name)
    if answer is not None and answer.answer is True and not answer.refused:
        return False
    if answer is None and name not in run.expired:
        moves.changed.append(start.step)
        return True
    who = "nobody answered in time" if answer is None else f"{answer.by} refused"
    failed = Failed("refused", f"{who}: what the changed plan would do", start.item)
    values.fail(start.step.id, failed)
    moves.surprises.append((start.step, failed))
    return True


def change_asked(changed: Sequence[Step], frame: Frame, run: Run, values: Values) -> list[Question]:
    """The question about all effects of the revision that no approval has shown; none while it is open."""
    if not changed or is_open(run, _name(frame)):
        return []
    return [
        Question(
            id=_name(frame),
            kind="approve",
            of=changed[0].id,
            text=f"The plan was changed after it was approved (revision {frame.revision}). May it do what was not shown then?",
            answer_schema={"type": "boolean"},
            shown=[row for step in _effects(frame, values) for row in _rows(step, frame, run, values)],
        )
    ]


def _name(frame: Frame) -> str:
    return f"revision:{frame.revision}"


def _effects(frame: Frame, values: Values) -> list[Step]:
    """The revision's own effects that are still to come."""
    fresh = (s for s in frame.program.steps if s.id in frame.fresh and has_effect(s, frame.tools))
    return [s for s in fresh if isinstance(values.outcome(s.id), Pending) and values.guard(s) is None]


def _rows(step: Step, frame: Frame, run: Run, values: Values) -> list[dict[str, Json]]:
    rows = shown_calls(step, frame, values)
    return [row for row in rows if "note" in row or not _shown_before(str(row["tool"]), row["arguments"], run)]


def _shown_before(tool: str, arguments: dict[str, Json], run: Run) -> bool:
    return run.same_call(tool, shown_arguments(arguments)) in run.shown


def _covered(step: Step, frame: Frame, run: Run) -> bool:
    """Whether an approval that the revision itself asks for stands before the step, and was given."""
    before = frame.program.steps[: frame.program.position(step.id)]
    approvals = (run.call(s.id).finished for s in before if s.kind == "approve" and s.id in frame.fresh)
    return any(finished is not None and finished.how == "call" and finished.value is True for finished in approvals)
