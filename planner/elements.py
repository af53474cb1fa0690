"""Elements: what one gets by iterating a value, each with its labels; and how targets take values apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from planner.bounds import Meter
from planner.errors import ExpressionError
from planner.labels import NO_LABEL, Label, Labels, Tagged, list_labels
from planner.syntax import Target, target_names
from planner.values import OrderedSet, Value, is_number, kind


def elements(tagged: Tagged, meter: Meter) -> list[Tagged]:
    """The elements of a list or set, the keys of an object, the characters of a text. Raises ExpressionError for others."""
    value, labels = tagged.value, tagged.labels
    match value:
        case list() | OrderedSet():
            meter.elements(len(value))
            if not labels.keys:
                same = labels.child(0)
                return [Tagged(v, same) for v in value]
            return [Tagged(v, labels.child(i)) for i, v in enumerate(value)]
        case dict():
            meter.elements(len(value))
            name = key_labels(labels)
            return [Tagged(k, name) for k in value]
        case str():
            meter.elements(len(value))
            whole = Labels.of(labels.whole())
            return [Tagged(c, whole) for c in value]
        case _:
            raise ExpressionError(f"A list is wanted here, not {kind(value)}", hint=_hint(value))


def key_labels(labels: Labels) -> Labels:
    """The labels of the keys of an object with these labels."""
    return Labels.of(labels.top())


def listed(items: Sequence[Tagged], *, own: Label = NO_LABEL, shape: Label = NO_LABEL) -> Tagged:
    """The list of these elements. The caller has asked the meter."""
    return Tagged([t.value for t in items], list_labels([t.labels for t in items], own=own, shape=shape))


def bind_target(target: Target, tagged: Tagged) -> dict[str, Tagged]:
    """The names that a target binds to a value and its parts. Raises ExpressionError when it does not come apart so."""
    if isinstance(target, str):
        return {target: tagged}
    value = tagged.value
    if not isinstance(value, list):
        raise ExpressionError(f"{_names(target)} take a list apart, not {kind(value)}")
    if len(value) != len(target):
        raise ExpressionError(f"{_names(target)} take {len(target)} values, the list has {len(value)}")
    bound: dict[str, Tagged] = {}
    for i, part in enumerate(target):
        bound |= bind_target(part, Tagged(value[i], tagged.labels.child(i)))
    return bound


def _names(target: Target) -> str:
    return f"The names {', '.join(target_names(target))}"


def _hint(value: Value) -> str:
    if value is None:
        return "It may be null: write `x or []`."
    if isinstance(value, date):
        return ""
    return "Use range() to count." if is_number(value) else ""
