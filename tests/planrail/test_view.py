"""Views: what people see of a run, translated from its journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from executor.events import (
    CallFailed,
    CallFinished,
    CallRetried,
    CallStarted,
    Event,
    PlanCertified,
    PlannerCalled,
    Question,
    QuestionAsked,
    Recorded,
    RunEnded,
    RunParked,
    RunSubmitted,
    SegmentStarted,
    StepSkipped,
    Surprised,
    TimerStarted,
)
from executor.run import Run, fold
from executor.submission import Submission
from planner.certificate import Certificate, WorstCase
from planner.plan import Plan
from planner.toolspec import Json, ToolSpec
from planner.usage import Usage
from planner.worst import ModelTerms, Terms
from planrail.view import RunView, Viewer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCRIPT = """\
found = crm.find()
scored = [crm.score(id=l.id) for l in found if l.id != 2]
text = ask("Write.", found=found)
if len(found) > 5:
    approve("many")
total = sum(scored)
answer(total)
"""
INPUT: Json = {"type": "object", "properties": {"id": {"type": "integer"}}}
TOOLS = {
    "crm.find": ToolSpec(name="crm.find", description="Find.", input_schema={"type": "object"}, effect="read"),
    "crm.score": ToolSpec(name="crm.score", description="Score.", input_schema=INPUT, effect="read"),
}
TERMS = Terms(ModelTerms(model="big"), ModelTerms(model="small"))
BILLED = Usage(model_calls=1, input_tokens=900, output_tokens=100, usd=0.01)
BEGIN: tuple[Event, ...] = (
    RunSubmitted(submission=Submission(goal="score them"), now=NOW),
    SegmentStarted(epoch=1, worker="w", version="0"),
    PlannerCalled(purpose="write", model="big", usage=BILLED, seconds=1),
    PlanCertified(
        plan=Plan(statements=()), script=SCRIPT,
        certificate=Certificate(hash="h", plan="p", tools={}, policy="", worst_case=WorstCase()),
    ),
)  # fmt: skip
FOUND: tuple[Event, ...] = (
    CallStarted(step="found", call="crm.find", key="k"),
    CallFinished(step="found", value=[{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]),
)


def view_of(*events: Event) -> RunView:
    at = [NOW + timedelta(seconds=i) for i in range(len(events) + len(BEGIN))]
    recorded = [Recorded(seq=i + 1, at=at[i], event=e) for i, e in enumerate((*BEGIN, *events))]
    run = fold(Run("r"), recorded)
    return Viewer(run, TOOLS, TERMS, lambda finished: None).view()


def states(view: RunView) -> dict[str, str]:
    return {s.id: s.state for s in view.steps}


def test_steps_wait_run_and_are_done_with_the_items_that_a_filter_leaves() -> None:
    view = view_of(
        *FOUND, StepSkipped(step="approve"),
        CallStarted(step="scored", item="0", call="crm.score", key="a"),
        CallRetried(step="scored", item="0", attempt=1, reason="busy", tool_call=True),
        CallFinished(step="scored", item="0", value=7),
        CallStarted(step="scored", item="2", call="crm.score", key="b"),
    )  # fmt: skip
    scored = next(s for s in view.steps if s.id == "scored")
    assert (scored.done, scored.of, scored.retries, scored.mark, scored.line) == (1, 3, 1, "…", 2)
    assert states(view) == {
        "found": "done", "scored": "running", "text": "waiting", "approve": "skipped", "total": "waiting", "answer": "waiting",
    }  # fmt: skip
    assert next(s for s in view.steps if s.id == "approve").guards == ("if len(found) > 5",)
    assert view.cost.react is None


def test_a_failed_item_shows_its_step_its_arguments_and_what_the_run_says() -> None:
    view = view_of(
        *FOUND,
        CallStarted(step="scored", item="2", call="crm.score", key="b", arguments={"id": 3}),
        CallFailed(step="scored", item="2", kind="failed", message="no such lead"),
        Surprised(step="scored", item="2", kind="failed", message="no such lead"),
        RunEnded(status="failed", reason="scored[2]: no such lead", hint="planrail why r"),
    )
    assert states(view)["scored"] == "failed"
    (surprise,) = view.surprises
    assert (surprise.line, surprise.arguments, surprise.message) == (2, {"id": 3}, "no such lead")
    assert (view.status, view.reason) == ("failed", "scored[2]: no such lead")


def test_the_cost_is_told_by_model_and_with_what_react_would_have_read() -> None:
    small = Usage(model_calls=1, input_tokens=50, output_tokens=5, usd=0.001)
    view = view_of(
        *FOUND,
        CallStarted(step="text", call="ask", model="small"),
        CallRetried(step="text", attempt=1, reason="no JSON", usage=small),
        CallFinished(step="text", value="Dear", usage=small),
        RunEnded(status="done", answer=1),
    )
    assert {c.model: c.usage.tokens for c in view.cost.by_model} == {"big": 1_000, "small": 110}
    assert view.cost.usage.model_calls == 3
    assert view.cost.react is not None
    assert view.cost.react.turns == 2


def test_an_open_question_shows_on_its_step_and_in_the_run() -> None:
    question = Question(id="approve", kind="approve", of="approve", text="many")
    view = view_of(QuestionAsked(question=question), RunParked(questions=("approve",)))
    assert view.questions == (question,)
    assert (view.status, states(view)["approve"]) == ("waiting", "asking")


def test_a_run_whose_tools_are_gone_is_told_by_its_calls() -> None:
    recorded = [Recorded(seq=i, at=NOW, event=e) for i, e in enumerate((*BEGIN, *FOUND), 1)]
    view = Viewer(fold(Run("r"), recorded), {}, TERMS, lambda finished: None).view()
    assert [(s.id, s.call, s.state) for s in view.steps] == [("found", "crm.find", "done")]


def test_a_view_survives_json() -> None:
    view = view_of(*FOUND, RunEnded(status="done", answer={"n": 1}))
    assert RunView.model_validate_json(view.model_dump_json()) == view


def test_a_wait_and_a_poll_say_until_when_they_wait() -> None:
    script = 'ready = poll(crm.find(), until=ready, every="1m", timeout="1h")\nwait("2h")\nanswer(1)\n'
    begun = tuple(e.model_copy(update={"script": script}) if isinstance(e, PlanCertified) else e for e in BEGIN)
    ending = TimerStarted(step="ready", due=NOW + timedelta(hours=1))
    call = CallStarted(step="ready", item="0", call="crm.find", key="k")
    missed = (ending, call, CallFinished(step="ready", item="0", value=[]), TimerStarted(step="ready", item="1", due=NOW))
    done = (CallStarted(step="ready", item="1", call="crm.find", key="l"), CallFinished(step="ready", item="1", value=[1]))
    waiting = (*missed, *done, CallFinished(step="ready", value=[1]), TimerStarted(step="wait", due=NOW + timedelta(hours=2)))
    dues = []
    for events in ((ending, call), missed, waiting, (*waiting, CallFinished(step="wait"))):
        recorded = [Recorded(seq=i, at=NOW, event=e) for i, e in enumerate((*begun, *events), 1)]
        dues.append([s.due for s in Viewer(fold(Run("r"), recorded), TOOLS, TERMS, lambda e: None).view().steps[:2]])
    assert dues == [[None, None], [NOW, None], [None, NOW + timedelta(hours=2)], [None, None]]
