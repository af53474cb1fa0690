"""FeedText: the lines of a file in whatever encoding they are, each of bounded length.

UTF-8 with or without a mark, UTF-16 with one, and lines of Windows-1252 between others, as feeds have them that several
systems have put together. A line of UTF-8 that was taken for Windows-1252 once (`MÃ¼nchen`) is put right, too.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

MAX_LINE = 64 * 1024  # characters; of a longer line only the beginning is looked at
_SHOWN = 200
_MISREAD = re.compile(r"[ÂÃ][\u0080-\u00bf\u0152-\u0178\u02c6\u02dc\u2013-\u2122]|â€")
_UNREADABLE = re.compile(r"[\ud800-\udfff]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Line(NamedTuple):
    """A line with its end, as far as it has one. `mended`: it was not the encoding that it should have been."""

    number: int
    text: str
    mended: bool = False
    too_long: bool = False


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """The file's lines from its beginning, numbered from 1."""
    encoding = _encoding(file)
    source = io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")
    try:
        number = 0
        while text := source.readline(MAX_LINE):
            number += 1
            too_long = len(text) == MAX_LINE and not text.endswith(("\n", "\r"))
            if too_long:
                _skip(source)
                yield Line(number, text[:_SHOWN], too_long=True)
            else:
                yield Line(number, *mended(text))
    finally:
        with suppress(ValueError):  # the file may be closed by now
            source.detach()


def text_blocks(file: BinaryIO, size: int) -> Iterator[str]:
    """The file's text in pieces; what cannot be decoded is there as surrogates, which `mended` understands."""
    source = io.TextIOWrapper(file, encoding=_encoding(file), errors="surrogateescape", newline="")
    try:
        while block := source.read(size):
            yield block
    finally:
        with suppress(ValueError):  # the file may be closed by now
            source.detach()


def mended(text: str) -> tuple[str, bool]:
    """The text in its right encoding, and whether it had another one."""
    if _UNREADABLE.search(text):
        content = text.encode("utf-8", "surrogateescape")
        return content.decode("cp1252", "replace"), True
    if _MISREAD.search(text):
        try:
            return text.encode("cp1252").decode("utf-8"), True
        except UnicodeError:
            return text, False
    return text, False


def _encoding(file: BinaryIO) -> str:
    head = file.read(4)
    file.seek(0)
    return "utf-16" if head[:2] in _UTF_16 else "utf-8-sig"


def _skip(source: io.TextIOWrapper) -> None:
    """To the end of the line."""
    while (rest := source.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
        pass
