"""Throw random expressions at random data: only values and our own errors may come out.

    python -m tests.planner.fuzz_expression --seconds 20

`Grammar` is also what the property tests draw their expressions from.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from planner.errors import CompileError, ExpressionError
from planner.expression import Bounds, Clock, evaluate, to_json
from planner.labels import Label, Labels, Origin, Tagged, labels_from_paths
from planner.library import FUNCTIONS, METHODS
from planner.parse import parse_expression

CLOCK = Clock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))
SMALL = Bounds(operations=20_000, size=100_000, characters=200_000)
UNTRUSTED = Label(frozenset({Origin("tool web.read", False)}))
TRUSTED = Label(frozenset({Origin("tool crm.find", True)}))
LITERALS = (
    "0", "1", "-1", "2", "7", "3.5", "0.1", "1e308", "690.0", "10000000000000000000000", "None", "True", "False", "''", "'a'",
    "'a,b'", "'10:30'", "'2026-05-04'", "'$1,234.50 x@y.co https://a.b/c'", "'line\\nbody: 5\\n'", "[]", "{}",
    "'é\\ud800'", "'%d'",
)  # fmt: skip
PURE_LITERALS = ("0", "1", "2", "-3", "7", "True", "False", "None", "''", "'a'", "'abc'", "'b a'", "[]", "[1, 2]", "['a']")
KEYS = ("id", "n", "name", "items", "missing")
PATTERNS = ("'a'", "'(a)(b)?'", "'['", "'(?=a)'", "'.*'", "'\\\\d+'", "'(?P<n>.)'", "''")
SPECS = ("", ".2f", ",", ">10", "05d", "%", ".999999999f", "e", "99999999", "s", "%H:%M", "%Q", "=+8.1", "!", "x", "^{n}")


class Grammar:
    """Random expressions as text. `pure` keeps to what Python's own `eval` understands alike."""

    def __init__(self, source: random.Random, names: Sequence[str], *, pure: bool = False) -> None:
        self.random = source
        self.names = list(names)
        self.pure = pure
        self._forms: list[Callable[[int], str]] = [
            self._binary, self._binary, self._compare, self._compare, self._logic, self._if_else, self._subscript, self._slice,
            self._list, self._comprehension, self._comprehension, self._dict, self._function, self._function, self._unary,
            self._fstring, self._method,
        ]  # fmt: skip
        if not pure:
            self._forms += [self._attribute, self._attribute, self._library, self._library, self._set, self._splat]

    def expression(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.1:
            return self.random.choice([*self.names, self.random.choice(PURE_LITERALS if self.pure else LITERALS)])
        return self.random.choice(self._forms)(depth - 1)

    def _one(self, depth: int) -> str:
        return f"({self.expression(depth)})"

    def _binary(self, d: int) -> str:
        operators = ("+", "-", "*", "//", "+") if self.pure else ("+", "-", "*", "//", "/", "%")
        return f"{self._one(d)} {self.random.choice(operators)} {self._one(d)}"

    def _compare(self, d: int) -> str:
        op = self.random.choice(("==", "!=", "<", "<=", ">", ">=", "in", "not in"))
        chain = f" {self.random.choice(('<', '==', '>='))} {self._one(d)}" if self.random.random() < 0.2 else ""
        return f"{self._one(d)} {op} {self._one(d)}{chain}"

    def _logic(self, d: int) -> str:
        return f"{self._one(d)} {self.random.choice(('and', 'or'))} {self._one(d)}"

    def _if_else(self, d: int) -> str:
        return f"{self._one(d)} if {self._one(d)} else {self._one(d)}"

    def _subscript(self, d: int) -> str:
        return f"{self._one(d)}[{self.expression(d)}]"

    def _slice(self, d: int) -> str:
        ends = [self.random.choice(("", "0", "1", "-1", "9", self._one(d))) for _ in range(2)]
        return f"{self._one(d)}[{ends[0]}:{ends[1]}]"

    def _list(self, d: int) -> str:
        return f"[{', '.join(self._one(d) for _ in range(self.random.randint(0, 3)))}]"

    def _set(self, d: int) -> str:
        return f"{{{', '.join(self._one(d) for _ in range(self.random.randint(1, 3)))}}}"

    def _dict(self, d: int) -> str:
        return f"{{'id': {self._one(d)}, 'n': {self._one(d)}}}"

    def _splat(self, d: int) -> str:
        return f"{{**{self._one(d)}, {self._one(d)}: {self._one(d)}}}"

    def _unary(self, d: int) -> str:
        return f"{self.random.choice(('-', '+', 'not '))}{self._one(d)}"

    def _attribute(self, d: int) -> str:
        return f"{self._one(d)}.{self.random.choice(KEYS)}"

    def _fstring(self, d: int) -> str:
        spec = "" if self.pure else self.random.choice(SPECS)
        return 'f"<{' + self._name() + self.random.choice(("", "!r", "!s")) + (f":{spec}" if spec else "") + '}>"'

    def _name(self) -> str:
        return self.random.choice(self.names)

    def _comprehension(self, d: int) -> str:
        name = self.random.choice(("v", "w"))
        iterable = self._one(d)
        self.names.append(name)
        try:
            condition = f" if {self._one(d)}" if self.random.random() < 0.5 else ""
            more = f" for inner in {self._one(d)}" if self.random.random() < 0.2 else ""
            clauses = f"for {name} in {iterable}{condition}{more}"
            if self.pure or self.random.random() < 0.7:
                return f"[{self.expression(d)} {clauses}]"
            return self.random.choice((f"{{{self._one(d)} {clauses}}}", f"{{str({self._one(d)}): {self._one(d)} {clauses}}}"))
        finally:
            self.names.remove(name)

    def _function(self, d: int) -> str:
        functions = ("len", "sum", "min", "max", "any", "all", "sorted", "abs", "bool", "int", "list")
        return f"{self.random.choice(functions)}({self.expression(d)})"

    def _library(self, d: int) -> str:
        if self.random.random() < 0.15:
            name = self.random.choice(("re.findall", "re.sub"))
            return f"{name}({self.random.choice(PATTERNS)}, {', '.join([self._one(d)] * (2 if name == 're.sub' else 1))})"
        function = self.random.choice(list(FUNCTIONS.values()))
        count = self.random.randint(function.minimum, min(function.maximum, 3))
        arguments = [self._one(d) for _ in range(count)]
        for keyword in function.keywords:
            if self.random.random() < 0.4:
                arguments.append(f"{keyword}={'lambda q: ' if keyword == 'key' else ''}{self._one(d)}")
        return f"{function.name}({', '.join(arguments)})"

    def _method(self, d: int) -> str:
        if self.pure:
            return f"{self._one(d)}.{self.random.choice(('upper()', 'split()', 'strip()', 'count(1)', 'index(2)'))}"
        method = self.random.choice(list(METHODS.values()))
        arguments = ", ".join(self._one(d) for _ in range(self.random.randint(method.minimum, method.maximum)))
        return f"{self._one(d)}.{method.name}({arguments})"


def random_value(source: random.Random, depth: int = 3) -> Any:
    """A random JSON value."""
    choice = source.randint(0, 9 if depth else 5)
    if choice <= 1:
        return source.choice([0, 1, -5, 12, 2**70, 0.5, 690.0, 1e300, -0.0])
    if choice <= 3:
        return "".join(source.choice(string.printable + "é世\u2028") for _ in range(source.randint(0, 12)))
    if choice <= 5:
        return source.choice([None, True, False, "2026-05-04T10:00:00Z", "10:30", "Rating: 4.5", "a@b.co"])
    if choice <= 7:
        return [random_value(source, depth - 1) for _ in range(source.randint(0, 4))]
    return {source.choice(KEYS[:4]): random_value(source, depth - 1) for _ in range(source.randint(0, 4))}


def random_labels(source: random.Random) -> Labels:
    """A random label tree."""
    return source.choice(
        [Labels(), Labels.of(UNTRUSTED), labels_from_paths(TRUSTED, {"items[].name": UNTRUSTED, "[].id": UNTRUSTED})]
    )


def check_one(source: random.Random) -> str:
    """One random expression over random data; raises AssertionError, or what leaked."""
    names = ("x", "y", "n")
    text = Grammar(source, names).expression(source.randint(1, 5))
    scope = {name: Tagged(random_value(source), random_labels(source)) for name in names}
    try:
        node = parse_expression(text)
    except CompileError:
        return "refused"
    try:
        result = evaluate(node, scope, clock=CLOCK, bounds=SMALL)
        document = to_json(result.value)
    except ExpressionError:
        return "error"
    json.dumps(document, allow_nan=False)
    assert Labels.from_json(json.loads(json.dumps(result.labels.to_json()))) == result.labels, text
    return "value"


def main() -> None:
    """Fuzz for so many seconds and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes = {"value": 0, "error": 0, "refused": 0}
    end = time.monotonic() + options.seconds
    seed = options.seed
    while time.monotonic() < end:
        try:
            outcomes[check_one(random.Random(seed))] += 1
        except BaseException:
            print(f"seed {seed}")
            raise
        seed += 1
    print(outcomes)


if __name__ == "__main__":
    main()
