"""Closed: types of which no value can be somebody's words: booleans, numbers, enumerations, and what is made of them alone."""

from __future__ import annotations

from collections.abc import Mapping

from planner.labels import NO_LABEL, Key, Label, Labels
from planner.shape import ANYTHING, ARRAY, Shape, branches, types_of

_CLOSED = frozenset(("boolean", "number", "integer", "null"))


def closed(shape: Shape) -> bool:
    """Whether every value of the declared type is one of a closed type."""
    if "enum" in shape or "const" in shape:
        return True
    alternatives = branches(shape)
    if alternatives:
        return all(closed(a) for a in alternatives)
    found = types_of(shape)
    return found is not None and all(_closed(kind, shape) for kind in found)


def _closed(kind: str, shape: Shape) -> bool:
    match kind:
        case "array":
            items = shape.get("items")
            return "prefixItems" not in shape and isinstance(items, Mapping) and closed(items)
        case "object":
            parts = shape.get("properties", {}).values()
            return shape.get("additionalProperties") is False and all(closed(p) for p in parts)
        case _:
            return kind in _CLOSED


def open_label(labels: Labels, shape: Shape) -> Label:
    """What the open parts of a value stem from, where `shape` is its declared type; how long a list is, is a number."""
    whole = labels.whole()
    if not (whole.untrusted or whole.chosen_by_untrusted):
        return whole
    if closed(shape):
        return NO_LABEL
    made = labels.shape.as_choice() if types_of(shape) == ARRAY else labels.shape
    found = labels.own.join(made)
    for key, below in labels.keys.items():
        found = found.join(open_label(below, _part(shape, key)))
    return found if labels.each is None else found.join(open_label(labels.each, _part(shape, None)))


def _part(shape: Shape, key: Key | None) -> Shape:
    """The declared type of what stands at a key, or (None) at those that are not named."""
    if branches(shape):
        return ANYTHING
    part: object = None
    if isinstance(key, str):
        part = shape.get("properties", {}).get(key, shape.get("additionalProperties"))
    elif types_of(shape) == ARRAY and "prefixItems" not in shape:
        part = shape.get("items")
    return part if isinstance(part, Mapping) else ANYTHING
