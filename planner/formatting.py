"""Formatting: what an f-string prints. Widths and precisions are asked of the meter first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from planner.bounds import Meter
from planner.clock import format_moment
from planner.errors import BoundExceeded, ExpressionError
from planner.labels import NO_LABEL, Label, Tagged
from planner.syntax import Expr, Field
from planner.values import Value, is_number, kind, quoted, text_of

_SPEC = re.compile(
    r"(?:.?[<>=^])?[-+ ]?z?#?0?(?P<width>[0-9]+)?(?P<group>[,_])?(?:\.(?P<precision>[0-9]+))?(?P<type>[sdbBoxXeEfFgG%])?",
    re.DOTALL,
)
_MAX_SPEC = 64  # characters of a format; no sensible one is longer
_MAX_DIGITS = 400  # digits after the point; a double has no more to say


def written(
    parts: Sequence[str | Field],
    scope: Mapping[str, Tagged],
    evaluate: Callable[[Expr, Mapping[str, Tagged]], Tagged],
    meter: Meter,
) -> tuple[str, Label]:
    """The text of an f-string's parts, and the label of what its fields gave."""
    texts: list[str] = []
    label = NO_LABEL
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        of = evaluate(part.value, scope)
        spec, spec_label = written(part.spec, scope, evaluate, meter)
        label = label.join(of.labels.whole()).join(spec_label)
        texts.append(formatted(_converted(part, of.value, meter), spec, meter))
    meter.text(sum(map(len, texts)))
    return "".join(texts), label


def _converted(part: Field, value: Value, meter: Meter) -> Value:
    match part.conversion:
        case "":
            return value
        case "s":
            return text_of(value, meter)
        case "r":
            return quoted(value, meter) if isinstance(value, str) else text_of(value, meter)
        case "a":
            text = quoted(value, meter) if isinstance(value, str) else text_of(value, meter)
            meter.text(10 * len(text))
            return text.encode("ascii", "backslashreplace").decode("ascii")


def formatted(value: Value, spec: str, meter: Meter) -> str:
    """The value as `format` writes it; without a specification as `str` does. Raises ExpressionError where it does not fit."""
    if not spec:
        return text_of(value, meter)
    if isinstance(value, date):
        return format_moment(value, spec)
    match = _SPEC.fullmatch(spec) if len(spec) <= _MAX_SPEC else None
    if match is None:
        raise ExpressionError(f"`{spec[:_MAX_SPEC]}` is no format", hint="Formats look like `.2f`, `,`, `>10`, `%H:%M`.")
    if not isinstance(value, str) and not is_number(value):
        raise ExpressionError(f"{kind(value).capitalize()} takes no format", hint="Use str() first.")
    return _format(value, spec, match, meter)


def _format(value: str | float, spec: str, match: re.Match[str], meter: Meter) -> str:
    precision = int(match["precision"] or 0)
    if is_number(value) and precision > _MAX_DIGITS:
        raise BoundExceeded(f"A number is printed with at most {_MAX_DIGITS} digits")
    plain = match["type"] is None and match["precision"] is None
    if isinstance(value, float) and plain and value.is_integer() and abs(value) < 1e16:
        value = int(value)  # 690.0 prints as 690
    size = len(value) if isinstance(value, str) else 2 * meter.bounds.bits + precision
    if isinstance(value, int):
        meter.integer(value.bit_length())
    meter.text(max(size, int(match["width"] or 0)))
    try:
        return format(value, spec)
    except (ValueError, OverflowError):
        raise ExpressionError(f"The format `{spec}` does not fit {kind(value)}") from None
