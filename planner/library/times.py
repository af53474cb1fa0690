"""The library's times; the clock is the run's."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from planner.clock import Moment, as_datetime, format_moment, parse_iso, parse_moment
from planner.errors import ExpressionError
from planner.library.function import Arguments

_PARSING = 100  # operations that reading a time in an unusual form is worth


def today(a: Arguments) -> date:
    return a.clock.now.date()


def now(a: Arguments) -> datetime:
    return a.clock.now


def time(a: Arguments) -> datetime:
    """time(): a text or a date as a datetime."""
    moment = _moment(a, 0)
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001


def minutes_between(a: Arguments) -> int | float:
    """minutes_between(): negative when the second is earlier."""
    minutes = (as_datetime(_moment(a, 1)) - as_datetime(_moment(a, 0))).total_seconds() / 60
    return int(minutes) if minutes.is_integer() else minutes


def add_time(a: Arguments) -> Moment:
    """add_time(): a date stays a date as long as whole days are added."""
    moment = _moment(a, 0)
    days, hours, minutes = (a.number(1, unit) for unit in ("days", "hours", "minutes"))
    try:
        step = timedelta(days=days, hours=hours, minutes=minutes)
        if isinstance(moment, datetime) or step.seconds == step.microseconds == 0:
            return moment + step
        return datetime(moment.year, moment.month, moment.day) + step  # noqa: DTZ001  # a date has no zone
    except OverflowError:
        raise ExpressionError("The time is out of the calendar") from None


def format_time(a: Arguments) -> str:
    written = format_moment(_moment(a, 0), a.text(1))
    a.meter.text(len(written))
    return written


def _moment(a: Arguments, index: int) -> Moment:
    value = a.value(index)
    if isinstance(value, date):
        return value
    text = a.text(index)
    moment = parse_iso(text)
    if moment is None:
        a.meter.work(_PARSING)
        return parse_moment(text, a.clock)
    return moment
