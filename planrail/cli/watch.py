"""Watch: show a run while it goes, ask the person for what it waits for, and tell how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from executor.deadlines import has_expired
from executor.errors import NotAnswerable
from executor.events import Event, QuestionExpired, QuestionReminded, RunParked, RunResumed
from executor.run import Run, fold, is_over
from executor.submission import Principal
from planrail.cli.asking import ask_person
from planrail.cli.errors import DONE, FAILED, PARTIAL, WAITING
from planrail.cli.output import Output
from planrail.cli.plan_text import diagnostics_text
from planrail.cli.run_text import cost_text, deadline_text, end_text, question_text, session_text, surprise_text
from planrail.cli.screen import Screen, screen_of
from planrail.house import House
from planrail.view import RunView, Viewer

LOCAL = Principal()
CODES = {"done": DONE, "partial": PARTIAL, "waiting": WAITING, "queued": WAITING, "running": WAITING}


async def carry_on(house: House, run: str, output: Output) -> int:
    """Move the run along in this process unless another one does, show it, and give the exit code."""
    async with house.engine(only=frozenset((run,))):
        view = await _watched(house, run, output)
    tell_end(output, view)
    return CODES.get(view.status, FAILED)


async def _watched(house: House, run_id: str, output: Output) -> RunView:
    """Watch until the run has ended, or waits for a person who is not here or does not answer."""
    run = Run(run_id)
    while True:
        with screen_of(output) as screen:
            viewer = await _until_still(house, run, screen)
        if is_over(run.status) or not await _answered(house, run, output):
            return viewer.view()


async def _until_still(house: House, run: Run, screen: Screen) -> Viewer:
    """Follow the run until it has ended or waits for a person; what waits for the clock alone goes on by itself."""
    async for recorded in house.runs.events(run.id, LOCAL, after=run.seq, follow=False):
        fold(run, [recorded])
    viewer = house.viewer(run)
    screen.moved(viewer)
    waiting = (await house.runs.record(run.id, LOCAL)).status == "waiting"
    still = is_over(run.status) or (waiting and _asks(run))
    if not still:
        async for recorded in house.runs.events(run.id, LOCAL, after=run.seq):
            fold(run, [recorded])
            if isinstance(recorded.event, RunResumed):
                viewer = house.viewer(run)
            tell_deadline(screen, run, recorded.event)
            screen.moved(viewer)
            if is_over(run.status) or (isinstance(recorded.event, RunParked) and _asks(run)):
                break
    screen.flush()
    return viewer


def _asks(run: Run) -> bool:
    """Whether a person can still answer something."""
    now = datetime.now(UTC)
    return any(not has_expired(question, now) for question in run.open_questions)


def tell_deadline(screen: Screen, run: Run, event: Event) -> None:
    """Say that people are reminded of a question, or that its time is over."""
    if isinstance(event, QuestionReminded | QuestionExpired):
        screen.tell(deadline_text(run, event))


async def _answered(house: House, run: Run, output: Output) -> bool:
    """Ask the person at the terminal everything that is open; False if nobody is there or something stays open."""
    if not output.interactive:
        return False
    for question in run.open_questions:
        reply = await ask_person(output, question)
        if reply is None:
            return False
        try:
            await house.runs.answer(run.id, LOCAL, reply.answer, question=question.id, refused=reply.refused)
        except NotAnswerable as problem:  # somebody else was faster, or its time is over
            output.console.print(Text(problem.message, style="red"), soft_wrap=True)
    return True


def tell_end(output: Output, view: RunView) -> None:
    """The end of a run, or what it waits for, and what it cost."""
    if output.json:
        output.document(view.model_dump(mode="json"))
        return
    console = output.console
    tell_outcome(console, view, [question_text(question, view.id) for question in view.questions])
    console.print(cost_text(view.cost), soft_wrap=True)
    if view.session_use is not None:
        console.print(session_text(view.session_use), soft_wrap=True)
    console.print(Text(f"run    {view.id}", style="dim"), soft_wrap=True)


def tell_outcome(console: Console, view: RunView, questions: Iterable[Text]) -> None:
    """What hurt, what is asked, and how it ended."""
    console.print()
    if view.refusals:
        console.print(diagnostics_text(view.refusals, view.script, "plan"), soft_wrap=True)
    for surprise in view.surprises:
        console.print(surprise_text(surprise), soft_wrap=True)
    for question in questions:
        console.print(question, soft_wrap=True)
    reason = "The plan is refused." if view.refusals and view.reason.startswith("The plan is refused") else view.reason
    shown = view.model_copy(update={"reason": "" if view.surprises else reason})
    console.print(end_text(shown), soft_wrap=True)
    console.print()
