"""Characters: what a script's text may hold, and in which form it is read."""

from __future__ import annotations

import re

from planner.diagnostic import Diagnostic

_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def normal(text: str) -> str:
    """The text with lines that end in a line feed alone, and no byte order mark."""
    return line_feeds(text).removeprefix("\ufeff")


def line_feeds(text: str) -> str:
    """The text with lines that end in a line feed alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def refused_character(text: str, first_line: int) -> Diagnostic | None:
    """What is said of a character that no script may hold: a control, a lone surrogate, one that hides the reading order."""
    if text.isascii() and text.isprintable():
        return None
    found = _REFUSED.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    line, column = before.count("\n"), found.start() - (before.rfind("\n") + 1)
    code = ord(found[0])
    if 0xD800 <= code < 0xE000:
        message, hint = f"U+{code:04X} is half a character: the text is no Unicode.", "Send it as UTF-8."
    else:
        name = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
        message, hint = f"The character U+{code:04X} cannot be seen.", f"In a string write it as {name}."
    return Diagnostic(code="character", line=first_line + line, column=column + 1, text="", message=message, hint=hint)
