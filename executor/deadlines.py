"""Deadlines: what the clock does to questions: it reminds of them, and ends those that nobody answers in time. Pure.

A question that has stood for its time-out is over: the first of answer and expiry in the journal counts. The n-th reminder is
due when n intervals have passed, each twice as long as the one before; where several were missed, the last one is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from executor.events import Question, QuestionExpired, QuestionReminded
from executor.run import Run
from planner.program import Options

MAX_REMINDERS = 10  # of one question


def timed(question: Question, options: Options, default_s: float | None, now: datetime) -> Question:
    """The question as it is asked at that time; `default_s` is the time-out where its step names none."""
    if question.kind in ("reconcile", "repeat"):  # their step is a call, whose options are not about them
        return question.model_copy(update={"asked_at": now})
    if question.kind in ("flow", "credential") or question.agent:  # so is its step, and it may be about others
        options = Options()
    timeout_s = default_s if options.timeout_s is None else options.timeout_s
    expires_at = None if timeout_s is None else now + timedelta(seconds=timeout_s)
    return question.model_copy(update={"asked_at": now, "expires_at": expires_at, "remind_s": options.remind_s})


def overdue(run: Run, now: datetime) -> list[QuestionExpired | QuestionReminded]:
    """What becomes of the open questions at that time."""
    found: list[QuestionExpired | QuestionReminded] = []
    for question in run.open_questions:
        if has_expired(question, now):
            found.append(QuestionExpired(question=question.id))
            continue
        passed = [n for n, at in _reminders(question, run) if at <= now]
        if passed:
            found.append(QuestionReminded(question=question.id, number=passed[-1]))
    return found


def has_expired(question: Question, now: datetime) -> bool:
    """Whether its time is over."""
    return question.expires_at is not None and question.expires_at <= now


def next_deadline(run: Run) -> datetime | None:
    """When the clock does something to a question, if nobody answers before."""
    times = [at for question in run.open_questions for at in _times(question, run)]
    return min(times, default=None)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two times that may not be there."""
    return min((at for at in (one, other) if at is not None), default=None)


def _times(question: Question, run: Run) -> Sequence[datetime]:
    expiry = [] if question.expires_at is None else [question.expires_at]
    return [*expiry, *(at for _, at in _reminders(question, run)[:1])]


def _reminders(question: Question, run: Run) -> Sequence[tuple[int, datetime]]:
    """The reminders that are still to come, by number."""
    if question.remind_s is None or question.asked_at is None:
        return []
    told = run.reminders.get(question.id, 0)
    spans = ((n, timedelta(seconds=question.remind_s * (2**n - 1))) for n in range(told + 1, MAX_REMINDERS + 1))
    return [(n, question.asked_at + span) for n, span in spans]
