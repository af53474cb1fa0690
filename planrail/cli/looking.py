"""Looking: the commands that show what is there: plan, runs, show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from rich.table import Table
from rich.text import Text

from executor.events import RunStatus
from executor.journal.port import RunRecord
from planrail.cli.errors import DONE, FAILED, UsageError
from planrail.cli.output import Output
from planrail.cli.plan_text import diagnostics_text
from planrail.cli.request import Wish, submission_of
from planrail.cli.revision_text import revision_text
from planrail.cli.run_text import (
    STATUS_STYLES,
    cost_text,
    end_text,
    fork_text,
    session_text,
    step_tree,
)
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.screen import print_plan
from planrail.cli.text import line, moment
from planrail.cli.watch import LOCAL, tell_end
from planrail.house import House
from planrail.view import RunView


def plan(output: Output, wish: Wish) -> int:
    """The script and its certificate; nothing runs and nothing stays."""
    settings = settings_here()
    submission = submission_of(wish, settings.budget)

    async def work(house: House, _: Trip) -> int:
        run = await house.runs.preview(submission)
        view = house.viewer(run).view()
        if output.json:
            certified = run.certified
            typed = None if certified is None else certified.plan.model_dump(mode="json", by_alias=True)
            output.document({"plan": typed, **view.model_dump(mode="json", exclude={"steps", "questions", "id", "seq"})})
        elif view.certificate is None:
            tell_refusal(output, view)
        else:
            console = output.console
            print_plan(console, view)
            console.print(cost_text(view.cost), soft_wrap=True)
        return DONE if view.certificate is not None else FAILED

    return in_house(settings, work)


def tell_refusal(output: Output, view: RunView) -> None:
    """Why there is no plan."""
    if view.refusals:
        output.console.print(diagnostics_text(view.refusals, view.script, "plan"), soft_wrap=True)
    reason = "The plan is refused." if view.refusals else view.reason
    output.console.print(end_text(view.model_copy(update={"reason": reason})), soft_wrap=True)
    if view.cost.usage.model_calls:
        output.console.print(cost_text(view.cost), soft_wrap=True)


def runs(output: Output, *, statuses: Sequence[str], limit: int, session: str | None = None) -> int:
    """The runs, newest first; and what a session has left, where one is named."""
    known: tuple[RunStatus, ...] = get_args(RunStatus)
    for status in statuses:
        if status not in known:
            raise UsageError(f"There is no status {status}.", hint=f"There are: {', '.join(known)}.")
    wanted = [s for s in known if s in statuses] or None

    async def work(house: House, _: Trip) -> int:
        records = await house.runs.find(LOCAL, statuses=wanted, limit=limit, session=session)
        if output.json:
            output.document([_record(r) for r in records])
        elif records:
            output.console.print(_table(records))
        else:
            output.console.print("No runs yet." if wanted is None and session is None else "No such runs.")
        if session is not None and not output.json:
            output.console.print(session_text(await house.runs.session(session, LOCAL)), soft_wrap=True)
        return DONE

    return in_house(settings_here(), work)


def _record(record: RunRecord) -> dict[str, object]:
    return record.model_dump(mode="json", include={"id", "goal", "status", "key", "created_at", "updated_at", "wake_at"})


def _table(records: Sequence[RunRecord]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading, width in (("run", 16), ("status", 9), ("begun", 19)):
        table.add_column(heading, no_wrap=True, min_width=width)
    wakes = any(r.wake_at is not None for r in records)
    if wakes:
        table.add_column("wakes", no_wrap=True, min_width=19)
    table.add_column("goal", overflow="ellipsis", no_wrap=True, ratio=1)
    for r in records:
        status = Text(r.status, style=STATUS_STYLES[r.status])
        times = [moment(r.created_at), *([moment(r.wake_at)] if wakes else [])]
        table.add_row(r.id, status, *times, Text(line(r.goal) or "(a script)"))
    return table


def show(output: Output, name: str) -> int:
    """A run, whole: plan, steps, questions, answer, cost."""

    async def work(house: House, _: Trip) -> int:
        run = await house.runs.get(name, LOCAL)
        view = house.viewer(run).view()
        if view.session is not None:
            view = view.model_copy(update={"session_use": await house.runs.session(view.session, run.submission.principal)})
        if not output.json:
            _tell_whole(output, view)
        tell_end(output, view)
        return DONE

    return in_house(settings_here(), work)


def _tell_whole(output: Output, view: RunView) -> None:
    console = output.console
    if view.certificate is not None:
        print_plan(console, view)
    for revision in view.revisions[1:]:
        console.print(revision_text(revision), soft_wrap=True)
    if view.steps:
        console.print(step_tree(view))
    if view.forked_from is not None:
        console.print(fork_text(view), soft_wrap=True)
