"""Active: without a key, an equal submission while one is under way is that run: who asks again gets no second one."""

from __future__ import annotations

from executor.events import RunStatus
from executor.journal.port import RunRecord
from executor.submission import Submission
from planrail.runs import Runs

_ACTIVE: tuple[RunStatus, ...] = ("queued", "running", "waiting")
_LOOKED_AT = 50  # of the principal's active runs, the newest


async def submitted(runs: Runs, submission: Submission, key: str | None) -> RunRecord:
    """A new run; the one with that key, or the active one of an equal submission."""
    if key is None:
        wanted = submission.digest()
        for record in await runs.find(submission.principal, statuses=_ACTIVE, limit=_LOOKED_AT):
            if (
                record.goal == submission.goal
                and (await runs.get(record.id, submission.principal)).submission.digest() == wanted
            ):
                return record
    return await runs.submit(submission, key=key)
