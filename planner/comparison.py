"""Comparison: when two values are equal, and which comes first. As in Python, but a time compares with an ISO text too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from planner.bounds import Meter
from planner.clock import Moment, as_datetime, parse_iso
from planner.errors import ExpressionError
from planner.syntax import CompareOp
from planner.values import OrderedSet, Value, is_number, kind


def equal(a: Value, b: Value, meter: Meter) -> bool:
    """Whether two values are equal; the meter is asked for every pair of parts."""
    meter.work(1)
    pending = [(a, b)]
    while pending:
        x, y = pending.pop()
        if isinstance(x, list) and isinstance(y, list):
            if len(x) != len(y):
                return False
            meter.work(len(x))
            pending.extend(zip(x, y, strict=True))
        elif isinstance(x, dict) and isinstance(y, dict):
            if x.keys() != y.keys():
                return False
            meter.work(len(x))
            pending.extend((v, y[k]) for k, v in x.items())
        elif not _equal_leaves(x, y, meter):
            return False
    return True


def _equal_leaves(a: Value, b: Value, meter: Meter) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        if len(a) != len(b):
            return False
        meter.read(len(a))
        return a == b
    if is_number(a) and is_number(b):
        return bool(a == b)
    if isinstance(a, OrderedSet) and isinstance(b, OrderedSet):
        return len(a) == len(b) and all(b.has(v, meter) for v in a)
    moments = _moments(a, b)
    if moments is not None:
        return as_datetime(moments[0]) == as_datetime(moments[1])
    return a is None and b is None


def order(a: Value, b: Value, meter: Meter) -> int:
    """Negative, zero or positive as `a` comes before, with or after `b`. Raises ExpressionError where there is no order."""
    meter.work(1)
    if is_number(a) and is_number(b):
        return int(a > b) - int(a < b)
    if isinstance(a, str) and isinstance(b, str):
        meter.read(min(len(a), len(b)))
        return int(a > b) - int(a < b)
    if isinstance(a, list) and isinstance(b, list):
        return _order_of_lists(a, b, meter)
    moments = _moments(a, b)
    if moments is not None:
        one, other = as_datetime(moments[0]), as_datetime(moments[1])
        return int(one > other) - int(one < other)
    raise ExpressionError(f"{kind(a).capitalize()} and {kind(b)} have no order", hint=_hint(a, b))


def contains(container: Value, element: Value, meter: Meter) -> bool:
    """`element in container`."""
    match container:
        case str():
            if not isinstance(element, str):
                raise ExpressionError(f"A text cannot contain {kind(element)}", hint="Use str().")
            meter.read(len(container) + len(element))
            return element in container
        case list():
            return any(equal(element, v, meter) for v in container)
        case dict():
            if isinstance(element, list | dict | OrderedSet):
                raise ExpressionError(f"The keys of an object are texts, not {kind(element)}")
            return isinstance(element, str) and element in container
        case OrderedSet():
            return container.has(element, meter)
        case _:
            raise ExpressionError(f"Nothing is `in` {kind(container)}")


COMPARE: Mapping[CompareOp, Callable[[Value, Value, Meter], bool]] = {
    "==": equal,
    "!=": lambda a, b, meter: not equal(a, b, meter),
    "<": lambda a, b, meter: order(a, b, meter) < 0,
    "<=": lambda a, b, meter: order(a, b, meter) <= 0,
    ">": lambda a, b, meter: order(a, b, meter) > 0,
    ">=": lambda a, b, meter: order(a, b, meter) >= 0,
    "in": lambda a, b, meter: contains(b, a, meter),
    "not in": lambda a, b, meter: not contains(b, a, meter),
}


def _order_of_lists(a: list[Value], b: list[Value], meter: Meter) -> int:
    for x, y in zip(a, b, strict=False):
        if not equal(x, y, meter):
            return order(x, y, meter)
    return len(a) - len(b)


def _moments(a: Value, b: Value) -> tuple[Moment, Moment] | None:
    """Both as moments, if one is a time and the other a time or an ISO text."""
    if not (isinstance(a, date) or isinstance(b, date)):
        return None
    one = parse_iso(a) if isinstance(a, str) else a
    other = parse_iso(b) if isinstance(b, str) else b
    return (one, other) if isinstance(one, date) and isinstance(other, date) else None


def _hint(a: Value, b: Value) -> str:
    if a is None or b is None:
        return "Test for null first: `x if x is not None else …`."
    if (isinstance(a, str) and is_number(b)) or (is_number(a) and isinstance(b, str)):
        return "Use number(), int() or float() on the text."
    return "Use time() on the text." if isinstance(a, date) or isinstance(b, date) else ""
