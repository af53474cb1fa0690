"""Infer: the shape of an expression from the shapes of the names that it reads, with what is wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS
from planner.shape import (
    ANYTHING,
    BOOLEAN,
    NUMBER,
    STRING,
    NoSuchKey,
    Shape,
    array,
    constant,
    either,
    element_of,
    key_of,
    most_of,
    slim,
    types_of,
)
from planner.syntax import (
    And,
    Attribute,
    Binary,
    Call,
    Clause,
    Compare,
    Comprehension,
    DictOf,
    Expr,
    Field,
    FString,
    IfElse,
    Lambda,
    ListOf,
    Literal_,
    Name,
    Node,
    Or,
    SetOf,
    Slice,
    Subscript,
    Target,
    Unary,
    children,
)

Report = Callable[[Node, str, str, str], None]  # node, code, message, hint
Env = Mapping[str, Shape]
_LIST, _TEXT = frozenset(("array",)), frozenset(("string",))
_TEXT_ORDER = frozenset(("<", "<=", ">", ">="))


class Inference:
    """Infers shapes; what is certainly wrong is reported as an error, what is likely wrong as a warning."""

    def __init__(self, error: Report, warning: Report) -> None:
        self._error = error
        self._warning = warning

    def shape(self, node: Expr, env: Env) -> Shape:
        """The shape of the expression's value."""
        match node:
            case Literal_():
                return constant(node.value)
            case Name():
                return env.get(node.id, ANYTHING)
            case Attribute():
                return self._key(node, self.shape(node.value, env), node.key)
            case Subscript() | Slice():
                return self._subscript(node, env)
            case Call():
                return self._call(node, env)
            case Comprehension():
                return self._comprehension(node, env)
            case ListOf() | SetOf() | DictOf():
                return self._collection(node, env)
            case _:
                return self._operation(node, env)

    def _operation(self, node: Expr, env: Env) -> Shape:
        match node:
            case FString():
                self._each(node, env)
                return STRING
            case Compare():
                self._compare(node, env)
                return BOOLEAN
            case Unary(op="not"):
                self._each(node, env)
                return BOOLEAN
            case And() | Or():
                return either(*(self.shape(v, env) for v in node.values))
            case IfElse():
                self.shape(node.test, env)
                return either(self.shape(node.body, env), self.shape(node.orelse, env))
            case Binary(op="+" | "-"):
                left, right = self.shape(node.left, env), self.shape(node.right, env)
                whole = _whole(left, right, node.op)
                return constant(whole) if whole is not None else self._sum(left, right) if node.op == "+" else NUMBER
            case Binary() | Unary():
                self._each(node, env)
                return NUMBER if isinstance(node, Unary) or node.op != "*" else ANYTHING
            case _:
                return ANYTHING

    def _each(self, node: Node, env: Env) -> None:
        for child in children(node):
            if isinstance(child, Field):
                self._each(child, env)
            else:
                self.shape(child, env)  # type: ignore[arg-type]  # an operation's parts are expressions, an f-string's fields

    def _sum(self, left: Shape, right: Shape) -> Shape:
        kinds = types_of(left), types_of(right)
        if any(k is not None and k <= {"string"} for k in kinds):
            return STRING
        if all(k == _LIST for k in kinds):
            bounds = most_of(left), most_of(right)
            most = None if bounds[0] is None or bounds[1] is None else bounds[0] + bounds[1]
            return array(either(element_of(left), element_of(right)), most=most)
        return NUMBER if all(k is not None and k <= {"integer", "number"} for k in kinds) else ANYTHING

    def _compare(self, node: Compare, env: Env) -> None:
        left = node.first
        for op, right in node.rest:
            shapes = self.shape(left, env), self.shape(right, env)
            if op in _TEXT_ORDER and all(types_of(s) == _TEXT and "format" not in s for s in shapes):
                hint = "Compare time(a) with time(b), or numbers."
                self._warning(node, "text-order", "Texts are compared letter by letter here.", hint)
            left = right

    # -- keys and elements

    def _key(self, node: Node, shape: Shape, key: str) -> Shape:
        try:
            return key_of(shape, key)
        except NoSuchKey as error:
            kinds = types_of(shape)
            what = (
                f"It has the keys {', '.join(error.keys[:12])}." if error.keys else f"It is {' or '.join(sorted(kinds or ()))}."
            )
            self._error(node, "no-key", f"There is no key `{key}`.", what)
            return ANYTHING

    def _subscript(self, node: Subscript | Slice, env: Env) -> Shape:
        shape = self.shape(node.value, env)
        if isinstance(node, Slice):
            for bound in (node.lower, node.upper):
                if bound is not None:
                    self.shape(bound, env)
            return self._sliced(shape, node)
        if isinstance(node.index, Literal_) and isinstance(node.index.value, str):
            return self._key(node, shape, node.index.value)
        self.shape(node.index, env)
        return element_of(shape) if types_of(shape) == _LIST else ANYTHING

    def _sliced(self, shape: Shape, node: Slice) -> Shape:
        kinds = types_of(shape)
        most = most_of(shape) if kinds is not None and kinds <= (_LIST | _TEXT) else None
        upper = node.upper.value if isinstance(node.upper, Literal_) else None
        lower = node.lower.value if isinstance(node.lower, Literal_) else None
        if isinstance(upper, int) and upper >= 0:
            most = upper if most is None else min(most, upper)
        elif isinstance(lower, int) and lower < 0:
            most = -lower if most is None else min(most, -lower)
        if kinds == _LIST:
            return array(element_of(shape), most=most)
        elements = {} if kinds is None or "array" not in kinds else {"items": element_of(shape)}
        sliced: Shape = {"type": "string"} if kinds == _TEXT else {"type": ["array", "string"], **elements}
        return sliced if most is None else {**sliced, "maxItems": most, "maxLength": most}

    def _collection(self, node: ListOf | SetOf | DictOf, env: Env) -> Shape:
        if not isinstance(node, DictOf):
            items = [self.shape(i, env) for i in node.items]
            listed: Shape = {"type": "array", "prefixItems": items, "items": False, "maxItems": len(items)}
            return array(ANYTHING, most=len(items)) if isinstance(node, SetOf) else slim(listed)
        properties: dict[str, Shape] = {}
        closed = True
        for key, value in node.pairs:
            if key is not None:
                self.shape(key, env)
            shape = self.shape(value, env)
            if isinstance(key, Literal_) and isinstance(key.value, str):
                properties[key.value] = shape
            else:
                closed = False
        if not closed:
            return {"type": "object"}  # a key that is not known may overwrite one that is
        return slim({"type": "object", "properties": properties, "additionalProperties": False})

    # -- comprehensions

    def _comprehension(self, node: Comprehension, env: Env) -> Shape:
        inner, most = self.clauses(node.clauses, env, dict(node.slots))
        element = self.shape(node.element, inner)
        if node.value is not None:
            return slim({"type": "object", "additionalProperties": self.shape(node.value, inner)})
        return slim(array(element, most=most))

    def clauses(self, clauses: tuple[Clause, ...], env: Env, slots: Mapping[str, int]) -> tuple[Env, int | None]:
        """The names inside the clauses with their shapes, and the most combinations there can be."""
        inner = dict(env)
        for name in slots:
            inner[name] = element_of(env.get(name, ANYTHING))
        most: int | None = 1
        for clause in clauses:
            source = self.shape(clause.iterable, inner)
            kinds = types_of(source)
            if kinds is not None and not kinds & {"array", "object"}:
                self._error(clause.iterable, "not-a-list", f"This is {' or '.join(sorted(kinds))}, no list.", "")
            bound = most_of(source)
            most = None if most is None or bound is None else most * bound
            inner.update(bound_shapes(clause.target, element_of(source)))
            for condition in clause.conditions:
                self.shape(condition, inner)
        return inner, most

    # -- calls

    def _call(self, node: Call, env: Env) -> Shape:
        receiver = ANYTHING
        default: Shape | None = None
        if isinstance(node.func, Attribute) and node.func.value != Name("re"):
            receiver = self.shape(node.func.value, env)
        first = self.shape(node.args[0], env) if node.args else ANYTHING
        others = [self.shape(a, env) for a in node.args[1:]]
        for word, value in node.keywords:
            inner = {**env, value.parameter: element_of(first)} if isinstance(value, Lambda) else env
            shape = self.shape(value.body if isinstance(value, Lambda) else value, inner)
            default = shape if word == "default" else default
        match node.func:
            case Name(id=name):
                found = self._function(name, first, others)
                return found if default is None else either(found, default)
            case Attribute(value=Name(id="re"), key=name) if name in RE_FUNCTIONS:
                return RE_FUNCTIONS[name].returns
            case Attribute(key=name):
                return self._method(name, node, receiver, others)
            case _:
                return ANYTHING

    def _function(self, name: str, first: Shape, others: list[Shape]) -> Shape:
        match name:
            case "sorted" | "list" | "set":
                return array(element_of(first), most=most_of(first))
            case "only":
                return element_of(first)
            case "min" | "max":
                return element_of(first) if not others else either(first, *others)
            case "enumerate":
                pair: Shape = {"type": "array", "prefixItems": [{"type": "integer"}, element_of(first)], "items": False}
                return array(pair, most=most_of(first))
            case "zip":
                lists = [first, *others]
                known = [b for b in map(most_of, lists) if b is not None]
                row: Shape = {"type": "array", "prefixItems": [element_of(x) for x in lists], "items": False}
                return array(row, most=min(known) if known else None)
            case "range":
                bounds = [s.get("const") for s in (first, *others)]
                whole = [b for b in bounds if isinstance(b, int)]
                known_bounds = len(whole) == len(bounds) <= 2
                start, stop = (0, *whole)[-2:] if known_bounds else (0, 0)
                return array({"type": "integer"}, most=max(stop - start, 0) if known_bounds else None)
            case _:
                return FUNCTIONS[name].returns if name in FUNCTIONS else ANYTHING

    def _method(self, name: str, node: Call, receiver: Shape, others: list[Shape]) -> Shape:
        kinds = types_of(receiver)
        if kinds is not None and name in METHODS:
            wanted = {"str": "string", "list": "array", "dict": "object"}
            if not kinds & {wanted[r] for r in METHODS[name].receivers}:
                message = f"There is no `.{name}()` on {' or '.join(sorted(kinds))}."
                self._error(node, "no-method", message, f"It is on {' and '.join(METHODS[name].receivers)}.")
        if name == "get" and node.args and isinstance(node.args[0], Literal_) and isinstance(node.args[0].value, str):
            try:
                found = key_of(receiver, node.args[0].value)
            except NoSuchKey:
                found = ANYTHING
            return either(found, others[0] if others else {"type": "null"})
        return METHODS[name].returns if name in METHODS else ANYTHING


def _whole(left: Shape, right: Shape, op: str) -> int | None:
    """The sum or difference of two whole numbers that are known; None where they are not: a bound may be written as one."""
    a, b = left.get("const"), right.get("const")
    if type(a) is not int or type(b) is not int:
        return None
    return a + b if op == "+" else a - b


def bound_shapes(target: Target, shape: Shape) -> dict[str, Shape]:
    """The shapes of the names that a target binds to a value of the shape."""
    if isinstance(target, str):
        return {target: shape}
    parts = shape.get("prefixItems") or [element_of(shape)] * len(target)
    bound: dict[str, Shape] = {}
    for name, part in zip(target, parts, strict=False):
        bound |= bound_shapes(name, part)
    return bound
