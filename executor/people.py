"""People: what becomes of the steps that a person decides, and what a person is shown."""

from __future__ import annotations

from executor.consent import wants
from executor.events import CallFinished, Question
from executor.frame import Frame, Moves, Start, instead
from executor.gather import known_calls
from executor.outcomes import Failed, Skipped
from executor.run import Run
from executor.values import Values
from planner.errors import ExpressionError
from planner.flow import person_labels
from planner.order import has_effect
from planner.program import Step
from planner.syntax import Expr
from planner.toolspec import Json

APPROVED_AHEAD = "approved with the submission"  # why an `approve` has its value that `--yes` has answered


def person(start: Start, frame: Frame, run: Run, values: Values, moves: Moves) -> None:
    step, item = start.step, start.item
    if step.kind == "approve" and frame.preapproved and not (frame.mended and step.id in frame.fresh):
        moves.events.append(CallFinished(step=step.id, item=item, value=True, reason=APPROVED_AHEAD))
        return
    name = question_id(step, item)
    answer = run.answers.get(name)
    if answer is None and name not in run.expired:
        question = _question(start, frame, values)
        (moves.approvals if step.kind == "approve" else moves.questions).append(question)
        return
    if answer is not None and not answer.refused and (step.kind != "approve" or answer.answer is True):
        event = CallFinished(step=step.id, item=item, value=answer.answer, labels=person_labels(answer.kind).to_json())
        moves.events.append(event)
    elif start.otherwise is not None:
        decided = person_labels().whole()
        reason = "Nobody answered in time." if answer is None else f"Refused by {answer.by}."
        moves.events.append(instead(step.id, item, start.otherwise, reason, decided))
    else:
        reason = "nobody answered in time" if answer is None else f"{answer.by} refused"
        failed = Failed("refused", f"{reason}: {_text(start)}", item)
        values.fail(step.id, failed)
        moves.surprises.append((step, failed))


def question_id(step: Step, item: str) -> str:
    return f"{step.id}:{item}" if item else step.id


def is_open(run: Run, question: str) -> bool:
    return question in run.questions and question not in run.answers and question not in run.expired


def _text(start: Start) -> str:
    key = "what" if start.step.kind == "approve" else "question"
    return str(start.bound.arguments[key])


def _question(start: Start, frame: Frame, values: Values) -> Question:
    name = question_id(start.step, start.item)
    if start.step.kind == "approve":
        shown = covered(start.step, frame, values)
        schema: Json = {"type": "boolean"}
        return Question(id=name, kind="approve", of=start.step.id, text=_text(start), answer_schema=schema, shown=shown)
    schema = start.step.returns
    return Question(id=name, kind="ask_user", of=start.step.id, item=start.item, text=_text(start), answer_schema=schema)


def covered(approve: Step, frame: Frame, values: Values) -> list[dict[str, Json]]:
    """The later effects that an approval covers, with their arguments as far as these are bound by now."""
    shown: list[dict[str, Json]] = []
    later = frame.program.steps[frame.program.position(approve.id) + 1 :]
    for step in later:
        if has_effect(step, frame.tools) and not isinstance(values.guard(step), Skipped):
            shown.extend(shown_calls(step, frame, values))
    return shown


def shown_calls(step: Step, frame: Frame, values: Values) -> list[dict[str, Json]]:
    """The calls of a step as an approval shows them; with a note where their arguments are not known."""
    if step.kind == "do":
        most = "" if step.options.max_calls is None else f", in at most {step.options.max_calls} calls"
        note = f"if and how is decided by the model of `{step.id}`{most}"
        return [{"tool": name, "arguments": {}, "note": note} for name in step.tools if frame.tools[name].has_effect]
    try:
        known = known_calls(step, values)
        note = "not known yet"
    except ExpressionError as error:
        known, note = [], str(error)
    if not known:
        sources = {name: _source(expr) for name, expr in step.arguments.items()}
        return [{"tool": step.tool, "arguments": sources, "note": note}]
    return [_row(Start(step, item, bound), frame) for item, bound in known]


def _row(start: Start, frame: Frame) -> dict[str, Json]:
    """A call as an approval shows it, with what of it comes from strangers."""
    strange = [{"argument": w.argument, "origins": list(w.origins), "kind": w.kind} for w in wants(start, frame)]
    row = {"step": start.step.id, "item": start.item, "tool": start.step.tool, "arguments": start.bound.shown()}
    return {**row, "flows": strange} if strange else row


def _source(expr: Expr) -> str:
    return expr.text
