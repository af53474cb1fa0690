"""The library's numbers: sum, round, abs, range and conversions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal

from planner.errors import BoundExceeded, ExpressionError
from planner.library.function import Arguments
from planner.toolspec import Json
from planner.values import finite, is_number, kind, text_of

_MAX_DIGITS = 400  # decimal places asked of round(); a double has no more
_NUMBER = re.compile(
    r"(?<![\w.,])[-−]?\s?[$€£¥]?\s?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
)


def total(a: Arguments) -> int | float:
    """The sum; floats are added as the decimals they were written as."""
    values = [t.value for t in a.elements(0)]
    for value in values:
        if not is_number(value):
            hint = "Use number() on the text." if isinstance(value, str) else ""
            raise ExpressionError(f"sum() adds numbers, not {kind(value)}", hint=hint)
    if all(isinstance(v, int) for v in values):
        whole = sum(int(v) for v in values)
        a.meter.integer(whole.bit_length())
        return whole
    return _decimal_sum(values)


def _decimal_sum(values: Sequence[int | float]) -> int | float:
    try:
        result = finite(math.fsum(values))
    except (OverflowError, ValueError):
        raise ExpressionError("The sum is too large for a number") from None
    result = round(result, max(_decimals(v) for v in values if isinstance(v, float)))
    return int(result) if result.is_integer() and abs(result) < 2**53 else result


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def rounded(a: Arguments) -> int | float:
    number, digits = a.number(0), a.value(1, "ndigits")
    if digits is None:
        return round(number)
    if not isinstance(digits, int):
        raise a.unfit("a whole number of digits", digits)
    if abs(digits) > _MAX_DIGITS:
        raise BoundExceeded(f"round() takes at most {_MAX_DIGITS} digits")
    try:
        return round(number, digits)
    except OverflowError:
        raise ExpressionError("The rounded number is too large") from None


def absolute(a: Arguments) -> int | float:
    return abs(a.number(0))


def counted(a: Arguments) -> list[int]:
    """range(): the whole numbers themselves, counted before they are made."""
    first = a.integer(0)
    start, stop = (0, first) if len(a.positional) == 1 else (first, a.integer(1))
    step = a.integer(2, default=1)
    if step == 0:
        raise ExpressionError("range() cannot count in steps of 0")
    numbers = range(start, stop, step)
    a.meter.elements(max(0, -((start - stop) // step) if step > 0 else -((stop - start) // -step)))
    return list(numbers)


def integer(a: Arguments) -> int:
    value = a.value(0)
    if is_number(value):
        return int(finite(value)) if isinstance(value, float) else int(value)
    text = a.text(0).strip()
    _check_digits(a, text)
    try:
        return int(text)
    except ValueError:
        raise _no_number("a whole number", text) from None


def floating(a: Arguments) -> float:
    value = a.value(0)
    try:
        return finite(float(value if is_number(value) else _checked(a, a.text(0))))
    except ValueError:
        raise _no_number("a number", a.text(0)) from None
    except OverflowError:
        raise ExpressionError("The number is too large") from None


def boolean(a: Arguments) -> bool:
    return bool(a.value(0))


def string(a: Arguments) -> str:
    return text_of(a.value(0, default=""), a.meter)


def number_in(a: Arguments) -> int | float:
    """number(): the first number of a text, after the given words."""
    value = a.value(0)
    if is_number(value):
        return value  # type: ignore[no-any-return]  # is_number has looked
    text, after = a.text(0), a.text(1, "after")
    a.meter.read(2 * len(text))
    start = text.find(after)
    if start < 0:
        raise ExpressionError(f"The text does not contain {after[:60]!r}")
    match = _NUMBER.search(text, start + len(after))
    if match is None:
        raise ExpressionError(f"No number in {text[start : start + 60]!r}")
    digits = re.sub(r"[^\d.]", "", match[0])
    _check_digits(a, digits)
    sign = -1 if match[0][0] in "-−" else 1
    return sign * (finite(float(digits)) if "." in digits else int(digits))


def _checked(a: Arguments, text: str) -> str:
    _check_digits(a, text)
    return text


def _check_digits(a: Arguments, text: str) -> None:
    a.meter.integer(int(3.33 * len(text)))
    a.meter.read(len(text))


def _no_number(wanted: str, text: Json) -> ExpressionError:
    return ExpressionError(f"{text[:60]!r} is not {wanted}", hint="number() finds a number inside a text.")
