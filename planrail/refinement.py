"""Refinement: a submission that refers to earlier runs of its session, with what its planner will be shown of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from executor.earlier import shown_of
from executor.errors import UnknownRun
from executor.events import EarlierShown
from executor.run import Run
from executor.submission import Submission


async def refined(
    submission: Submission, read: Callable[[str], Awaitable[Run]]
) -> tuple[Submission, list[EarlierShown]]:  # fmt: skip
    """The submission with the whole ids of those runs, in their session; raises UnknownRun for one that is not in it.

    Without a session it goes on with theirs. A run without one is a session of its own, called like the run.
    """
    runs = [await read(name) for name in submission.refers_to]
    found = {run.id: run for run in runs}
    if not found:
        return submission, []
    session = submission.session or session_of(runs[0])
    for run in found.values():
        if session_of(run) != session:
            raise UnknownRun(f"There is no run {run.id} in the session {session}.", hint="planrail runs --session lists them.")
    known = submission.model_copy(update={"refers_to": tuple(found), "session": session})
    return known, [shown_of(run, len(found)) for run in found.values()]


def session_of(run: Run) -> str:
    """The session that a run is in."""
    return run.submission.session or run.id
