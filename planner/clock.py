"""Clock: the time that expressions see, and how texts are read as moments.

The run's journal fixes `now`, so that a resumed run sees the same time. A moment is a `date` or a `datetime`; a naive one
counts as UTC wherever two are compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

from planner.errors import ExpressionError

Moment = date | datetime

_MAX_TEXT = 64  # no form of a date is longer
_DATES = ("%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p", "%I:%M%p", "%I%p")
_DIRECTIVE = re.compile(r"%(-?[A-Za-z%])|[^%]+|%", re.DOTALL)
_ALLOWED = frozenset("YymdHMSfpIjaAbBzZ%")
_MAX_PATTERN = 200


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of one run; `now` is what `now()` gives and `today()` is its date."""

    now: datetime


def parse_iso(text: str) -> Moment | None:
    """The date or datetime of an ISO 8601 text, or None."""
    text = text.strip()
    if not 8 <= len(text) <= _MAX_TEXT or not text[:4].isdigit():
        return None
    try:
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def parse_moment(text: str, clock: Clock) -> Moment:
    """The moment of a text in ISO 8601 or a common form; a time alone is today's. Raises ExpressionError."""
    moment = parse_iso(text)
    if moment is None and len(text) <= _MAX_TEXT:
        moment = _time_today(text.strip(), clock) or _common(" ".join(text.replace(",", " ").split())) or _mail(text)
    if moment is None:
        raise ExpressionError(f"{text[:60]!r} is not a time", hint="Write it like 2026-01-31T09:30.")
    return moment


def _time_today(text: str, clock: Clock) -> datetime | None:
    for form in _TIMES:
        parsed = _strptime(text.upper(), form)
        if parsed is not None:
            return datetime.combine(clock.now.date(), parsed.time(), clock.now.tzinfo)
    return None


def _common(text: str) -> Moment | None:
    for day in _DATES:
        parsed = _strptime(text, day)
        if parsed is not None:
            return parsed.date()
    forms = (f"{day} {hour}" for day in ("%Y-%m-%d", *_DATES) for hour in _TIMES)
    return next((parsed for form in forms if (parsed := _strptime(text, form)) is not None), None)


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007  # naive is meant: the text names no zone
    except ValueError:
        return None


def _mail(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def as_datetime(moment: Moment) -> datetime:
    """The moment with a zone: a date is its midnight, a naive time counts as UTC."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def format_moment(moment: Moment, pattern: str) -> str:
    """The moment as `strftime` writes it; `%-d` and the like leave out the leading zero. Raises ExpressionError."""
    if len(pattern) > _MAX_PATTERN:
        raise ExpressionError(f"A time's format has more than {_MAX_PATTERN} characters")
    return _DIRECTIVE.sub(lambda m: _directive(m, moment), pattern)


def _directive(match: re.Match[str], moment: Moment) -> str:
    directive = match[1]
    if directive is None and match[0] != "%":
        return match[0]
    if directive is None or directive[-1] not in _ALLOWED:
        raise ExpressionError(f"`{match[0]}` is no directive of a time's format", hint="Known: %Y %m %d %H %M %S %B %A %p.")
    if directive[-1] == "Y":
        return f"{moment.year:04d}"
    written = moment.strftime(f"%{directive[-1]}")
    return written.lstrip("0") or "0" if directive.startswith("-") else written
