"""Typed replies: the one JSON value in a model's text, checked against the schema that was asked for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import relevance
from referencing import Registry

from planner.errors import ModelError
from planner.toolspec import Json, JsonSchema
from planner.usage import NO_USAGE, Usage

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 64
_MAX_STARTS = 64  # places of prose that are tried as the beginning of a document
_MAX_COMPLAINTS = 5
_OPENING = re.compile(r"[{\[]")
_FENCE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)


class ModelReplyInvalid(ModelError):
    """The reply is no JSON value of the schema. The message is written for the model: send it back for one repair."""

    def __init__(self, message: str, *, usage: Usage = NO_USAGE) -> None:
        super().__init__(message, usage=usage)


def parse_json_reply(text: str, schema: JsonSchema) -> Json:
    """The value in a reply: bare, in a code fence, or with prose around it. Raises ModelReplyInvalid.

    Where several documents stand in the text, the one that fits the schema is meant; when two different ones fit, none is.
    """
    if len(text) > MAX_CHARACTERS:
        raise ModelReplyInvalid(f"Your reply has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}.")
    documents = _documents(text)
    if not documents:
        raise ModelReplyInvalid(_why_no_document(text))
    validator = Draft202012Validator(
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry()
    )  # an empty registry: a schema's reference fetches nothing
    fitting = [d for d in documents if validator.is_valid(d)]
    if not fitting:
        raise ModelReplyInvalid(_complaint(validator.iter_errors(documents[0])))
    if any(d != fitting[0] for d in fitting[1:]):
        raise ModelReplyInvalid("Your reply holds several JSON documents that fit. Answer with one and nothing else.")
    return fitting[0]


def read_object(text: str) -> dict[str, Json]:
    """The JSON object that the text is, nothing before or after it; raises ModelReplyInvalid."""
    if len(text) > MAX_CHARACTERS:
        raise ModelReplyInvalid(f"The arguments have {len(text):,} characters; the limit is {MAX_CHARACTERS:,}.")
    try:
        value = _checked(_DECODER.decode(text.strip() or "{}"))
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise ModelReplyInvalid(f"The arguments are no valid JSON: {where}.") from None
    except (ValueError, RecursionError) as error:
        raise ModelReplyInvalid(f"The arguments cannot be read: {str(error)[:200]}.") from None
    if not isinstance(value, dict):
        raise ModelReplyInvalid("The arguments are no JSON object.")
    return value


def _documents(text: str) -> list[Json]:
    """The JSON documents of the text: the whole of it, else what its fences hold, else what stands in its prose."""
    whole = _loads(text)
    fenced = [d for found in _FENCE.findall(text) for d in _loads(found)] if not whole else []
    return whole or fenced or list(_embedded(text))


def _loads(text: str) -> list[Json]:
    try:
        return [_checked(_DECODER.decode(text.strip()))]
    except (ValueError, RecursionError):
        return []


def _embedded(text: str) -> Iterator[Json]:
    """Objects and lists that stand in prose, from left to right, none inside another."""
    position = 0
    for _ in range(_MAX_STARTS):
        if (opening := _OPENING.search(text, position)) is None:
            return
        position = opening.end()
        try:
            value, position = _DECODER.raw_decode(text, opening.start())
            yield _checked(value)
        except (ValueError, RecursionError):
            continue


def _checked(value: Json) -> Json:
    """The value, if it can be kept: not too deep, its text encodable."""
    level, depth = [value], 0
    while level := [child for parent in level for child in _children(parent)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _children(value: Json) -> Iterable[Json]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_constant)


def _why_no_document(text: str) -> str:
    demand = "Answer with one JSON document and nothing else."
    if not text.strip():
        return f"Your reply is empty. {demand}"
    start = _OPENING.search(text)
    if start is None:
        return f"There is no JSON document in your reply. {demand}"
    try:
        _checked(_DECODER.raw_decode(text, start.start())[0])
    except json.JSONDecodeError as error:
        return f"Your reply is no valid JSON: {error.msg} at line {error.lineno}, column {error.colno}. {demand}"
    except (ValueError, RecursionError) as error:
        return f"The JSON in your reply cannot be read: {str(error)[:200]}. {demand}"
    return f"There is no whole JSON document in your reply. {demand}"


def _complaint(errors: Iterable[ValidationError]) -> str:
    worst = sorted(islice(errors, 100), key=relevance, reverse=True)[:_MAX_COMPLAINTS]
    lines = "\n".join(f"- at {_path(e)}: {_short(e.message)}" for e in worst)
    return f"Your reply does not fit the schema:\n{lines}\nAnswer with the whole corrected JSON document and nothing else."


def _path(error: ValidationError) -> str:
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:120]} … {message[-79:]}"
