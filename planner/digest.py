"""Digest: what a value is like, in few words, for a planner that may not read what strangers wrote.

Of trusted values it shows clipped text; of untrusted ones kinds, counts, ranges and formats, never their text. A key is shown
where it is known from a schema, or where nobody untrusted has decided it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from planner.labels import Tagged
from planner.toolspec import Json

MOST = 400  # characters of one value's digest; the rest is cut off
_TEXT = 60  # characters of a trusted text
_EXAMPLES = 3  # different trusted texts of a list
_SAMPLE = 20  # elements of a list that are looked at
_KEYS = 20  # of an object that are shown
_DEPTH = 4
_FORMATS = (
    ("a date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("a moment", re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?")),
    ("a number", re.compile(r"-?\d+(\.\d+)?")),
    ("an address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("a link", re.compile(r"https?://\S+")),
)


def digest_of(*values: Tagged, known: frozenset[str]) -> str:
    """What all the values are like, in at most MOST characters; `known` are keys that stand in schemas."""
    return clipped(_told(values, known, _DEPTH), MOST)


def clipped(text: str, most: int) -> str:
    """The text on one line, at most so long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _told(samples: Sequence[Tagged], known: frozenset[str], depth: int) -> str:
    """What all the samples are like, said once."""
    kinds: dict[str, list[Tagged]] = {}
    for sample in samples:
        kinds.setdefault(_kind(sample.value), []).append(sample)
    return " or ".join(_of_kind(kind, found, known, depth) for kind, found in kinds.items())


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case dict():
            return "object"
        case date() | datetime():
            return "date"
        case _:
            return "list"


def _of_kind(kind: str, found: Sequence[Tagged], known: frozenset[str], depth: int) -> str:
    match kind:
        case "bool":
            return " or ".join(sorted({str(t.value) for t in found}))
        case "number":
            low, high = min(t.value for t in found), max(t.value for t in found)
            return f"{low:g}" if low == high else f"{low:g} to {high:g}"
        case "text":
            return _texts(found)
        case "list":
            return _lists(found, known, depth)
        case "object":
            return _objects(found, known, depth)
        case _:
            return kind


def _texts(found: Sequence[Tagged]) -> str:
    if any(t.labels.whole().untrusted for t in found):
        sizes = [len(t.value) for t in found]
        size = f"{sizes[0]}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
        formats = {_format(t.value) for t in found}
        return f"text, {formats.pop()}" if len(formats) == 1 and "" not in formats else f"text of {size} characters"
    shown = [json.dumps(clipped(t.value, _TEXT), ensure_ascii=False) for t in found]
    different = list(dict.fromkeys(shown))
    more = " or …" if len(different) > _EXAMPLES else ""
    return " or ".join(different[:_EXAMPLES]) + more


def _format(text: str) -> str:
    return next((name for name, pattern in _FORMATS if pattern.fullmatch(text)), "")


def _lists(found: Sequence[Tagged], known: frozenset[str], depth: int) -> str:
    listed = [list(t.value) for t in found]
    sizes = [len(each) for each in listed]
    count = f"{sizes[0]}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
    elements = [Tagged(v, t.labels.child(i)) for t, each in zip(found, listed, strict=True) for i, v in _sample(each)]
    if not elements or depth == 0:
        return f"[{count}]"
    return f"[{count} × {_told(elements, known, depth - 1)}]"


def _sample(values: Sequence[Json]) -> Iterable[tuple[int, Json]]:
    """Some elements from all over the list, with their places."""
    step = max(len(values) // _SAMPLE, 1)
    return [(i, values[i]) for i in range(0, len(values), step)][:_SAMPLE]


def _objects(found: Sequence[Tagged], known: frozenset[str], depth: int) -> str:
    keys = list(dict.fromkeys(key for t in found for key in t.value))
    hidden = any(t.labels.top().untrusted for t in found)
    shown = [k for k in keys if not hidden or k in known][:_KEYS]
    if depth == 0:
        return f"{{{len(keys)} keys}}"
    parts = []
    for key in shown:
        values = [Tagged(t.value[key], t.labels.child(key)) for t in found if key in t.value]
        sometimes = "" if len(values) == len(found) else "?"
        parts.append(f"{clipped(str(key), _TEXT)}{sometimes}: {_told(values, known, depth - 1)}")
    left = len(keys) - len(shown)
    if left:
        parts.append(f"{left} more keys" if parts else f"{left} keys")
    return "{" + ", ".join(parts) + "}"
