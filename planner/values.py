"""Values: what expressions compute with. JSON values, sets that keep their order, dates and datetimes; nothing else.

Lists that share parts may be exponentially larger than they look, so whatever walks a value asks the meter on the way.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from datetime import date, datetime
from typing import Any

from planner.bounds import BOUNDS, Bounds, Meter
from planner.clock import as_datetime
from planner.errors import BoundExceeded, ExpressionError
from planner.labels import Tagged
from planner.toolspec import Json

Value = Any  # None, bool, int, float, str, list, dict with string keys, OrderedSet, date or datetime

_EXACT = 2**53  # from here on a float stands for several whole numbers


class OrderedSet:
    """A set that keeps the order in which its elements came. Elements are equal as `==` has it."""

    __slots__ = ("_elements",)
    __hash__ = None  # type: ignore[assignment]  # compares by content, like the lists around it

    def __init__(self, elements: Iterable[Value], meter: Meter) -> None:
        self._elements: dict[Hashable, Value] = {}
        for element in elements:
            self._elements.setdefault(identity(element, meter), element)

    def __iter__(self) -> Iterator[Value]:
        return iter(self._elements.values())

    def __len__(self) -> int:
        return len(self._elements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderedSet) and self._elements.keys() == other._elements.keys()

    def __repr__(self) -> str:
        return f"OrderedSet({list(self)!r})"

    def has(self, element: Value, meter: Meter) -> bool:
        """Whether an equal element is in the set."""
        return identity(element, meter) in self._elements


def identity(value: Value, meter: Meter) -> Hashable:
    """What equal values have in common, fit for a hash table. Numbers that collide on purpose are told apart by their text."""
    meter.work(1)
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return value if abs(value) < _EXACT or not math.isfinite(value) else hex(int(value)).encode()
        case list():
            return ("list", *(identity(v, meter) for v in value))
        case dict():
            return ("dict", frozenset((k, identity(v, meter)) for k, v in value.items()))
        case OrderedSet():
            return ("set", frozenset(identity(v, meter) for v in value))
        case date():
            return ("time", as_datetime(value))
        case _:
            raise _foreign(value)


def kind(value: Value) -> str:
    """What a person calls a value of this kind, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case OrderedSet():
            return "a set"
        case date():
            return "a time"
        case _:
            raise _foreign(value)


def is_number(value: Value) -> bool:
    """Whether the value counts; booleans do, as in Python."""
    return isinstance(value, (int, float))


def truth(tagged: Tagged) -> bool:
    """Whether the value counts as true: not null, false, zero or empty."""
    return bool(tagged.value)


def finite(number: float) -> float:
    """The number itself; raises ExpressionError when it is no JSON number."""
    if not math.isfinite(number):
        raise ExpressionError("The result is not a finite number")
    return number


def text_of(value: Value, meter: Meter) -> str:
    """The value as `str` prints it: 690.0 is 690, times are ISO 8601, containers look as in Python."""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    _write(value, meter, parts)
    return "".join(parts)


def quoted(text: str, meter: Meter) -> str:
    """The text as a literal."""
    meter.text(10 * len(text))  # the longest escape
    return repr(text)


def _write(value: Value, meter: Meter, parts: list[str]) -> None:
    meter.work(1)
    match value:
        case str():
            parts.append(quoted(value, meter))
        case list():
            _write_all(("[", "]"), value, meter, parts)
        case OrderedSet():
            _write_all(("{", "}") if len(value) else ("set(", ")"), value, meter, parts)
        case dict():
            parts.append("{")
            for i, (key, below) in enumerate(value.items()):
                parts.append((", " if i else "") + quoted(key, meter) + ": ")
                _write(below, meter, parts)
            parts.append("}")
        case _:
            parts.append(_scalar(value, meter))
    meter.text(len(parts[-1]))


def _write_all(brackets: tuple[str, str], values: Iterable[Value], meter: Meter, parts: list[str]) -> None:
    parts.append(brackets[0])
    for i, value in enumerate(values):
        if i:
            parts.append(", ")
        _write(value, meter, parts)
    parts.append(brackets[1])


def _scalar(value: Value, meter: Meter) -> str:
    match value:
        case None | bool():
            return str(value)
        case int():
            meter.integer(value.bit_length())
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
        case date():
            return value.isoformat()
        case _:
            raise _foreign(value)


def to_json(value: Value, bounds: Bounds = BOUNDS) -> Json:
    """The JSON value that leaves expressions: sets become lists, times ISO 8601. Raises ExpressionError, BoundExceeded."""
    try:
        return _to_json(value, Meter(Bounds(operations=bounds.size, characters=4 * bounds.size)))
    except RecursionError:
        raise BoundExceeded("The value nests too deep for JSON") from None


def _to_json(value: Value, meter: Meter) -> Json:
    meter.work(1)
    match value:
        case str():
            meter.read(len(value))
            return value
        case None | bool() | int():
            return value
        case float():
            return finite(value)
        case dict():
            return {k: _to_json(v, meter) for k, v in value.items()}
        case list() | OrderedSet():
            return [_to_json(v, meter) for v in value]
        case date() | datetime():
            return value.isoformat()
        case _:
            raise _foreign(value)


def _foreign(value: object) -> ExpressionError:
    return ExpressionError(f"A value of the type {type(value).__name__} cannot stand in an expression")
