"""What a function returned, as the JSON value that its output schema promises, or as the failure that it is instead.

Nothing here trusts the function: a value is weighed before it is copied (a small object can unfold into gigabytes), then
validated, then written as JSON and read again, so that what leaves is plain JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from itertools import chain
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from executor.tool import FailureKind, Tool, ToolDone, ToolFailed, ToolResult

MAX_RESULT_BYTES = 16 * 1024 * 1024  # a larger result is a failure: bulk travels as artifacts
_LIGHT = 10_000  # characters and elements
MAX_DEPTH = 100  # a deeper result, or one that contains itself, is a failure
MAX_MESSAGE = 2_000  # characters of a failure's message; the rest is cut off
_NO_NUMBER = "a number that JSON does not have (NaN or infinity)"  # pydantic would make a null of it
_KINDS = frozenset(get_args(FailureKind))


def jsoned(tool: Tool, value: Any) -> ToolResult:
    """The result of a call that returned `value`; never raises for what the value is."""
    if isinstance(value, ToolFailed):
        return bounded_failure(value)
    if reason := _unfit(value):
        return ToolFailed(f"{tool.spec.name} returned {reason}.", "invalid")
    try:
        plain = tool.result.dump_python(tool.result.validate_python(value), mode="json", by_alias=True, warnings="error")
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    except ValidationError as error:
        return _undeclared(tool, first_problem(error))
    except (PydanticSerializationError, RecursionError, TypeError, ValueError) as error:
        return _undeclared(tool, _not_json(error))
    if len(text) > MAX_RESULT_BYTES:
        return ToolFailed(f"{tool.spec.name} returned {_too_many(len(text))}.", "invalid")
    given = json.loads(text)
    return _undeclared(tool, problem) if (problem := tool.misfit(given)) else ToolDone(given)


def bounded_failure(failure: ToolFailed) -> ToolFailed:
    """The failure with a bounded printable message, a known kind and a sensible wait, whatever the function put there."""
    message = str(failure.message)[:MAX_MESSAGE].encode("utf-8", "replace").decode()
    wait = failure.retry_after_s
    sensible = isinstance(wait, (int, float)) and math.isfinite(wait) and wait >= 0
    return ToolFailed(message, failure.kind if failure.kind in _KINDS else "failed", wait if sensible else None)


def first_problem(error: ValidationError) -> str:
    """The first thing that pydantic says of a value, with its place."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _undeclared(tool: Tool, reason: str) -> ToolFailed:
    return bounded_failure(ToolFailed(f"{tool.spec.name} returned what it does not declare: {reason}", "invalid"))


def _not_json(error: Exception) -> str:
    match error:
        case UnicodeEncodeError():
            return "text that is no Unicode (a lone surrogate)"
        case ValueError() if "float" in str(error):
            return _NO_NUMBER
        case _:
            return "it is not JSON"


def _too_many(size: int) -> str:
    return f"{size:,} bytes; the limit is {MAX_RESULT_BYTES:,}"


def is_light(value: Any) -> bool:
    """Whether the value is so small that its conversion does not hold up an event loop."""
    return not _unfit(value, most=_LIGHT)


def _unfit(value: Any, *, most: int = MAX_RESULT_BYTES) -> str:
    """Why the value is too large, too deep, endless or no JSON number; empty when it is none of these."""
    weight = 0
    levels: list[Iterator[Any]] = [iter((value,))]
    while levels:
        item = next(levels[-1], _END)
        if item is _END:
            levels.pop()
            continue
        if isinstance(item, Iterator):
            return "an iterator, which may have no end; return a list"
        if isinstance(item, float) and not math.isfinite(item):
            return _NO_NUMBER
        weight += len(item) if isinstance(item, (str, bytes, bytearray)) else 1
        if weight > most:
            return f"more than {_too_many(MAX_RESULT_BYTES)}"
        if (below := _below(item)) is not None:
            if len(levels) > MAX_DEPTH:
                return f"more than {MAX_DEPTH} levels of nesting, or a value that contains itself"
            levels.append(below)
    return ""


_END = object()


def _below(item: Any) -> Iterator[Any] | None:
    match item:
        case str() | bytes() | bytearray() | int() | float() | None:
            return None
        case Mapping():
            return chain(item.keys(), item.values())
        case Sequence() | Set():
            return iter(item)
        case BaseModel():
            return chain(vars(item).values(), (item.model_extra or {}).values())
        case _ if is_dataclass(item) and not isinstance(item, type):
            return iter([getattr(item, f.name, None) for f in fields(item)])
        case _:
            return None
