"""Access: reading a key, an element or a slice of a value. What it was chosen by is a choice on what is read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from planner.bounds import Meter
from planner.elements import listed
from planner.errors import ExpressionError
from planner.labels import Labels, Tagged, join_all
from planner.library import METHODS
from planner.values import Value, kind


def read_key(of: Tagged, key: str) -> Tagged:
    """`of.key`: the value at a key that the script names itself. Raises ExpressionError with the keys that there are."""
    value = of.value
    if type(value) is not dict:
        raise ExpressionError(f"{kind(value).capitalize()} has no key {key!r}", hint=_hint(key, value))
    if key not in value:
        raise _no_key(key, value)
    return Tagged(value[key], of.labels.child(key))


def read_element(of: Tagged, index: Tagged) -> Tagged:
    """`of[index]`: a key of an object, a place of a list or text. Raises ExpressionError when it is not there."""
    decided = index.labels.whole()
    match of.value, index.value:
        case dict(), str(key):
            found = read_key(of, key)
            return Tagged(found.value, found.labels.with_choice(decided))
        case ((list() | str()), int(place)):
            size = len(of.value)
            if not -size <= place < size:
                raise ExpressionError(f"There is no element {place}: there are {size}", hint="Test its length first.")
            if isinstance(of.value, str):
                return Tagged(of.value[place], Labels.of(of.labels.whole()).with_choice(decided))
            decided = decided.join(of.labels.top()) if place < 0 else decided
            return Tagged(of.value[place], of.labels.child(place % size).with_choice(decided))
        case dict(), _:
            raise ExpressionError(f"The keys of an object are texts, not {kind(index.value)}", hint="Use str() on the key.")
        case _:
            raise ExpressionError(f"{kind(of.value).capitalize()} has no element that {kind(index.value)} could name")


def read_slice(of: Tagged, lower: Tagged | None, upper: Tagged | None, meter: Meter) -> Tagged:
    """`of[lower:upper]` of a list or text; ends beyond it are its own ends, as in Python."""
    if not isinstance(of.value, list | str):
        raise ExpressionError(f"{kind(of.value).capitalize()} cannot be sliced", hint="Make a list of it: list(x).")
    given = [end for end in (lower, upper) if end is not None]
    decided = join_all(end.labels.whole() for end in given)
    places = range(len(of.value))[slice(_end(lower), _end(upper))]
    if isinstance(of.value, str):
        meter.text(len(places))
        return Tagged(of.value[places.start : places.stop], Labels.of(of.labels.whole()).with_choice(decided))
    meter.elements(len(places))
    shape = of.labels.top().join(decided)
    from_the_end = any((end.value or 0) < 0 for end in given)
    own = (shape if from_the_end else decided).as_choice()
    return listed([Tagged(of.value[i], of.labels.child(i)) for i in places], own=own, shape=shape)


def _end(end: Tagged | None) -> int | None:
    if end is None or end.value is None:
        return None
    if not isinstance(end.value, int):
        raise ExpressionError(f"A slice ends at whole numbers, not {kind(end.value)}")
    return end.value


def _no_key(key: str, value: Mapping[str, Value]) -> ExpressionError:
    there = ", ".join(k[:40] for k in islice(value, 5)) or "none"
    return ExpressionError(f"There is no key {key[:80]!r}", hint=f"There are: {there}{', …' if len(value) > 5 else ''}.")


def _hint(key: str, value: Value) -> str:
    if key in METHODS:
        return f"Call it: {METHODS[key].signature}."
    return "It may be null: test it first." if value is None else ""
