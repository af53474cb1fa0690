"""Parking: a run is let go of until somebody answers, or the clock wakes it. It holds no slot and no memory meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from executor.deadlines import next_deadline, overdue, timed
from executor.events import CancelRequested, Question, QuestionAnswered, QuestionAsked, RunParked
from executor.recorder import Recorder
from planner.program import Options


async def park(recorder: Recorder, *, quiet_after: int, until: datetime | None) -> bool:
    """Let go of the run until somebody answers, or that time; False if somebody has just now."""
    questions = tuple(q.id for q in recorder.run.open_questions)
    parked = RunParked(questions=questions, until=until, seconds=recorder.seconds)
    return await recorder.commit(parked, status="waiting", release=True, quiet_after=quiet_after, wake_at=until)


async def park_for(
    recorder: Recorder, question: Question, *, seen: int, now: Callable[[], datetime], timeout_s: float | None
) -> int | None:
    """Ask it, unless that was done, and let go of the run, which has no plan yet.

    Where somebody has answered or cancelled meanwhile, or its time is over, the run is kept: the number up to which is heard
    what came from outside.
    """
    run = recorder.run
    if question.id not in run.questions:
        await recorder.commit(QuestionAsked(question=timed(question, Options(), timeout_s, now())))
    due = overdue(run, now())
    quiet = not due or await recorder.commit(*due, quiet_after=seen)
    if quiet and run.open_questions and await park(recorder, quiet_after=seen, until=next_deadline(run)):
        return None
    found, seen = await recorder.outside(seen)
    recorder.absorb([r for r in found if isinstance(r.event, QuestionAnswered | CancelRequested)])
    return seen
