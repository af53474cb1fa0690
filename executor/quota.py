"""Quota: what one principal may take, in all its tenants and from all processes: runs at once, and $ a day.

    submitted ─► too many runs at once? the day's $ used up? ─► … a segment begins ─► reserve $ of the day ─► acts ─► it rests

The days are those of UTC, by the database's clock. What a run reserves counts on the day on which it is reserved, until the run
rests; then what it has used of it. So no day's $ are passed, whatever happens at the same time, and a clock that is set gives
nobody a day twice: what was taken on a date stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from executor.errors import QuotaExceeded
from executor.events import QuotaGranted
from executor.run import Run
from executor.session import CEILINGS
from executor.session import ceiling_told as session_told
from executor.tenant import account

USD = "quota_usd"  # the ceiling's name
_DIGITS = 9  # of $, in sums that come out different in another order
_AGAIN_S = 10.0  # a run may have ended by then


class Quota(BaseModel):
    """What a principal may take; None is no ceiling."""

    model_config = ConfigDict(frozen=True)

    runs: int | None = Field(default=None, ge=1)  # queued or running
    usd: float | None = Field(default=None, ge=0)  # a day


NO_QUOTA = Quota()


class QuotaUse(BaseModel):
    """What a principal has taken: its runs that are queued or running, and the $ of that day."""

    model_config = ConfigDict(frozen=True)

    account: str
    day: str  # 2026-11-29, of UTC
    runs: int = 0
    used: float = 0.0  # $, by runs that rest
    reserved: float = 0.0  # $, by runs that are carried on now, used or not


@dataclass(frozen=True)
class Stint:
    """What a run took, or has reserved, on one day: of what it costs in all, the part from `base` on."""

    number: int  # among the run's
    day: str
    base: float
    usd: float
    held: bool  # reserved: not what was used in the end


def day_of(at: datetime) -> str:
    """The day of an instant."""
    return at.astimezone(UTC).date().isoformat()


def day_left_s(at: datetime) -> float:
    """How long that day still is."""
    at = at.astimezone(UTC)
    return (at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - at).total_seconds()


def check(principal: str, quota: Quota, use: QuotaUse, now: datetime) -> None:
    """Raise QuotaExceeded where the principal may begin no further run."""
    who = account(principal)
    if quota.runs is not None and use.runs >= quota.runs:
        message = f"{who} has {use.runs} runs at once, which is as many as it may have."
        raise QuotaExceeded(message, what="runs", again_in_s=_AGAIN_S, hint="Try again when one of them has ended.")
    if quota.usd is not None and use.used >= quota.usd:
        message = f"{who} has used ${use.used:g} today, which is as much as it may."
        raise QuotaExceeded(message, what="usd", again_in_s=day_left_s(now), hint="Try again tomorrow; the day is UTC's.")


def drawn(day: str, limit: float, wanted: float, used: float, own: Sequence[Stint], others: float) -> Stint:
    """What a run reserves that wants to cost so much in all, where the principal's other runs have so much of the day.

    `own` are the run's stints. What it had reserved on another day and has not used stays to it, and to that day.
    """
    last = own[-1] if own else None
    if last is not None and last.day == day:
        number, base = last.number, last.base
    elif last is not None:
        number, base = last.number + 1, max(used, last.base + last.usd) if last.held else used
    else:
        number, base = 1, used
    others += sum(s.usd for s in own if s.day == day and s.number != number)
    usd = max(min(wanted - base, limit - others), used - base, 0.0)
    return Stint(number, day, round(base, _DIGITS), round(usd, _DIGITS), held=True)


def with_stint(own: Sequence[Stint], stint: Stint) -> list[Stint]:
    """The stints of a run, with that one."""
    return [*(s for s in own if s.number != stint.number), stint]


def granted(principal: str, limit: float, stint: Stint) -> QuotaGranted:
    """The event of it."""
    return QuotaGranted(account=account(principal), day=stint.day, usd=round(stint.base + stint.usd, _DIGITS), limit=limit)


def rested(own: Sequence[Stint], used: float) -> list[Stint]:
    """The stints of a run that rests, with what it has used of each."""
    ends = [s.base for s in own[1:]] + [max(used, own[-1].base if own else 0.0)]
    return [
        Stint(s.number, s.day, s.base, round(max(min(used, end) - s.base, 0.0), _DIGITS), held=False)
        for s, end in zip(own, ends, strict=True)
    ]


def ceiling_told(run: Run, ceiling: str) -> tuple[str, str] | None:
    """Why a run ended at a ceiling that it shares with others, and what to do; None for one of its own."""
    if ceiling in CEILINGS:
        return session_told(run, ceiling)
    if ceiling != USD or run.drawn is None:
        return None
    reason = f"The ceiling {USD} of {run.drawn.account} (${run.drawn.limit:g} a day) was reached: "
    reason += "the rest of it is used today, or reserved by other runs."
    return reason, f"planrail resume {run.id} goes on when there is more left: when those have ended, or tomorrow (UTC)."
