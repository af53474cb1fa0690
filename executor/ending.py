"""Ending: the last event of a run, with the row that says so."""

from __future__ import annotations

from executor.drafting import NotPlanned
from executor.events import RunEnded, RunStatus
from executor.recorder import Recorder
from planner.toolspec import Json


async def end_run(
    recorder: Recorder, status: RunStatus, *, reason: str = "", hint: str = "", answer: Json = None, labels: Json = None
) -> None:
    """End the run with that status."""
    ended = RunEnded(
        status=status,  # type: ignore[arg-type]  # a terminal one
        answer=answer,
        answer_labels=labels,
        reason=reason,
        hint=hint,
        seconds=recorder.seconds,
    )
    await recorder.commit(ended, status=status, release=True)


async def end_unplanned(recorder: Recorder, problem: NotPlanned) -> None:
    """End a run that has come to no plan."""
    if problem.ceiling is not None and problem.ceiling not in recorder.run.ceilings:
        recorder.note(problem.ceiling)
    status: RunStatus = "failed" if problem.ceiling is None else "partial"
    await end_run(recorder, status, reason=problem.message, hint=problem.hint)
