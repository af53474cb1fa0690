"""Parts: JSON values as parts of A2A messages and artifacts, and back. Pure.

A data part is a protobuf `Value`, whose numbers are doubles: an integer that a double does not hold travels as a string.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from a2a.types.a2a_pb2 import Part
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from planner.toolspec import Json

TEXT, JSON = "text/plain", "application/json"
_EXACT = 2**53  # integers beyond are no doubles
DEEPEST = 28  # levels of a JSON value: an object's is three messages of protobuf, whose parsers refuse at 100


def text_part(text: str, *, media_type: str = "", filename: str = "") -> Part:
    """A text, without the halves of characters, which UTF-8 has no bytes for."""
    return Part(text=text.encode("utf-8", "replace").decode(), media_type=media_type, filename=filename)


def data_part(value: Json) -> Part:
    """A JSON value; as a text part of JSON where it is nested too deeply for a data part."""
    try:
        return Part(data=ParseDict(exact(value), Value()), media_type=JSON)
    except (ValueError, RecursionError):
        return text_part(json.dumps(value, ensure_ascii=False), media_type=JSON)


def answer_parts(value: Json, modes: Iterable[str]) -> list[Part]:
    """An answer as the client takes it: a text as text; anything else as data, or as JSON in text where it takes text alone."""
    accepted = set(modes)
    if isinstance(value, str):
        return [text_part(value)] if not accepted or TEXT in accepted or JSON not in accepted else [data_part(value)]
    if not accepted or JSON in accepted:
        return [data_part(value)]
    return [text_part(json.dumps(value, ensure_ascii=False, indent=2))]


def plain(value: Json) -> Json:
    """The value where only data may stand; as JSON in a text where it is nested too deeply."""
    try:
        return exact(value)
    except RecursionError:
        return json.dumps(value, ensure_ascii=False)


def exact(value: Json) -> Json:
    """The value with strings for the integers that a double does not hold. Raises RecursionError for one nested too deeply."""
    return _exact(value, 0)


def _exact(value: Json, depth: int) -> Json:
    if depth > DEEPEST:
        raise RecursionError
    match value:
        case dict():
            return {_clean(str(key)): _exact(item, depth + 1) for key, item in value.items()}
        case list():
            return [_exact(item, depth + 1) for item in value]
        case str():
            return _clean(value)
        case int() if abs(value) > _EXACT:
            return str(value)
        case _:
            return value


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def json_of(part: Part) -> Json:
    """The JSON value of a data part: numbers without a fraction are integers."""
    value: Json = MessageToDict(part.data)
    return value
