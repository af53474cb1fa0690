"""The nodes of an expression: what a script's text means, with no trace of how it was written.

Every node is frozen and compares by meaning: `at` (where it stood) takes no part in equality. There is no node that could
name a Python object: `Attribute` reads a key of a mapping, `Call` names a library function, a method or a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeAlias, TypeVar

UnaryOp = Literal["-", "+", "not"]
BinaryOp = Literal["+", "-", "*", "/", "//", "%"]
CompareOp = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
ComprehensionKind = Literal["list", "set", "dict", "generator"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node starts; lines and columns count from 1, columns in characters."""

    line: int = 0
    column: int = 0


NOWHERE = Position()


@dataclass(frozen=True, slots=True)
class Node:
    at: Position = field(default=NOWHERE, compare=False, kw_only=True)
    text: str = field(default="", compare=False, kw_only=True)  # as written, at most 200 characters: for messages


@dataclass(frozen=True, slots=True)
class Literal_(Node):
    value: bool | int | float | str | None

    def __eq__(self, other: object) -> bool:  # 1, 1.0 and True are three literals
        return isinstance(other, Literal_) and type(self.value) is type(other.value) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), repr(self.value)))


@dataclass(frozen=True, slots=True)
class Name(Node):
    id: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    value: Expr
    key: str


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`value[lower:upper]`; a script has no step in a slice."""

    value: Expr
    lower: Expr | None
    upper: Expr | None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    op: UnaryOp
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    op: BinaryOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A chain as Python has it: `a < b <= c` is `Compare(a, ((<, b), (<=, c)))`. `is` and `is not` compile to == and !=."""

    first: Expr
    rest: tuple[tuple[CompareOp, Expr], ...]


@dataclass(frozen=True, slots=True)
class And(Node):
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Either(Node):
    """`"a" | "b"` or `T | None`: only in the type after `returns=`."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class IfElse(Node):
    test: Expr
    body: Expr
    orelse: Expr


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list or a tuple: JSON has one of them."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetOf(Node):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class DictOf(Node):
    """Pairs in order; a pair without a key is a splat: `{**a, "b": 1}`."""

    pairs: tuple[tuple[Expr | None, Expr], ...]


@dataclass(frozen=True, slots=True)
class Field(Node):
    """One replacement field of an f-string; the specification may hold fields itself."""

    value: Expr
    conversion: Literal["", "r", "s", "a"] = ""
    spec: tuple[str | Field, ...] = ()


@dataclass(frozen=True, slots=True)
class FString(Node):
    parts: tuple[str | Field, ...]


@dataclass(frozen=True, slots=True)
class Clause(Node):
    """`for targets in iterable if condition …`; nested targets as in `for i, (a, b) in …` are tuples in tuples."""

    target: Target
    iterable: Expr
    conditions: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`value` is set for a dict comprehension only: there `element` is the key.

    `slots` are (hidden name, depth): results of calls that were lifted out of the body, see `planner.program`. The value of
    such a name is a list with one entry for each combination of the first `depth` clauses that passed the conditions of the
    clauses before; the comprehension reads the entry of the combination it stands at.
    """

    kind: ComprehensionKind
    element: Expr
    clauses: tuple[Clause, ...]
    value: Expr | None = None
    slots: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """`lambda x: body`, only as `key=` of min, max and sorted, and as `until=` of poll and first."""

    parameter: str
    body: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A call of a library function (`func` a Name), a method or a step (`func` an Attribute or a Name)."""

    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str | None, Expr], ...] = ()  # a keyword without a name is a splat: `f(**d)`


NodeT = TypeVar("NodeT", bound=Node)
Target: TypeAlias = "str | tuple[Target, ...]"
Expr: TypeAlias = (
    Literal_
    | Name
    | Attribute
    | Subscript
    | Slice
    | Unary
    | Binary
    | Compare
    | And
    | Or
    | Either
    | IfElse
    | ListOf
    | SetOf
    | DictOf
    | FString
    | Comprehension
    | Lambda
    | Call
)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of the text (a comprehension's clauses before its element)."""
    if isinstance(node, Comprehension):
        yield from node.clauses
        yield node.element
        if node.value is not None:
            yield node.value
        return
    for name in _parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


def _nodes(values: tuple[object, ...]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


def rebuild(node: NodeT, change: Callable[[Node], Node]) -> NodeT:
    """The node with each of its direct children changed; the node itself where none is."""
    changed = {}
    for name in _parts(type(node)):
        before = getattr(node, name)
        after = _changed(before, change)
        if after is not before:
            changed[name] = after
    return replace(node, **changed) if changed else node  # type: ignore[arg-type]  # each is a field of the node


_PARTS: dict[type[Node], tuple[str, ...]] = {}  # by kind: the fields that may hold nodes


def _parts(kind: type[Node]) -> tuple[str, ...]:
    known = _PARTS.get(kind)
    if known is None:
        known = _PARTS[kind] = tuple(f.name for f in fields(kind) if f.name not in ("at", "text"))
    return known


def _changed(value: object, change: Callable[[Node], Node]) -> object:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        after = tuple(_changed(v, change) for v in value)
        return after if any(a is not b for a, b in zip(after, value, strict=True)) else value
    return value


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)


def target_names(target: Target) -> tuple[str, ...]:
    """The names that a target binds, from left to right."""
    return (target,) if isinstance(target, str) else tuple(n for t in target for n in target_names(t))


def literals_in(nodes: Iterable[Node]) -> tuple[bool | int | float | str | None, ...]:
    """The values of those of the nodes that are literals."""
    return tuple(n.value for n in nodes if isinstance(n, Literal_))


def free_names(node: Node) -> frozenset[str]:
    """Names that the expression reads and does not bind itself."""
    found: set[str] = set()
    _find_free(node, frozenset(), found)
    return frozenset(found)


def _find_free(node: Node, bound: frozenset[str], found: set[str]) -> None:
    """Put the free names of a node that stands where those are bound with the `found`."""
    match node:
        case Name():
            if node.id not in bound:
                found.add(node.id)
        case Literal_():
            pass
        case Lambda():
            _find_free(node.body, bound | {node.parameter}, found)
        case Comprehension():
            _find_free_inside(node, bound, found)
        case Call(func=Name() | Attribute(value=Name(id="re"))):  # a library function's name is not a value's name
            for argument in (*node.args, *(v for _, v in node.keywords)):
                _find_free(argument, bound, found)
        case _:
            for part in children(node):
                _find_free(part, bound, found)


def _find_free_inside(node: Comprehension, bound: frozenset[str], found: set[str]) -> None:
    slots = frozenset(name for name, _ in node.slots)
    found |= slots - bound
    inner = bound | slots
    for clause in node.clauses:
        _find_free(clause.iterable, inner, found)
        inner = inner.union(target_names(clause.target))
        for condition in clause.conditions:
            _find_free(condition, inner, found)
    _find_free(node.element, inner, found)
    if node.value is not None:
        _find_free(node.value, inner, found)


@dataclass(frozen=True, slots=True)
class Bind(Node):
    """`targets = value`, or a bare call where there are no targets."""

    targets: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """`if test: then … else: orelse`; an `elif` is a Branch in `orelse`."""

    test: Expr
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


Statement: TypeAlias = Bind | Branch
