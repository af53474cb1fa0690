"""Arithmetic: `+ - * / // %` on numbers, `+` and `*` on texts and lists, each asked of the meter before it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from planner.bounds import Meter
from planner.errors import ExpressionError
from planner.syntax import BinaryOp
from planner.values import Value, finite, is_number, kind

Number = int | float


def binary(op: BinaryOp, a: Value, b: Value, meter: Meter) -> Value:
    """The value of `a op b`; raises ExpressionError where there is none."""
    if is_number(a) and is_number(b):
        return _of_numbers(op, a, b, meter)
    if op == "+" and isinstance(a, str) and isinstance(b, str):
        meter.text(len(a) + len(b))
        return a + b
    if op == "+" and isinstance(a, list) and isinstance(b, list):
        meter.elements(len(a) + len(b))
        return a + b
    if op == "*" and isinstance(a, int) and isinstance(b, str | list):
        return _repeated(b, a, meter)
    if op == "*" and isinstance(b, int) and isinstance(a, str | list):
        return _repeated(a, b, meter)
    raise ExpressionError(f"`{op}` is not defined for {kind(a)} and {kind(b)}", hint=_hint(op, a, b))


def unary(op: str, a: Value) -> Value:
    """`-a` or `+a`."""
    if not is_number(a):
        raise ExpressionError(f"`{op}` is not defined for {kind(a)}")
    return -a if op == "-" else +a


def _of_numbers(op: BinaryOp, a: Number, b: Number, meter: Meter) -> Number:
    if op == "*" and isinstance(a, int) and isinstance(b, int):
        meter.integer(a.bit_length() + b.bit_length() - 1)
    try:
        result = _NUMBERS[op](a, b)
    except ZeroDivisionError:
        raise ExpressionError("Division by zero", hint="Test the divisor first: `a / b if b else …`.") from None
    except OverflowError:
        raise ExpressionError("The result is too large for a number") from None
    if isinstance(result, float):
        return finite(result)
    meter.integer(result.bit_length())
    return result


_NUMBERS: Mapping[BinaryOp, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def _repeated(value: Value, times: int, meter: Meter) -> Value:
    size = len(value) * max(times, 0)
    if isinstance(value, str):
        meter.text(size)
    else:
        meter.elements(size)
    return value * times if size else value[:0]


def _hint(op: BinaryOp, a: Value, b: Value) -> str:
    if op == "+" and (isinstance(a, str) or isinstance(b, str)):
        return "Use str() or an f-string to put it into a text."
    if isinstance(a, date) or isinstance(b, date):
        return "Use add_time() and minutes_between()."
    if a is None or b is None:
        return "Test for null first."
    return "Use number(), int() or float() on the text." if isinstance(a, str) or isinstance(b, str) else ""
