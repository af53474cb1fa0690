"""Answers: what a text means as the answer to a question, and whether a value is one. Pure.

A person at a terminal and an agent over a protocol write alike: `yes`, `3`, `Austin`, `1,3`, or JSON. A text means what
fits the question's schema; what fits in no way raises NotAnswerable, which says what would.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from executor.errors import NotAnswerable
from executor.events import Question
from planner.misfit import BadSchema, misfit
from planner.toolspec import Json

_YES = frozenset(("yes", "y", "true", "ok", "okay", "approve", "approved", "allow", "allowed"))
_NO = frozenset(("no", "n", "false", "deny", "denied", "reject", "rejected", "not approved", "not allowed"))
_NOTHING = frozenset(("null", "none"))
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}(\.0{1,400})?")
_NAME = re.compile(r"[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?\s*[:=]")
_DEEPEST = 8  # levels of a schema that are looked into
_SHOWN = 200  # characters of a message


def read_answer(question: Question, text: str) -> Json:
    """The answer that a text means; raises NotAnswerable, which says what would be one."""
    written = text.strip()
    if not written:
        raise NotAnswerable("The answer is empty.", hint=how_to_answer(question))
    schema = question.answer_schema
    for value in _meanings(schema, written, 0):
        if not _problem(value, schema):
            return value
    likeliest = next(_meanings(schema, written, 0), written)
    raise NotAnswerable(f"That does not fit: {_problem(likeliest, schema)}.", hint=how_to_answer(question))


def check_answer(question: Question, answer: Json) -> None:
    """Raise NotAnswerable unless the value is JSON and fits the question's schema."""
    try:
        json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotAnswerable("The answer is no JSON value.", hint="NaN, infinity and half characters are none.") from error
    problem = _problem(answer, question.answer_schema)
    if problem:
        raise NotAnswerable(f"The answer does not fit: {problem}.", hint=how_to_answer(question))


def how_to_answer(question: Question) -> str:
    """What to write, in a sentence."""
    if question.kind == "flow":
        return "Write yes for all, no for none, or the numbers of those that may, like 1,3."
    return f"Write {_wanted(question.answer_schema, 0)}."


def _problem(value: Json, schema: Json) -> str:
    """Why the value does not fit, in words; "" where it does."""
    if not isinstance(schema, Mapping):
        return ""
    try:
        return misfit(value, schema, formats=True)[:_SHOWN]
    except BadSchema as error:
        return f"its schema is none: {error}"[:_SHOWN]


# -- what a text may mean


def _meanings(schema: Json, text: str, depth: int) -> Iterator[Json]:
    """The values that a text may stand for, the likeliest first."""
    if not isinstance(schema, Mapping) or not schema or depth > _DEEPEST:
        yield text
        return
    if "enum" in schema or "const" in schema:
        yield from _chosen(schema["enum"] if "enum" in schema else [schema["const"]], text)
        return
    kinds = [{**schema, "type": kind} for kind in schema["type"]] if isinstance(schema.get("type"), list) else []
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *kinds]
    if parts:
        for part in sorted(parts, key=_looseness):
            yield from _meanings(part, text, depth + 1)
        return
    match schema.get("type"):
        case "boolean":
            yield from _truth(text)
        case "integer" if _WHOLE.fullmatch(text):
            yield int(text.partition(".")[0])
        case "number" if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
            yield int(text) if _WHOLE.fullmatch(text) and "." not in text else number
        case "null" if text.lower() in _NOTHING:
            yield None
        case "string":
            yield text
        case "array":
            yield from _list(schema, text, depth)
        case "object":
            yield from _record(schema, text, depth)
        case None:
            yield from _json(text)
            yield text


def _looseness(schema: Json) -> int:
    """How much may be read as this: what takes few texts is tried first."""
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return 0
    return {"object": 1, "array": 2, "string": 3, None: 4}.get(schema.get("type"), 0)


def _plain(text: str) -> str:
    return text.rstrip(" .!").lower()


def _truth(text: str) -> Iterator[Json]:
    word = " ".join(_plain(text).split())
    if word in _YES or word in _NO:
        yield word in _YES


def _chosen(choices: Sequence[Json], text: str) -> Iterator[Json]:
    """The element that is meant: by what it says, or by its number where elements are no numbers themselves."""
    yield from (c for c in choices if _said(c) == text)
    yield from (c for c in choices if _plain(_said(c)) == _plain(text))
    if bool in map(type, choices):
        yield from (truth for truth in _truth(text) if any(truth is c for c in choices))
    numbered = not any(_NUMBER.fullmatch(_said(c)) for c in choices)
    if numbered and text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= len(choices):
        yield choices[int(text) - 1]


def _said(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list(schema: Mapping[str, Json], text: str, depth: int) -> Iterator[Json]:
    """A list as JSON, or its elements on lines, or between commas."""
    yield from (value for value in _json(text) if isinstance(value, list))
    item = schema.get("items")
    separator = r"[\n]+" if "\n" in text else r"[,\s]+" if isinstance(item, Mapping) and item.get("type") == "integer" else ","
    found: list[Json] = []
    for part in (p.strip() for p in re.split(separator, text)):
        meant = next((v for v in _meanings(item, part, depth + 1) if not _problem(v, item)), part)
        if part and not (schema.get("uniqueItems") and meant in found):
            found.append(meant)
    if found:
        yield found


def _record(schema: Mapping[str, Json], text: str, depth: int) -> Iterator[Json]:
    """An object as JSON, or `name: value` on lines, or the value alone where there is one name."""
    yield from (value for value in _json(text) if isinstance(value, dict))
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return
    lines = text.splitlines() if "\n" in text else text.split(";")
    named = [(line, _NAME.match(line)) for line in map(str.strip, lines) if line]
    found = {m[1]: line[m.end() :].strip().rstrip(",;") for line, m in named if m is not None and m[1] in properties}
    if len(found) == len(named):
        yield {name: _meant(properties[name], said, depth) for name, said in found.items()}
    if len(properties) == 1:
        for name, inner in properties.items():
            yield {name: _meant(inner, text, depth)}


def _meant(schema: Json, text: str, depth: int) -> Json:
    """The likeliest value of a text that fits, else the text."""
    return next((v for v in _meanings(schema, text, depth + 1) if not _problem(v, schema)), text)


def _json(text: str) -> Iterator[Json]:
    try:
        yield json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return


def _no_number(name: str) -> Json:
    raise ValueError(name)


# -- what would be one, in words


def _wanted(schema: Json, depth: int) -> str:
    if not isinstance(schema, Mapping) or not schema or depth > _DEEPEST:
        return "your answer"
    if "enum" in schema or "const" in schema:
        choices = schema["enum"] if "enum" in schema else [schema["const"]]
        listed = ", ".join(_said(c) for c in choices[:20])
        return f"one of: {listed}{', …' if len(choices) > 20 else ''}"
    kinds = [{**schema, "type": kind} for kind in schema["type"]] if isinstance(schema.get("type"), list) else []
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *kinds]
    if parts:
        return ", or ".join(dict.fromkeys(_wanted(part, depth + 1) for part in parts))
    match schema.get("type"):
        case "boolean":
            return "yes or no"
        case "integer" | "number" as kind:
            return f"a {'whole ' if kind == 'integer' else ''}number{_between(schema)}"
        case "null":
            return "none"
        case "string":
            return f"a {schema['format']}" if isinstance(schema.get("format"), str) else "a text"
        case "array":
            return f"a list, each element on a line or between commas: {_wanted(schema.get('items'), depth + 1)}"
        case "object":
            return _wanted_record(schema, depth)
    return f"JSON that fits {json.dumps(schema, ensure_ascii=False)[:_SHOWN]}"


def _between(schema: Mapping[str, Json]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    from_to = "" if least is None else f" from {least}"
    return from_to + ("" if most is None else f" up to {most}")


def _wanted_record(schema: Mapping[str, Json], depth: int) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return "a JSON object"
    if len(properties) == 1:
        return _wanted(next(iter(properties.values())), depth + 1)
    fields = "; ".join(f"{name}: {_wanted(inner, depth + 1)}" for name, inner in properties.items())
    return f"each on a line of its own ({fields}), or all as a JSON object"
