"""Phrases: the day and time in words as they were spoken into a recogniser or half typed. Pure.

What looks like a date and is not understood makes the phrase unclear: nothing is booked on a guess.
"""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime, timedelta

from packs.frontdesk.arguments import When

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {
    "mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6,
    "mondays": 0, "tuesdays": 1, "wednesdays": 2, "thursdays": 3, "fridays": 4, "saturdays": 5, "sundays": 6,
}  # fmt: skip
_FIGURES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: number for number, word in enumerate(_FIGURES, 1)}
_NO_DAY = frozenset(("today", "yesterday", "someday", "midday", "noonday", "workday", "payday", "birthday"))
_CLOSE = 0.8
_REFUSING = frozenset(
    ("not", "except", "cant", "cannot", "wont", "never", "no", "instead", "rather", "but")
)  # soon before a day
_PARTS = {
    "first thing": ("00:00", "10:00"),
    "morning": ("00:00", "12:00"), "lunch": ("11:30", "13:30"), "lunchtime": ("11:30", "13:30"),
    "afternoon": ("12:00", "17:00"), "after work": ("17:00", "24:00"), "evening": ("17:00", "24:00"),
    "tonight": ("17:00", "24:00"),
}  # fmt: skip
_GREETING = re.compile(
    r"\bgood (morning|afternoon|evening)\b|\b(since|called|rang|texted)( \w+){0,2} (this|yesterday|last) \w+"
)
_MENDED = re.compile(r"\b(?:no wait|wait no|i mean|scratch that|sorry no|or actually|no actually|actually)\b")
_TIME = r"(\d{1,2})(?:[: ]?([0-5]\d))?(?: ?(am|pm|a m|p m|o ?clock))?\b"
_BETWEEN = re.compile(rf"\b(?:between|from) {_TIME} (?:and|to|till|until) {_TIME}")
_AFTER = re.compile(rf"\b(?:after|past|from|later than|not before) {_TIME}")
_BEFORE = re.compile(rf"(?<!not )\b(?:before|by|until|till|earlier than) {_TIME}")
_ABOUT = re.compile(rf"\b(?:around|about|like|roughly) {_TIME}|\b(\d{{1,2}}) ?ish\b")
_AT = re.compile(rf"\bat {_TIME}|\b(\d{{1,2}})(?:[: ]?([0-5]\d))? ?(am|pm|a m|p m|o ?clock)\b")
_STRANGE = re.compile(
    r"\b\d{1,2}(st|nd|rd|th)\b|\b\d{1,2}[/.-]\d{1,2}\b|\b(january|february|april|june|july|august|september|october|november|"
    r"december|jan|feb|apr|jun|jul|aug|sept|oct|nov|dec)\b|\b(week ?end|in (a|\d+) (days?|weeks?|months?)|half past|quarter)\b"
)


def when_of(text: str, said: date) -> tuple[When, bool]:
    """When somebody would come who said so on that day, and whether all of it was understood.

    >>> when_of("uh tuesday no wait wensday after four pls", date(2026, 11, 29))[0]
    When(first='', last='', weekdays=[2], after='16:00', before='24:00')
    """
    flat = plain(text)
    days, clocks = flat, flat
    for later in [flat[m.end() :] for m in _MENDED.finditer(flat)]:  # who mends what he said means the latter
        days = later if _tells_days(later) else days
        clocks = later if _span(later) != ("00:00", "24:00") else clocks
    first, last, weekdays = _days(days, said)
    after, before = _span(clocks)
    several = 1 < len(weekdays) < 5 and not re.search(r"\b(or|either|and)\b", days)
    clear = after < before and not several and not _STRANGE.search(flat)
    return When(first=first, last=last, weekdays=weekdays, after=after, before=before), clear


def plain(text: str) -> str:
    """The words alone: small, with numbers as figures."""
    flat = re.sub(r"[^\w:/.' -]+", " ", text.lower()).replace("'", "").replace("a.m", "am").replace("p.m", "pm")
    words = [_figures(w.strip(".-:")) for w in flat.split()]
    return _GREETING.sub(" ", " ".join(w for w in words if w not in ("", "uh", "um", "er", "uhm", "hmm")))


def fits(when: When, start: str) -> bool:
    """Whether a slot's start (2026-12-01T16:00) is what was asked for."""
    day, _, clock = start.partition("T")
    if (when.first and day < when.first) or (when.last and day > when.last) or not when.after <= clock < when.before:
        return False
    return not when.weekdays or datetime.fromisoformat(start).weekday() in when.weekdays


def tells_when(flat: str) -> bool:
    """Whether a plain text says something of a day or a time."""
    return _tells_days(flat) or _span(flat) != ("00:00", "24:00")


def _figures(word: str) -> str:
    if word == "thirty":
        return "30"
    return str(_NUMBERS[word]) if word in _NUMBERS else word


def _weekday(word: str) -> int | None:
    if word in _DAYS:
        return _DAYS.index(word)
    if word in _SHORT or len(word) < 5 or word in _NO_DAY:
        return _SHORT.get(word)
    near = difflib.get_close_matches(word, _DAYS, n=1, cutoff=_CLOSE)
    return _DAYS.index(near[0]) if near else None


def _tells_days(flat: str) -> bool:
    return bool(re.search(r"\b(today|tonight|tomorrow|tmrw|tmw|2morrow|(this|next) week)\b", flat)) or any(
        _weekday(w) is not None for w in flat.split()
    )


def _days(flat: str, said: date) -> tuple[str, str, list[int]]:
    """The first day, the last one, and the weekdays."""
    monday = said + timedelta(days=7 - said.weekday())  # of the next week
    words = flat.split()
    wanted, refused = set[int](), set[int]()
    for at, word in enumerate(words):
        if (day := _weekday(word)) is None:
            continue
        before = words[max(0, at - 3) : at]
        if before[-1:] in (["or"], ["and"]) and len(before) > 1 and _weekday(before[-2]) in refused:  # not Monday or Friday
            refused.add(day)
        elif before[-1:] == ["no"] and wanted:  # Tuesday, no, Wednesday
            wanted = {day}
        else:
            (refused if _REFUSING & set(before) else wanted).add(day)
    if refused and not wanted:
        wanted = set(range(7)) - refused
    first, last = "", ""
    if re.search(r"\bday after (tomorrow|tmrw|tmw)\b", flat):
        first = last = (said + timedelta(days=2)).isoformat()
    elif re.search(r"\b(tomorrow|tmrw|tmw|2morrow)\b", flat):
        first = last = (said + timedelta(days=1)).isoformat()
    elif re.search(r"\b(today|tonight)\b", flat):
        first = last = said.isoformat()
    elif re.search(r"\bnext week\b", flat) or any(f"next {w}" in flat for w in words if _weekday(w) is not None):
        first, last = monday.isoformat(), (monday + timedelta(days=6)).isoformat()
    elif re.search(r"\bthis week\b", flat):
        last = (monday - timedelta(days=1)).isoformat()
    return first, last, sorted(wanted - refused)


def _span(flat: str) -> tuple[str, str]:
    """The time of the day from which and before which somebody would come."""
    after, before = "00:00", "24:00"
    for part, (begins, ends) in _PARTS.items():
        if re.search(rf"\b{part}s?\b", flat):
            after, before = max(after, begins), min(before, ends)
    if found := _BETWEEN.search(flat):
        return max(after, _clock(*found.groups()[:3])), min(before, _clock(*found.groups()[3:]))
    if found := _AFTER.search(flat):
        after = max(after, _clock(*found.groups()))
    if found := _BEFORE.search(flat):
        before = min(before, _clock(*found.groups()))
    if found := _ABOUT.search(flat):
        hour, minute, half, ish = found.groups()
        middle = _clock(hour or ish, minute, half)
        return max(after, _shifted(middle, -60)), min(before, _shifted(middle, 61))
    if not _AFTER.search(flat) and not _BEFORE.search(flat) and (found := _AT.search(flat)):
        exact = _clock(*found.groups()[:3]) if found[1] else _clock(*found.groups()[3:])
        return exact, _shifted(exact, 1)
    return after, before


def _clock(hour: str, minute: str | None, half: str | None) -> str:
    """A time of the day; without am or pm, what a house is open at: seven in the morning till seven in the evening."""
    number, half = int(hour) % 24, (half or "").replace(" ", "")
    if (half == "pm" and number < 12) or (half not in ("am", "pm") and 1 <= number < 7):
        number += 12
    elif half == "am" and number == 12:
        number = 0
    return f"{number:02}:{minute or '00'}"


def _shifted(clock: str, minutes: int) -> str:
    total = min(max(int(clock[:2]) * 60 + int(clock[3:]) + minutes, 0), 24 * 60)
    return f"{total // 60:02}:{total % 60:02}"
