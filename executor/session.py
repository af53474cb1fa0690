"""Session: a conversation of one principal, whose runs share ceilings on calls and cost.

    a segment begins ─► reserve what the run may take, as far as the session has it ─► its acts ─► reserve more … ─► it rests

What a run may take is reserved in the journal, in one transaction, before the run takes it; so runs side by side, in any number
of processes, cannot pass a ceiling together. A run that rests (has ended, waits, is queued) counts with what it has used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from executor.events import CallFinished, SessionGranted
from executor.run import Run
from planner.budget import Budget
from planner.certificate import WorstCase

CEILINGS: Mapping[str, str] = {"session_calls": "PLANRAIL_SESSION_CALLS", "session_usd": "PLANRAIL_SESSION_USD"}
_DIGITS = 9  # of $, in sums that come out different in another order


class SessionLimits(BaseModel):
    """The ceilings of every session; None is none. At one a run ends `partial`; once it is used up, no run is submitted."""

    model_config = ConfigDict(frozen=True)

    calls: int | None = Field(default=None, ge=0)  # of tools and models, the planner's too
    usd: float | None = Field(default=None, ge=0)


class Share(BaseModel):
    """A part of what a session shares."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    usd: float = 0.0

    def __add__(self, other: Share) -> Share:
        return Share(calls=self.calls + other.calls, usd=round(self.usd + other.usd, _DIGITS))


class SessionUse(BaseModel):
    """What the runs of a session have used up, and what those under way have reserved, used or not."""

    model_config = ConfigDict(frozen=True)

    name: str
    runs: int = 0
    used: Share = Share()  # by runs that rest
    reserved: Share = Share()  # by runs that are carried on now
    limits: SessionLimits = SessionLimits()

    def left(self) -> SessionLimits:
        """What further runs may take; None where there is no ceiling."""
        taken = self.used + self.reserved
        calls = None if self.limits.calls is None else max(self.limits.calls - taken.calls, 0)
        usd = None if self.limits.usd is None else max(round(self.limits.usd - taken.usd, _DIGITS), 0.0)
        return SessionLimits(calls=calls, usd=usd)

    def spent(self) -> str:
        """The ceiling that is used up for good: by runs that rest; "" for none."""
        if self.limits.calls is not None and self.used.calls >= self.limits.calls:
            return "session_calls"
        return "session_usd" if self.limits.usd is not None and self.used.usd >= self.limits.usd else ""


def grant(name: str, limits: SessionLimits, *, wanted: Share, used: Share, others: Share) -> SessionGranted:
    """What a run may take in all, given what it has used and what the session's other runs count for."""
    calls = usd = None
    if limits.calls is not None:
        calls = max(min(wanted.calls, limits.calls - others.calls), used.calls)
    if limits.usd is not None:
        usd = max(min(wanted.usd, round(limits.usd - others.usd, _DIGITS)), used.usd)
    return SessionGranted(session=name, calls=calls, usd=usd, session_calls=limits.calls, session_usd=limits.usd)


def counted(granted: SessionGranted, wanted: Share) -> Share:
    """What the run counts for while it goes: what it was granted; where there is no ceiling, what it wants."""
    calls = wanted.calls if granted.calls is None else granted.calls
    return Share(calls=calls, usd=wanted.usd if granted.usd is None else granted.usd)


def used_by(run: Run, receipts: Iterable[tuple[str, CallFinished]] = ()) -> Share:
    """What a run has taken by its journal, and by receipts (key, result) that its journal does not count yet."""
    calls, usd = run.tool_calls + run.usage.model_calls, run.usage.usd
    for key, finished in receipts:
        if key not in run.receipts:
            calls += finished.usage.model_calls + finished.further_calls
            usd += finished.usage.usd
    return Share(calls=calls, usd=round(usd, _DIGITS))


def worst_share(worst: WorstCase, budget: Budget) -> Share:
    """What a certified plan may take: its worst case and the reserve for retries, within the run's own ceilings."""
    part = max(1 - budget.reserve, 0.01)
    calls = min(math.ceil(worst.calls / part), budget.calls) + min(math.ceil(worst.model_calls / part), budget.model_calls)
    return Share(calls=calls, usd=min(worst.usd / part, budget.usd))


def covers(granted: SessionGranted, wanted: Share) -> bool:
    """Whether that much was granted."""
    return (granted.calls is None or granted.calls >= wanted.calls) and (granted.usd is None or granted.usd >= wanted.usd)


def ceiling_told(run: Run, ceiling: str) -> tuple[str, str]:
    """Why a run ended at a ceiling of its session, and what to do."""
    granted, name = run.granted, run.submission.session
    assert granted is not None
    had, of = (granted.calls, granted.session_calls) if ceiling == "session_calls" else (granted.usd, granted.session_usd)
    reason = f"The ceiling {ceiling} ({of:g}) of the session {name} was reached: {had:g} of it were left for this run."
    more = f"raise {CEILINGS[ceiling]}, or wait for its other runs"
    hint = f"planrail resume {run.id} goes on when the session has more left: {more}."
    return reason, hint
