"""Quota: how much each principal may ask of this house: requests a minute, runs at once, $ a day. All doors ask here.

    [auth.limits]                               # of each principal that has none of its own
    requests_per_minute = 600
    runs = 8
    usd_per_day = 20.0

    [auth.limits.principals.night_shift]        # what it does not name stays as above
    usd_per_day = 100.0

Requests are counted by each process alone, as they come in; runs and $ in the database, over all processes and tenants
(`executor.quota`). Whoever is at the machine itself (`local`) has no limits unless it is named.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from executor.line import Window
from executor.quota import Quota, QuotaUse
from executor.submission import Principal
from executor.tenant import account
from planner.errors import PlanrailError
from planner.toolspec import Json
from planrail.limit_settings import LimitSettings, PrincipalLimits

_REMEMBERED = 10_000  # principals whose requests are counted
_LOCAL = Principal().id


class TooManyRequests(PlanrailError):
    """The principal has sent as many requests within a minute as it may."""

    fault = "user"

    def __init__(self, message: str, *, again_in_s: float) -> None:
        super().__init__(message, hint=f"Try again in {retry_after(again_in_s)} seconds.")
        self.again_in_s = again_in_s


class Quotas:
    """The limits of all principals, and the requests that each has sent to this process."""

    def __init__(self, settings: LimitSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._usual = PrincipalLimits(**settings.model_dump(exclude={"principals"}))
        self._clock = clock
        self._windows: dict[str, Window] = {}

    def limits(self, principal: str) -> PrincipalLimits:
        """Those of a principal, by its id in whatever tenant."""
        who = account(principal)
        own = self._settings.principals.get(who)
        usual = PrincipalLimits() if who == _LOCAL else self._usual
        return usual if own is None else usual.model_copy(update=own.model_dump(exclude_unset=True))

    def quota(self, principal: str) -> Quota:
        """What the database holds it to."""
        limits = self.limits(principal)
        return Quota(runs=limits.runs, usd=limits.usd_per_day)

    def runs(self, principal: str) -> int | None:
        """How many of its runs run at once."""
        return self.limits(principal).runs

    def usd_a_day(self, principal: str) -> float | None:
        """How much its runs may cost on a day."""
        return self.limits(principal).usd_per_day

    def admit(self, principal: str) -> None:
        """Count a request; raises TooManyRequests. One that is refused does not count."""
        most, who, now = self.limits(principal).requests_per_minute, account(principal), self._clock()
        if most is None:
            return
        window = self._windows.pop(who, None) or Window(most)
        self._windows[who] = window
        if len(self._windows) > _REMEMBERED:
            del self._windows[next(iter(self._windows))]
        wait_s = window.wait_s(now)
        if wait_s > 0:
            raise TooManyRequests(f"{who} has sent {most} requests within a minute.", again_in_s=wait_s)
        window.count(now)


def retry_after(seconds: float) -> int:
    """What the header `Retry-After` says."""
    return max(math.ceil(seconds), 1)


def quotas_told(limits: PrincipalLimits, use: QuotaUse | None = None) -> dict[str, Json]:
    """What a principal is told of its limits, and of what it has taken of them. Numbers are texts, and none is null."""
    told: dict[str, Json] = {
        "requestsPerMinute": _text(limits.requests_per_minute),
        "runsAtOnce": _text(limits.runs),
        "usdPerDay": _text(limits.usd_per_day),
    }
    if use is not None:
        told["taken"] = {"day": use.day, "runs": str(use.runs), "usd": f"{use.used:g}", "usdReserved": f"{use.reserved:g}"}
    return told


def _text(number: float | None) -> str | None:
    return None if number is None else f"{number:g}" if isinstance(number, float) else str(number)
