"""JsonFeed: the objects of a JSON file, a list or one a line, read in pieces. A broken one costs itself, no neighbour."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from packs.listings.columns import field_of
from packs.listings.feed_text import lines_of, mended, text_blocks
from packs.listings.listing import Reason, Record

MAX_OBJECT = 64 * 1024  # characters of one; a longer one is broken
_BLOCK = 128 * 1024
_GAP_LENGTH = 200  # between two objects, at most
_SHOWN = 500
_GAP = re.compile(r"[\s,]*")
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")  # where another object begins, after one that could not be read
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def json_records(file: BinaryIO) -> Iterator[Record]:
    """Every object as a record. In a list `line` counts the elements."""
    return _listed(file) if first_character(file) == "[" else _lined(file)


def first_character(file: BinaryIO) -> str:
    """The first one that is no space; the file is at its beginning again."""
    first = next(text_blocks(file, 1_000), "").lstrip()[:1]
    file.seek(0)
    return first


def _lined(file: BinaryIO) -> Iterator[Record]:
    for line in lines_of(file):
        if line.too_long:
            yield Record(line.number, reason="too_long", text=line.text)
        elif line.text.strip():
            whole = line.text.endswith(("\n", "\r"))
            yield _record(line.number, line.text.strip(), broken="not_json" if whole else "cut_off", misread=line.mended)


def _listed(file: BinaryIO) -> Iterator[Record]:
    blocks = text_blocks(file, _BLOCK)
    text, at, number, ended = next(blocks).lstrip()[1:], 0, 0, False
    while True:
        if len(text) - at < MAX_OBJECT and not ended:
            more = next(blocks, "")
            text, at, ended = text[at:] + more, 0, not more
            continue
        at = _GAP.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if at >= len(text) or text[at] == "]":
            if at >= len(text):
                yield Record(number + 1, reason="cut_off")
            return
        number += 1
        try:
            _, end = _DECODER.raw_decode(text, at)
            if end - at > MAX_OBJECT:
                raise ValueError("too long")
            yield _record(number, text[at:end], broken="not_json")
        except (ValueError, RecursionError):
            shown, skipped = mended(text[at : at + _SHOWN])[0], len(text) - at
            following = _NEXT.search(text, at + 1)
            while following is None and not ended:
                more = next(blocks, "")
                text, at, ended, skipped = text[-_GAP_LENGTH:] + more, 0, not more, skipped + len(more)
                following = _NEXT.search(text)
            reason: Reason = "too_long" if skipped > 2 * MAX_OBJECT + _BLOCK else "not_json"
            yield Record(number, reason=reason if following is not None else "cut_off", text=shown)
            if following is None:
                return
            end = following.end()
        at = end


def _record(number: int, written: str, *, broken: Reason, misread: bool = False) -> Record:
    text, was_misread = mended(written)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return Record(number, reason=broken, text=text[:_SHOWN])
    if not isinstance(value, dict):
        return Record(number, reason="not_json", text=text[:_SHOWN])
    return Record(number, _cells(value), repaired=("encoding",) if misread or was_misread else ())


def _cells(value: dict[str, Any]) -> dict[str, str]:
    """What has a field, also one level down: `{"address": {"street": …}}`."""
    cells: dict[str, str] = {}
    for name, part in value.items():
        for key, scalar in part.items() if isinstance(part, dict) else ((name, part),):
            field = field_of(key)
            if field and field not in cells and isinstance(scalar, str) and scalar.strip():
                cells[field] = scalar
    return cells
