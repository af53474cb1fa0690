"""The library's texts: the methods of strings, lines, and regular expressions on a linear-time engine (RE2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import re2

from planner.bounds import Meter
from planner.errors import BoundExceeded, ExpressionError
from planner.library.function import Arguments
from planner.values import kind

_LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_MAX_MEMORY = 2 << 20  # bytes of a compiled pattern; a larger one does not compile
_URL = r"""https?://[^\s<>"'\x60\])}]+"""
_EMAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
_LOCAL = (_URL, _EMAIL)  # patterns that never look further than their match


def lines(a: Arguments) -> list[str]:
    """The stripped lines that are not empty, those after the first that contains `after`."""
    text, after = a.text(0), a.value(1, "after")
    stripped = [line.strip() for line in _split_lines(text, a.meter)]
    if after is not None:
        wanted = a.text(1, "after")
        found = next((i for i, line in enumerate(stripped) if wanted in line), None)
        if found is None:
            raise ExpressionError(f"No line contains {wanted[:60]!r}")
        stripped = stripped[found + 1 :]
    return [line for line in stripped if line]


def splitlines(a: Arguments) -> list[str]:
    return _split_lines(a.text(0), a.meter)


def _split_lines(text: str, meter: Meter) -> list[str]:
    meter.read(2 * len(text))
    meter.elements(1 + sum(text.count(end) for end in _LINE_ENDS))
    return text.splitlines()


def split(a: Arguments) -> list[str]:
    text, separator, most = a.text(0), a.value(1, "sep"), a.integer(2, "maxsplit", -1)
    if separator is not None and not a.text(1, "sep"):
        raise ExpressionError("split() needs a separator that is not empty")
    a.meter.read(2 * len(text))
    allowed = a.meter.operations_left + 1
    parts = text.split(separator, allowed if most < 0 else min(most, allowed))
    a.meter.elements(len(parts))
    return parts


def join(a: Arguments) -> str:
    separator, parts = a.text(0), [t.value for t in a.elements(1)]
    for part in parts:
        if not isinstance(part, str):
            raise ExpressionError(f"join() joins texts, not {kind(part)}", hint="Use str(x) for x in the list.")
    a.meter.text(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


def replace(a: Arguments) -> str:
    text, old, new = a.text(0), a.text(1), a.text(2)
    a.meter.read(len(text))
    count, most = text.count(old), a.integer(3, "count", -1)
    times = count if most < 0 else min(count, most)
    a.meter.text(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, times)


def simple(method: Callable[[str], str]) -> Callable[[Arguments], str]:
    """A method of str that gives a text at most three times as long."""

    def call(a: Arguments) -> str:
        a.meter.text(len(a.text(0)))
        return method(a.text(0))

    return call


def stripped(method: Callable[[str, str | None], str]) -> Callable[[Arguments], str]:
    """strip, lstrip or rstrip."""

    def call(a: Arguments) -> str:
        characters = None if a.value(1) is None else a.text(1)
        a.meter.read(len(a.text(0)) + len(characters or ""))
        return method(a.text(0), characters)

    return call


def affix(method: Callable[[str, str], bool]) -> Callable[[Arguments], bool]:
    """startswith or endswith; a list of texts means any of them."""

    def call(a: Arguments) -> bool:
        affixes = a.value(1) if isinstance(a.value(1), list) else [a.value(1)]
        a.meter.work(len(affixes))
        for candidate in affixes:
            if not isinstance(candidate, str):
                raise a.unfit("a text", candidate)
        return any(method(a.text(0), candidate) for candidate in affixes)

    return call


def urls(a: Arguments) -> list[str]:
    found = (m.group(0).rstrip(".,;:!?") for m in _matches(_compiled(_URL), a.text(0), a.meter))
    return list(dict.fromkeys(found))


def emails(a: Arguments) -> list[str]:
    return list(dict.fromkeys(m.group(0) for m in _matches(_compiled(_EMAIL), a.text(0), a.meter)))


def findall(a: Arguments) -> list[str] | list[list[str]]:
    """re.findall(): whole matches, or the one group, or a list of the groups."""
    pattern, text = _pattern(a), a.text(1)
    if pattern.groups == 0:
        return [m.group(0) for m in _matches(pattern, text, a.meter)]
    if pattern.groups == 1:
        return [m.group(1) or "" for m in _matches(pattern, text, a.meter)]
    a.meter.work(pattern.groups)
    return [[g or "" for g in m.groups()] for m in _matches(pattern, text, a.meter)]


def sub(a: Arguments) -> str:
    r"""re.sub(): `\1` and `\g<name>` in the replacement stand for groups."""
    pattern, template, text = _pattern(a), _template(a.text(1)), a.text(2)
    parts: list[str] = []
    end = 0
    for match in _matches(pattern, text, a.meter):
        parts += [text[end : match.start()], *(_expanded(match, part) for part in template)]
        a.meter.text(sum(map(len, parts[-1 - len(template) :])))
        end = match.end()
    parts.append(text[end:])
    a.meter.text(sum(map(len, parts)))
    return "".join(parts)


def _template(text: str) -> list[str | int]:
    """Literal texts, and groups by number or (as a text that starts with a backslash) by name."""
    pieces: list[str | int] = []
    for piece in re.split(r"(\\\d{1,2}|\\g<\w+>|\\\\|\\n|\\t)", text):
        if re.fullmatch(r"\\\d+", piece):
            pieces.append(int(piece[1:]))
        elif piece.startswith("\\g<"):
            pieces.append(int(piece[3:-1]) if piece[3:-1].isdigit() else "\\" + piece[3:-1])
        else:
            pieces.append({"\\\\": "\\\\", "\\n": "\n", "\\t": "\t"}.get(piece, piece))
    return pieces


def _expanded(match: re2._Match, part: str | int) -> str:
    if isinstance(part, str) and not part.startswith("\\"):
        return part
    if part == "\\\\":
        return "\\"
    try:
        return match.group(part if isinstance(part, int) else part[1:]) or ""
    except (IndexError, KeyError, re2.error):
        raise ExpressionError(f"The pattern has no group {part}") from None


def _pattern(a: Arguments) -> re2._Regexp:
    pattern = a.text(0)
    if len(pattern) > a.meter.bounds.pattern:
        raise BoundExceeded(f"A pattern has more than {a.meter.bounds.pattern:,} characters")
    a.meter.work(len(pattern))
    try:
        return _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else error.args[0]
        hint = "Look-around and back-references are not supported."
        raise ExpressionError(f"The pattern {pattern[:80]!r} cannot be used: {reason}", hint=hint) from None


@lru_cache(maxsize=32)
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    return re2.compile(pattern, options)


def _matches(pattern: re2._Regexp, text: str, meter: Meter) -> Iterator[re2._Match]:
    """The matches from left to right. A search may read all the rest, so it is charged for that, by the pattern's size."""
    meter.read(len(text))
    weight = 20 + pattern.programsize
    meter.work(1 + len(text) * weight // _CHARACTERS_AN_OPERATION)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ExpressionError("The text holds half a character (a lone surrogate)") from None
    for match in pattern.finditer(text):
        rest = 0 if pattern.pattern in _LOCAL else len(text) - match.end()
        meter.elements(1 + rest * weight // _CHARACTERS_AN_OPERATION)
        yield match


_CHARACTERS_AN_OPERATION = 20_000  # instructions of a pattern times characters that take as long as a node's visit
