"""Standing: where each literal of a script stands, and whether another value may stand there in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from planner.contract import contract
from planner.language import STEPS, TOOL, StepForm
from planner.script import step_word
from planner.shape import element_of
from planner.syntax import (
    Attribute,
    Bind,
    Branch,
    Call,
    DictOf,
    Expr,
    Field,
    FString,
    ListOf,
    Literal_,
    Name,
    Node,
    Statement,
    Subscript,
    rebuild,
)
from planner.toolspec import JsonSchema, ToolSpec

Role = Literal["value", "told", "prose", "fixed"]
"""What a literal is for: to compute with or to be handed to a tool; to be part of the answer; words for a model or a person; or
what the language wants written out: a key, an option, a type, a pattern. In the first two a parameter may stand instead."""

_PROSE = frozenset(("instruction", "question", "what", "why"))
_FIXED = frozenset(("duration", "until"))
_KEY_METHODS = frozenset(("get", "pop"))


@dataclass(frozen=True, slots=True)
class Standing:
    """One literal, or one piece of text in an f-string (which is always prose). `schema` is the tool's for this argument."""

    value: bool | int | float | str | None
    role: Role
    argument: str = ""
    schema: JsonSchema | None = None

    @property
    def replaceable(self) -> bool:
        return self.role in ("value", "told")


See = Callable[[Literal_, Standing], Expr]


def standings(statements: Sequence[Statement], tools: Mapping[str, ToolSpec]) -> list[Standing]:
    """Every literal and every piece of text of the script, in its order."""
    found: list[Standing] = []

    def see(literal: Literal_, standing: Standing) -> Expr:
        found.append(standing)
        return literal

    _Walk(tools, see).block(statements)
    return found


def with_names(
    statements: Sequence[Statement], tools: Mapping[str, ToolSpec], names: Mapping[Literal_, str]
) -> tuple[Statement, ...]:
    """The script with these literals, wherever they may be replaced, read from names instead."""

    def see(literal: Literal_, standing: Standing) -> Expr:
        name = names.get(literal) if standing.replaceable else None
        return literal if name is None else Name(name)

    return _Walk(tools, see).block(statements)


@dataclass(frozen=True)
class _Walk:
    tools: Mapping[str, ToolSpec]
    see: See

    def block(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        return tuple(self._statement(s) for s in statements)

    def _statement(self, statement: Statement) -> Statement:
        match statement:
            case Bind():
                return replace(statement, value=self._expression(statement.value, Standing(None, "value")))
            case Branch():
                test = self._expression(statement.test, Standing(None, "value"))
                return replace(statement, test=test, then=self.block(statement.then), orelse=self.block(statement.orelse))

    def _expression(self, node: Expr, at: Standing) -> Expr:
        match node:
            case Literal_():
                return self.see(node, replace(at, value=node.value))
            case FString():
                return replace(node, parts=tuple(self._part(p, at) for p in node.parts))
            case Subscript(value=value, index=index):
                within = _fixed(at) if isinstance(index, Literal_) else _inner(at)
                return replace(node, value=self._expression(value, _inner(at)), index=self._expression(index, within))
            case DictOf(pairs=pairs):
                return replace(node, pairs=tuple(self._pair(k, v, at) for k, v in pairs))
            case ListOf(items=items):
                each = at if at.schema is None else replace(at, schema=element_of(at.schema))
                return replace(node, items=tuple(self._expression(i, each) for i in items))
            case Call():
                return self._call(node, at)
            case _:
                return rebuild(node, lambda child: self._node(child, _inner(at)))

    def _node(self, node: Node, at: Standing) -> Node:
        """A part of an expression: an expression itself, or a clause of a comprehension, whose parts are some."""
        if type(node).__name__ == "Clause":
            return rebuild(node, lambda child: self._node(child, at))
        return self._expression(node, at)  # type: ignore[arg-type]  # nodes below an expression are expressions and clauses

    def _part(self, part: str | Field, at: Standing) -> str | Field:
        if isinstance(part, str):
            self.see(Literal_(part), Standing(part, "prose"))
            return part
        inner = Standing(None, "told" if at.role == "told" else "value")
        for text in part.spec:
            self._part(text, at)
        return replace(part, value=self._expression(part.value, inner))

    def _pair(self, key: Expr | None, value: Expr, at: Standing) -> tuple[Expr | None, Expr]:
        if key is None:
            return None, self._expression(value, _inner(at))
        within = _fixed(at) if isinstance(key, Literal_) else _inner(at)
        return self._expression(key, within), self._expression(value, _inner(at))

    # -- calls

    def _call(self, node: Call, at: Standing) -> Call:
        word = step_word(node.func)
        if word is not None and word in self.tools:
            return self._tool(node, self.tools[word], at)
        if word in STEPS:
            return self._step(node, STEPS[word], at)
        receiver, first = node.func, _inner(at)
        match node.func:
            case Name(id="secret") | Attribute(value=Name(id="re")):
                first = _fixed(at)
            case Attribute(value=value, key=key):
                receiver = replace(node.func, value=self._expression(value, _inner(at)))
                first = _fixed(at) if key in _KEY_METHODS else first
        args = tuple(self._expression(a, _inner(at) if number else first) for number, a in enumerate(node.args))
        keywords = tuple((k, self._expression(v, _inner(at))) for k, v in node.keywords)
        return replace(node, func=receiver, args=args, keywords=keywords)

    def _tool(self, node: Call, spec: ToolSpec, at: Standing) -> Call:
        schemas = contract(spec).input.get("properties", {})

        def argument(name: str | None, value: Expr) -> Expr:
            if name is not None and name not in schemas and name in TOOL.options and name != "otherwise":
                return self._expression(value, _fixed(at))
            found = schemas.get(name) if name is not None else None
            return self._expression(value, Standing(None, "value", name or "", found))

        return replace(node, keywords=tuple((k, argument(k, v)) for k, v in node.keywords))

    def _step(self, node: Call, form: StepForm, at: Standing) -> Call:
        def argument(name: str, value: Expr) -> Expr:
            if name in _PROSE:
                return self._expression(value, Standing(None, "prose"))
            if name in _FIXED or (name in form.options and name != "otherwise"):
                return self._expression(value, _fixed(at))
            role: Role = "told" if form.word == "answer" else "value"
            return self._expression(value, Standing(None, role, "" if name in form.positional else name))

        named = dict.fromkeys(range(len(node.args)), "")
        named |= dict(enumerate(form.positional[: len(node.args)]))
        args = tuple(argument(named[number], a) for number, a in enumerate(node.args))
        return replace(node, args=args, keywords=tuple((k, argument(k or "", v)) for k, v in node.keywords))


def _inner(at: Standing) -> Standing:
    """Deeper in the same place: what stands there is no argument by itself."""
    return Standing(None, at.role, at.argument)


def _fixed(at: Standing) -> Standing:
    return Standing(None, "fixed", at.argument)
