"""The table itself: every function, method and `re.` function that an expression may call."""

from __future__ import annotations

from collections.abc import Mapping

from planner.library import numbers, sequences, text, times
from planner.library.function import LibraryFunction as Fn
from planner.library.function import plain
from planner.toolspec import JsonSchema

_ANY: JsonSchema = {}
_INTEGER: JsonSchema = {"type": "integer"}
_NUMBER: JsonSchema = {"type": "number"}
_STRING: JsonSchema = {"type": "string"}
_BOOLEAN: JsonSchema = {"type": "boolean"}
_OBJECT: JsonSchema = {"type": "object"}
_LIST: JsonSchema = {"type": "array"}
_SET: JsonSchema = {"type": "array", "uniqueItems": True}
_STRINGS: JsonSchema = {"type": "array", "items": {"type": "string"}}
_INTEGERS: JsonSchema = {"type": "array", "items": {"type": "integer"}}
_DATE: JsonSchema = {"type": "string", "format": "date"}
_DATETIME: JsonSchema = {"type": "string", "format": "date-time"}
_MANY = 100  # arguments of min, max and zip


def _table(*functions: Fn) -> Mapping[str, Fn]:
    return {f.name: f for f in functions}


FUNCTIONS: Mapping[str, Fn] = _table(
    Fn("len", "len(x)", "how many elements or characters", _INTEGER, sequences.length),
    Fn("sum", "sum(xs)", "the total, rounded to the decimals put in", _NUMBER, plain(numbers.total)),
    Fn("min", "min(xs, key=, default=)", "the smallest", _ANY, sequences.smallest, 1, _MANY, ("key", "default")),
    Fn("max", "max(xs, key=, default=)", "the largest", _ANY, sequences.largest, 1, _MANY, ("key", "default")),
    Fn("sorted", "sorted(xs, key=, reverse=)", "in order", _LIST, sequences.ordered, keywords=("key", "reverse")),
    Fn("any", "any(xs)", "whether one is true", _BOOLEAN, plain(sequences.some)),
    Fn("all", "all(xs)", "whether each is true", _BOOLEAN, plain(sequences.every)),
    Fn("zip", "zip(xs, ys)", "pairs, as many as the shortest has", _LIST, sequences.zipped, 1, _MANY),
    Fn("enumerate", "enumerate(xs, start=0)", "pairs of number and element", _LIST, sequences.numbered, 1, 2, ("start",)),
    Fn("range", "range(start, stop, step)", "whole numbers", _INTEGERS, plain(numbers.counted), 1, 3),
    Fn("round", "round(x, ndigits)", "to so many decimals", _NUMBER, plain(numbers.rounded), 1, 2, ("ndigits",)),
    Fn("abs", "abs(x)", "without its sign", _NUMBER, plain(numbers.absolute)),
    Fn("set", "set(xs)", "without repetitions, in order", _SET, sequences.as_set, 0),
    Fn("list", "list(xs)", "as a list", _LIST, sequences.as_list, 0),
    Fn("dict", "dict(pairs)", "an object of pairs", _OBJECT, sequences.as_dict, 0),
    Fn("str", "str(x)", "as text", _STRING, plain(numbers.string), 0),
    Fn("int", "int(x)", "as a whole number", _INTEGER, plain(numbers.integer)),
    Fn("float", "float(x)", "as a number", _NUMBER, plain(numbers.floating)),
    Fn("bool", "bool(x)", "whether it counts as true", _BOOLEAN, plain(numbers.boolean)),
    Fn("today", "today()", "the run's date", _DATE, plain(times.today), 0, 0),
    Fn("now", "now()", "the run's time", _DATETIME, plain(times.now), 0, 0),
    Fn("time", "time(x)", "a text as a time", _DATETIME, plain(times.time)),
    Fn("minutes_between", "minutes_between(a, b)", "from a to b", _NUMBER, plain(times.minutes_between), 2, 2),
    Fn(
        "add_time", "add_time(x, days=, hours=, minutes=)", "a later or earlier time", _DATETIME,
        plain(times.add_time), keywords=("days", "hours", "minutes"),
    ),
    Fn("format_time", 'format_time(x, "%H:%M")', "a time as text", _STRING, plain(times.format_time), 2, 2),
    Fn("only", "only(xs, what)", "the one element, else a surprise", _ANY, sequences.only, 1, 2, ("what",)),
    Fn("lines", "lines(text, after=)", "its lines that are not empty", _STRINGS, plain(text.lines), 1, 2, ("after",)),
    Fn("number", "number(text, after=)", "the first number in it", _NUMBER, plain(numbers.number_in), 1, 2, ("after",)),
    Fn("urls", "urls(text)", "the web addresses in it", _STRINGS, plain(text.urls)),
    Fn("emails", "emails(text)", "the mail addresses in it", _STRINGS, plain(text.emails)),
)  # fmt: skip

RE_FUNCTIONS: Mapping[str, Fn] = _table(
    Fn("findall", "re.findall(pattern, text)", "all matches (RE2)", _LIST, plain(text.findall), 2, 2),
    Fn("sub", "re.sub(pattern, repl, text)", "matches replaced (RE2)", _STRING, plain(text.sub), 3, 3),
)

METHODS: Mapping[str, Fn] = _table(
    Fn("split", "text.split(sep)", "its parts", _STRINGS, plain(text.split), 0, 2, ("sep", "maxsplit"), ("str",)),
    Fn("splitlines", "text.splitlines()", "its lines", _STRINGS, plain(text.splitlines), 0, 0, (), ("str",)),
    Fn("join", "sep.join(texts)", "one text of many", _STRING, plain(text.join), 1, 1, (), ("str",)),
    Fn("strip", "text.strip()", "without space around it", _STRING, plain(text.stripped(str.strip)), 0, 1, (), ("str",)),
    Fn("lstrip", "text.lstrip()", "without space before it", _STRING, plain(text.stripped(str.lstrip)), 0, 1, (), ("str",)),
    Fn("rstrip", "text.rstrip()", "without space after it", _STRING, plain(text.stripped(str.rstrip)), 0, 1, (), ("str",)),
    Fn("lower", "text.lower()", "in small letters", _STRING, plain(text.simple(str.lower)), 0, 0, (), ("str",)),
    Fn("upper", "text.upper()", "in capitals", _STRING, plain(text.simple(str.upper)), 0, 0, (), ("str",)),
    Fn("title", "text.title()", "Each Word So", _STRING, plain(text.simple(str.title)), 0, 0, (), ("str",)),
    Fn("replace", "text.replace(old, new)", "with new for old", _STRING, plain(text.replace), 2, 3, ("count",), ("str",)),
    Fn("startswith", "text.startswith(x)", "how it begins", _BOOLEAN, plain(text.affix(str.startswith)), 1, 1, (), ("str",)),
    Fn("endswith", "text.endswith(x)", "how it ends", _BOOLEAN, plain(text.affix(str.endswith)), 1, 1, (), ("str",)),
    Fn("count", "x.count(y)", "how often y is in x", _INTEGER, plain(sequences.occurrences), 1, 1, (), ("str", "list")),
    Fn("index", "xs.index(x)", "the place of x", _INTEGER, plain(sequences.index), 1, 1, (), ("list",)),
    Fn("get", "d.get(key, default)", "the value or null", _ANY, sequences.get, 1, 2, (), ("dict",)),
    Fn("keys", "d.keys()", "its keys", _STRINGS, sequences.keys, 0, 0, (), ("dict",)),
    Fn("values", "d.values()", "its values", _LIST, sequences.values, 0, 0, (), ("dict",)),
    Fn("items", "d.items()", "its pairs", _LIST, sequences.items, 0, 0, (), ("dict",)),
)
