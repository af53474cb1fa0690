"""Mask: what kind of text a text is, without the text: a format, and a template of its lines.

A template keeps the words before a colon only where the text is a trusted tool's; of a stranger's nothing but structure stays.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time

_LONGEST = 200  # characters of a text that may have a format
_MAX_LINES, _MAX_TEXT = 40, 8_000  # of a text that may have a template
VARIES: tuple[str, ...] = ()
_PATTERNS = {
    "digits": re.compile(r"\d+"),
    "number": re.compile(r"[+-]?\d+(?:[.,]\d+)*"),
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "url": re.compile(r"https?://\S+"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
_DATES = {"date": date.fromisoformat, "datetime": datetime.fromisoformat, "time": time.fromisoformat}
_SHAPES = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*"),
    "time": re.compile(r"\d\d:\d\d(?::\d\d)?"),
}
FORMATS = ("date", "datetime", "time", "digits", "number", "email", "url", "uuid")  # the narrower before the wider
_MASKS = {"digits": "num", "number": "num"}
_LABEL = re.compile(r"([A-Za-z][\w .-]{0,39}?)[ \t]*:[ \t]+(\S.*)")


def formats_of(text: str) -> frozenset[str]:
    """Every format that the text has."""
    if len(text) > _LONGEST:
        return frozenset()
    found = {name for name, pattern in _PATTERNS.items() if pattern.fullmatch(text)}
    return frozenset(found | {name for name, pattern in _SHAPES.items() if pattern.fullmatch(text) and _is(name, text)})


def _is(name: str, text: str) -> bool:
    try:
        _DATES[name](text)
    except ValueError:
        return False
    return True


def format_of(formats: frozenset[str]) -> str:
    """The narrowest of the formats; "" if there is none."""
    return next((name for name in FORMATS if name in formats), "")


def template_of(text: str, *, trusted: bool) -> tuple[str, ...]:
    """The text's lines with their values masked (`Rating: {num}`); VARIES for a text that is not made of labels and values."""
    lines = text.strip().splitlines()
    if len(text) > _MAX_TEXT or len(lines) > _MAX_LINES:
        return VARIES
    parted = [_LABEL.fullmatch(line.strip()) for line in lines]
    if not any(parted):
        return VARIES
    return tuple(
        _masked(line.strip()) if found is None else f"{found[1] if trusted else '{label}'}: {_masked(found[2].strip())}"
        for line, found in zip(lines, parted, strict=True)
    )


def _masked(text: str) -> str:
    kind = format_of(formats_of(text))
    return f"{{{_MASKS.get(kind, kind or 'text')}}}" if text else ""


def common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The template that both texts have: values of different kinds are text; VARIES where the lines themselves differ."""
    if len(one) != len(other):
        return VARIES
    lines: list[str] = []
    for a, b in zip(one, other, strict=True):
        (label, _, value), (other_label, _, other_value) = a.rpartition("{"), b.rpartition("{")
        if label != other_label:
            return VARIES
        lines.append(a if value == other_value else f"{label}{{text}}")
    return tuple(lines)
