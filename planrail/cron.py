"""Cron: when a cron expression is due next, in a time zone. Pure.

Five fields, as in Debian. A time that the clock skips in spring comes right after the gap, one that it has twice in
autumn comes once; schedules of every minute or every hour go by time that has passed (`cronsim`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from planner.errors import PlanrailError

_FIELDS = 5


class CronError(PlanrailError):
    """The expression or the zone names no times."""

    fault = "user"


def next_due(cron: str, zone: str, after: datetime) -> datetime:
    """The first due time after that moment, in UTC; raises CronError.

    >>> next_due("30 6 * * 1-5", "Europe/Berlin", datetime(2026, 11, 27, 12, 0, tzinfo=UTC)).isoformat()
    '2026-11-30T05:30:00+00:00'
    """
    if len(cron.split()) != _FIELDS:
        hint = 'Five fields: minute hour day month weekday, like "30 6 * * 1-5" for half past six on workdays.'
        raise CronError(f"{cron[:60]!r} is no cron expression.", hint=hint)
    try:
        found: datetime = next(CronSim(cron, after.astimezone(zone_of(zone))))
    except CronSimError as error:
        raise CronError(f"{cron[:60]!r} is no cron expression: {error}.", hint='Like "30 6 * * 1-5".') from None
    except StopIteration:
        raise CronError(f"{cron[:60]!r} is never due.", hint="There is no such day in any year.") from None
    return found.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; raises CronError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"There is no time zone {name[:60]!r}.", hint="Like Europe/Berlin or America/Chicago.") from None
