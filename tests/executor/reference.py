"""A reference: what a script means, read line by line as LANGUAGE.md says, one call after the other.

It knows nothing of steps, lifting, slots or order: it walks the parsed statements, evaluates what is pure with the language's
own expressions and makes each call where it stands. A map settles every item before it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from agents import arrived, wander
from worlds import World

from executor.tool import ToolFailed
from planner.clock import Clock
from planner.elements import bind_target
from planner.errors import ExpressionError
from planner.expression import evaluate, to_json, truth
from planner.labels import Tagged
from planner.parse import parse_script
from planner.syntax import (
    Attribute,
    Bind,
    Branch,
    Call,
    Clause,
    Comprehension,
    Expr,
    IfElse,
    Lambda,
    Literal_,
    Name,
    Node,
    Statement,
    rebuild,
    walk,
)
from planner.toolspec import Json

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RETRIES = 2
POLLS = 7  # calls of a poll each 20 s for 2 minutes
WORDS = frozenset(("ask", "ask_user", "approve", "expect", "answer", "attempt", "pages", "wait", "poll", "first", "do"))
OPTIONS = frozenset(("otherwise", "limit", "retry", "timeout", "returns", "until", "every"))
Scope = dict[str, Tagged]
T = TypeVar("T")


class Surprise(Exception):
    """The run fails at a line."""

    def __init__(self, kind: str, line: int) -> None:
        super().__init__(f"{kind} in line {line}")
        self.kind = kind
        self.line = line


@dataclass
class Outcome:
    """What became of a script."""

    answer: Json = None
    surprise: Surprise | None = None


@dataclass
class Reference:
    """Carries out one script in a world of its own. `model` and `person` answer by what they are asked."""

    world: World
    model: Callable[[str, Json], Json] = lambda instruction, inputs: None
    person: Callable[[str], Json] = lambda question: True
    until: int | None = None  # stop before the statement in this line
    _line: int = 0
    _scope: Scope = field(default_factory=dict)
    _answer: Json = None
    _asked: int = 0

    def run(self, script: str) -> Outcome:
        """The answer, or the first surprise."""
        try:
            self._block(parse_script(script))
        except Surprise as surprise:
            return Outcome(surprise=surprise)
        return Outcome(self._answer)

    def _block(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self._line = statement.at.line
            if self._line == self.until:
                raise Surprise("stopped", self._line)
            match statement:
                case Bind(targets=targets, value=value):
                    self._bind(targets, self._whole(value))
                case Branch(test=test, then=then, orelse=orelse):
                    self._block(then if truth(self._whole(test)) else orelse)

    def _whole(self, expr: Expr) -> Tagged:
        return self._guarded(lambda: self._value(expr, self._scope))

    def _bind(self, targets: tuple[str, ...], value: Tagged) -> None:
        if targets:
            self._scope |= self._guarded(lambda: bind_target(targets[0] if len(targets) == 1 else targets, value))

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except ExpressionError as error:
            raise Surprise("expression", self._line) from error

    # -- expressions

    def _value(self, node: Expr, scope: Scope) -> Tagged:
        match node:
            case _ if not any(is_step(n) for n in walk(node)):
                return evaluate(node, _nulls(node, scope), clock=Clock(NOW))
            case Call() if is_step(node):
                return self._step(node, scope)
            case Comprehension():
                return self._comprehension(node, scope)
            case IfElse():
                return self._value(node.body if truth(self._value(node.test, scope)) else node.orelse, scope)
            case _:
                inner = dict(scope)
                replaced = rebuild(node, lambda child: self._named(child, inner))
                return evaluate(replaced, _nulls(replaced, inner), clock=Clock(NOW))

    def _named(self, node: Node, scope: Scope) -> Node:
        """The node, or the name that its value has got, if there is a call in it."""
        if not isinstance(node, Expr) or not any(is_step(n) for n in walk(node)):
            return node
        self._asked += 1
        scope[f"value{self._asked}"] = self._value(node, scope)
        return Name(f"value{self._asked}")

    def _comprehension(self, node: Comprehension, scope: Scope) -> Tagged:
        assert node.kind == "list"
        found: list[Json] = []
        failed: Exception | None = None
        for inner in self._combinations(node.clauses, scope):
            try:
                found.append(self._value(node.element, inner).value)
            except (Surprise, ExpressionError) as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return Tagged(found)

    def _combinations(self, clauses: tuple[Clause, ...], scope: Scope) -> Iterator[Scope]:
        if not clauses:
            yield scope
            return
        source = self._value(clauses[0].iterable, scope).value
        if not isinstance(source, list):
            raise ExpressionError("no list")
        for element in source:
            inner = {**scope, **bind_target(clauses[0].target, Tagged(element))}
            if all(truth(self._value(c, inner)) for c in clauses[0].conditions):
                yield from self._combinations(clauses[1:], inner)

    # -- steps

    def _step(self, call: Call, scope: Scope) -> Tagged:
        word = _word(call)
        named = {name: value for name, value in call.keywords if name is not None}
        match word:
            case "attempt" | "pages":
                inner = call.args[0]
                assert isinstance(inner, Call)
                default = named.get("default") or named.get("otherwise")
                return self._tool(inner, scope, default, only_not_found=word == "attempt", pages=word == "pages")
            case "wait":
                assert self._value(call.args[0], scope).value is not None
                return Tagged(None)
            case "poll" | "first":
                return self._rounds(word, call, named, scope)
            case "do":
                return self._loop(call, named, scope)
            case "expect":
                holds, _ = (self._value(a, scope) for a in (*call.args, Literal_(""))[:2])
                if not truth(holds):
                    raise Surprise("expect", self._line)
                return Tagged(True)
            case "answer":
                self._answer = to_json(self._value(call.args[0], scope).value)
                return Tagged(None)
            case "approve" | "ask_user":
                answer = self.person(str(self._value(call.args[0], scope).value))
                if answer is None or (word == "approve" and answer is not True):
                    raise Surprise("refused", self._line)
                return Tagged(answer)
            case "ask":
                instruction = self._value(call.args[0], scope).value
                inputs = {n: to_json(self._value(v, scope).value) for n, v in named.items() if n not in OPTIONS}
                return Tagged(self.model(instruction, inputs))
            case _:
                return self._tool(call, scope, named.get("otherwise"))

    def _tool(
        self, call: Call, scope: Scope, otherwise: Expr | None, *, only_not_found: bool = False, pages: bool = False
    ) -> Tagged:
        name = _word(call)
        try:
            given = {str(n): to_json(self._value(v, scope).value) for n, v in call.keywords if n not in OPTIONS}
        except ExpressionError:
            if otherwise is None or only_not_found:
                raise
            return self._value(otherwise, scope)
        result = self._pages(name, given) if pages else self._attempts(name, given.get("x", 1))
        if not isinstance(result, ToolFailed):
            return Tagged(result)
        if otherwise is not None and (result.kind == "not_found" or not only_not_found):
            return self._value(otherwise, scope)
        raise Surprise("failed", self._line)

    def _rounds(self, word: str, call: Call, named: dict[str, Expr], scope: Scope) -> Tagged:
        """One call after the other until one satisfies; `first` passes over a failed one, `poll` over a transient failure."""
        until, attempts = named["until"], call.args[0]
        assert isinstance(until, Lambda)
        if isinstance(attempts, Comprehension):
            inner: list[tuple[Expr, Scope]] = [(attempts.element, s) for s in self._combinations(attempts.clauses, scope)]
        else:
            inner = [(attempts, scope)] * POLLS
        try:
            for one, names in inner:
                assert isinstance(one, Call)
                given = {str(n): to_json(self._value(v, names).value) for n, v in one.keywords}
                result = self._attempts(_word(one), given["x"])
                if isinstance(result, ToolFailed):
                    if word == "poll" and result.kind != "transient":
                        break
                elif truth(evaluate(until.body, {**scope, until.parameter: Tagged(result)}, clock=Clock(NOW))):
                    return Tagged(result)
        except ExpressionError:
            if "otherwise" not in named:
                raise
        if "otherwise" not in named:
            raise Surprise("failed", self._line)
        return self._value(named["otherwise"], scope)

    def _loop(self, call: Call, named: dict[str, Expr], scope: Scope) -> Tagged:
        """The model's turns, each call where it stands; what they give is told to the model alone."""
        instruction, x = (str(self._value(e, scope).value) for e in (call.args[0], named["x"]))
        tools, left, turn = [_word(Call(t)) for t in named["tools"].items], named["max_calls"].value, 1  # type: ignore[attr-defined]  # so it is written
        while left > 0 and (asked := wander(instruction, x, turn, tools)):
            alone = "parallel" in named
            for name, given in asked[: min(left, 1 if alone else left)]:
                if name in tools and isinstance(given["x"], int):
                    self._attempts(name, given["x"])
            left -= 1 if alone else len(asked)
            turn += 1
        return Tagged(arrived(x, turn))

    def _attempts(self, name: str, x: int) -> Json | ToolFailed:
        for attempt in range(1, RETRIES + 2):
            result = self.world.call(name, x, attempt)
            if not isinstance(result, ToolFailed) or result.kind != "transient":
                return result
        return result

    def _pages(self, name: str, given: dict[str, Json]) -> Json:
        items: list[Json] = []
        cursor = given["start"]
        while cursor:
            page: Json = self.world.call(name, cursor, 1)
            items += page["items"]
            cursor = page["next"]
        return items


def is_step(node: Node) -> bool:
    """Whether the node is a call that a plan makes a step of."""
    return isinstance(node, Call) and (_word(node) in WORDS or "." in _word(node))


def _word(call: Call) -> str:
    match call.func:
        case Name(id=name):
            return name
        case Attribute(value=Name(id="a" | "b" | "c" as space), key=key):
            return f"{space}.{key}"
        case _:
            return ""


def _nulls(node: Node, scope: Scope) -> Scope:
    """The scope, with null for a name that only branches bind that were not taken."""
    return {**{n.id: Tagged(None) for n in walk(node) if isinstance(n, Name)}, **scope}
