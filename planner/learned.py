"""Learned: the shape of what a tool returns, made of what it has returned: kinds, keys, formats; no values of strangers.

Results are a stranger's text. Of their keys only identifiers of at most 40 characters are kept, and shown once they stood in
three calls; an object with other keys, or with ever new ones, is a mapping keyed by data. Of their values nothing stays but
kinds and formats; constants, and the words of a text's template, only from fields that the tool vouches for. A shape is
bounded, whatever comes.

What was seen merges in any order, by any process: counts add up. It shows a planner what to expect and lets the checker warn;
it proves nothing, so no certificate hangs on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from typing import Any

from pydantic import TypeAdapter

from planner.mask import VARIES, common, format_of, formats_of, template_of
from planner.shape import ANYTHING, Shape, either, type_of
from planner.toolspec import Json, ToolSpec, Trust

ESTABLISHED = 3  # calls; what stood in fewer is not shown
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_MAX_KEYS = 40  # of an object that are told apart; further ones make it a mapping
_MAX_DEPTH = 6
_MAX_NODES = 400  # of a shape
_LOOKED_AT = 500  # values of one result
_ELEMENTS = 20  # of a list
_MAX_CONSTANTS, _LONGEST_CONSTANT = 5, 40
_WORDS = 600  # characters of a shape as a prompt shows it
_KINDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What stood at one place of a tool's results, in `calls` of them.

    `keys` are those that are told apart; `others` what stood under any other key. Of strings, `formats` are those that all of
    them had, None before there was one; `constants` counts each value of a trusted field, None where there are many or any may
    be a stranger's; `template` is that of all of them.
    """

    calls: int = 1
    kinds: tuple[str, ...] = ()
    keys: Mapping[str, Seen] = field(default_factory=dict)
    others: Seen | None = None
    items: Seen | None = None
    formats: frozenset[str] | None = None
    constants: Mapping[str, int] | None = None
    template: tuple[str, ...] | None = None
    partly: bool = False  # something below was not looked at, or is forgotten

    @property
    def known(self) -> Mapping[str, Seen]:
        """The keys that may be shown, in the order of their names."""
        return {key: seen for key, seen in sorted(self.keys.items()) if seen.calls >= ESTABLISHED}

    @property
    def keyed_by_data(self) -> bool:
        """Whether its keys are values: most of them were never seen twice, or are no identifiers."""
        strangers = len(self.keys) - len(self.known)
        return self.others is not None or (self.calls >= ESTABLISHED and strangers > len(self.known))


def observed(value: Json, spec: ToolSpec) -> Seen:
    """What one result of the tool tells."""
    trusted = spec.labels.get("") == "trusted"
    return _Look(spec.labels).at(value, "", trusted=trusted, depth=0)


class _Look:
    """One look at one result; it ends after so many values."""

    def __init__(self, labels: Mapping[str, Trust]) -> None:
        self._labels = labels
        self._left = _LOOKED_AT

    def at(self, value: Json, path: str, *, trusted: bool, depth: int) -> Seen:
        self._left -= 1
        trusted = self._labels.get(path, "trusted" if trusted else "untrusted") == "trusted"
        kind = type_of(value)
        match value:
            case str():
                return _text(value, trusted=trusted, whole=depth == 0)
            case list() if depth < _MAX_DEPTH:
                looks = [self.at(v, f"{path}[]", trusted=trusted, depth=depth + 1) for v in value[:_ELEMENTS] if self._left > 0]
                return Seen(kinds=(kind,), items=_together(looks), partly=len(looks) < min(len(value), _ELEMENTS))
            case dict() if depth < _MAX_DEPTH:
                return self._object(value, path, trusted=trusted, depth=depth)
            case _:
                return Seen(kinds=(kind,), partly=isinstance(value, list | dict) and bool(value))

    def _object(self, value: Mapping[str, Json], path: str, *, trusted: bool, depth: int) -> Seen:
        keys: dict[str, Seen] = {}
        others: list[Seen] = []
        for key, part in value.items():
            if self._left <= 0:
                break
            below = key if not path else f"{path}.{key}"
            seen = self.at(part, below, trusted=trusted, depth=depth + 1)
            if len(keys) < _MAX_KEYS and _KEY.fullmatch(key):
                keys[key] = seen
            else:
                others.append(seen)
        partly = len(keys) + len(others) < len(value)
        return Seen(kinds=("object",), keys=keys, others=_together(others), partly=partly)


def _text(text: str, *, trusted: bool, whole: bool) -> Seen:
    constant = trusted and 0 < len(text) <= _LONGEST_CONSTANT and text.isprintable()
    return Seen(
        kinds=("string",),
        formats=formats_of(text) if text else None,
        constants={text: 1} if constant else None,
        template=template_of(text, trusted=trusted) if whole else VARIES,
    )


@cache
def _json() -> TypeAdapter[Seen]:
    return TypeAdapter(Seen)


def to_json(seen: Seen) -> str:
    """As it is stored."""
    return _json().dump_json(seen, exclude_defaults=True).decode()


def from_json(text: str) -> Seen:
    """What `to_json` wrote."""
    return _json().validate_json(text)


# -- together

_Count = Callable[[int, int], int]


def merged(one: Seen, other: Seen) -> Seen:
    """What both have seen, in different calls."""
    return _bounded(_merge(one, other, int.__add__))


def _together(looks: Iterable[Seen]) -> Seen | None:
    """What stood at several places of one call: it counts as one."""
    listed = list(looks)
    return reduce(lambda a, b: _merge(a, b, max), listed) if listed else None


def _merge(a: Seen, b: Seen, count: _Count) -> Seen:
    keys, others = _keys(a, b, count)
    return Seen(
        calls=count(a.calls, b.calls),
        kinds=tuple(sorted({*a.kinds, *b.kinds})),
        keys=keys,
        others=others,
        items=_either(a.items, b.items, count),
        formats=b.formats if a.formats is None else a.formats if b.formats is None else a.formats & b.formats,
        constants=_constants(a, b),
        partly=a.partly or b.partly,
        template=b.template if a.template is None else a.template if b.template is None else common(a.template, b.template),
    )


def _keys(a: Seen, b: Seen, count: _Count) -> tuple[dict[str, Seen], Seen | None]:
    """The keys of both; those beyond the bound, the rarest, with the others."""
    both = {key: _either(a.keys.get(key), b.keys.get(key), count) for key in (*a.keys, *(k for k in b.keys if k not in a.keys))}
    ranked = sorted(((key, seen) for key, seen in both.items() if seen is not None), key=lambda each: (-each[1].calls, each[0]))
    others = _either(a.others, b.others, count)
    for _, seen in ranked[_MAX_KEYS:]:
        others = _either(others, seen, max)
    return dict(sorted(ranked[:_MAX_KEYS])), others


def _either(a: Seen | None, b: Seen | None, count: _Count) -> Seen | None:
    return b if a is None else a if b is None else _merge(a, b, count)


def _constants(a: Seen, b: Seen) -> Mapping[str, int] | None:
    """Each value's count, as long as they are few, and all texts were short ones of a trusted field."""
    texts = [seen for seen in (a, b) if "string" in seen.kinds]
    if not texts or any(seen.constants is None for seen in texts):
        return None
    counts: dict[str, int] = {}
    for seen in texts:
        for value, times in (seen.constants or {}).items():
            counts[value] = counts.get(value, 0) + times
    return counts if len(counts) <= _MAX_CONSTANTS else None


def _bounded(seen: Seen) -> Seen:
    """The same; what is deepest is forgotten where there is too much of it."""
    for depth in range(_MAX_DEPTH, 0, -1):
        if _nodes(seen) <= _MAX_NODES:
            break
        seen = _cut(seen, depth)
    return seen


def _nodes(seen: Seen) -> int:
    return 1 + sum(_nodes(below) for below in (*seen.keys.values(), seen.others, seen.items) if below is not None)


def _cut(seen: Seen, depth: int) -> Seen:
    """Without what stands deeper."""
    if depth == 0:
        return replace(seen, keys={}, others=None, items=None, partly=True)
    below: dict[str, Any] = {"keys": {key: _cut(part, depth - 1) for key, part in seen.keys.items()}}
    for name, part in (("others", seen.others), ("items", seen.items)):
        below[name] = None if part is None else _cut(part, depth - 1)
    return replace(seen, **below)


# -- as the planner and the checker have it


def words(seen: Seen) -> str:
    """The shape in the words of a prompt, of bounded length; "" while too few calls were seen."""
    if seen.calls < ESTABLISHED:
        return ""
    told = [_told(seen, depth) for depth in range(_MAX_DEPTH, -1, -1)]
    return next((text for text in told if len(text) <= _WORDS), "any")


def _told(seen: Seen, depth: int) -> str:
    return " | ".join(_of_kind(seen, kind, depth) for kind in _kinds(seen)) or "any"


def _kinds(seen: Seen) -> list[str]:
    """The kinds, null last; whole numbers are numbers where there were others."""
    kinds = [k for k in seen.kinds if not (k == "integer" and "number" in seen.kinds)]
    return sorted(kinds, key=lambda kind: kind == "null")


def _of_kind(seen: Seen, kind: str, depth: int) -> str:
    match kind:
        case "array":
            return "[…]" if depth == 0 else f"[{'any' if seen.items is None else _told(seen.items, depth - 1)}]"
        case "object":
            return "{…}" if depth == 0 else _object_told(seen, depth)
        case "string":
            return _string_told(seen)
        case _:
            return _KINDS[kind]


def _object_told(seen: Seen, depth: int) -> str:
    if seen.keyed_by_data:
        value = _values(seen)
        return f"{{str: {'any' if value is None else _told(value, depth - 1)}}}"
    parts = [f"{key}: {_told(below, depth - 1)}" for key, below in seen.known.items()]
    more = [] if len(seen.known) == len(seen.keys) and not seen.partly else ["…"]
    return "{" + ", ".join([*parts, *more]) + "}" if parts else "{…}"


def _values(seen: Seen) -> Seen | None:
    """What stands under any key of a mapping, in no more calls than the mapping itself."""
    value = seen.others
    for part in seen.keys.values():
        value = _either(value, part, lambda a, b: min(a + b, seen.calls))
    return value


def _string_told(seen: Seen) -> str:
    if seen.template and seen.calls >= ESTABLISHED:
        return f"str like {json.dumps(chr(10).join(seen.template), ensure_ascii=False)}"
    name = format_of(seen.formats or frozenset())
    if name:
        return name if name in ("date", "datetime") else f"str ({name})"
    constants = seen.constants or {}
    if constants and all(times >= ESTABLISHED for times in constants.values()):
        return " | ".join([*(json.dumps(value, ensure_ascii=False) for value in sorted(constants)), "str"])
    return "str"


def shape_of(seen: Seen) -> Shape:
    """The shape as the checker reads it. Narrower than the truth may be: for warnings."""
    if seen.calls < ESTABLISHED:
        return ANYTHING
    return either(*(_shape(seen, kind) for kind in _kinds(seen))) if seen.kinds else ANYTHING


def _shape(seen: Seen, kind: str) -> Shape:
    match kind:
        case "array":
            return {"type": "array", "items": ANYTHING if seen.items is None or seen.partly else _below(seen.items)}
        case "object" if seen.partly:
            return {"type": "object"}
        case "object" if seen.keyed_by_data:
            value = _values(seen)
            return {"type": "object", "additionalProperties": ANYTHING if value is None else _below(value)}
        case "object":
            every = {key: _below(below) for key, below in seen.keys.items()}
            return {"type": "object", "properties": every, "additionalProperties": False}
        case "string":
            name = {"date": "date", "datetime": "date-time"}.get(format_of(seen.formats or frozenset()))
            return {"type": "string", "format": name} if name else {"type": "string"}
        case _:
            return {"type": kind}


def _below(seen: Seen) -> Shape:
    """A part of an established shape: it may have been seen more rarely."""
    return either(*(_shape(seen, kind) for kind in _kinds(seen))) if seen.kinds else ANYTHING


def vague(shape: Shape | None) -> bool:
    """Whether a declared shape says so little of a result that one is learned: nothing, or just an object or a list."""
    if shape is None or not shape:
        return True
    match shape.get("type"):
        case "object":
            return not shape.get("properties") and not isinstance(shape.get("additionalProperties"), Mapping)
        case "array":
            return "prefixItems" not in shape and vague(shape.get("items"))
        case None:
            return not any(key in shape for key in ("properties", "enum", "const", "anyOf", "oneOf", "allOf"))
        case _:
            return False
