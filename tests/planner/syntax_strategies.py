"""Random expressions and programs of the plan language, for properties of its parser and printer."""

# a case stands on one line

from __future__ import annotations

from hypothesis import strategies as st

from planner.syntax import (
    And,
    Attribute,
    Binary,
    Bind,
    Branch,
    Call,
    Clause,
    Compare,
    Comprehension,
    DictOf,
    Either,
    Expr,
    Field,
    FString,
    IfElse,
    Lambda,
    ListOf,
    Literal_,
    Name,
    Or,
    SetOf,
    Slice,
    Statement,
    Subscript,
    Unary,
)  # fmt: skip

NAMES = st.sampled_from(["a", "b", "x1", "leads", "_t", "match", "type"])
KEYS = st.sampled_from(["id", "name", "größe", "items", "print"])
TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\"'{}\\\n\r\t\0é😀\u202e%:!=")), max_size=6)
LITERALS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), TEXTS
).map(Literal_)
TARGETS = st.recursive(NAMES, lambda t: st.lists(t, min_size=1, max_size=2).map(tuple), max_leaves=3)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])


@st.composite
def expressions(draw: st.DrawFn) -> Expr:
    return draw(_EXPRESSIONS)


def _larger(e: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    some = st.lists(e, max_size=3).map(tuple)
    several = st.lists(e, min_size=2, max_size=3).map(tuple)
    maybe = st.none() | e
    return st.one_of(
        st.builds(Attribute, e, KEYS),
        st.builds(Subscript, e, e),
        st.builds(Slice, e, maybe, maybe),
        st.builds(Unary, st.sampled_from(["-", "+", "not"]), e).filter(_not_folded),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "//", "%"]), e, e),
        st.builds(Compare, e, st.lists(st.tuples(OPERATORS, e), min_size=1, max_size=2).map(tuple)),
        several.map(And).filter(lambda n: not isinstance(n.values[0], And)),
        several.map(Or).filter(lambda n: not isinstance(n.values[0], Or)),
        several.map(Either).filter(lambda n: not isinstance(n.values[0], Either)),
        st.builds(IfElse, e, e, e),
        some.map(ListOf),
        st.lists(e, min_size=1, max_size=3).map(tuple).map(SetOf),
        st.lists(st.tuples(maybe, e), max_size=3).map(tuple).map(DictOf),
        fstrings(e),
        comprehensions(e),
        calls(e),
    )


def _not_folded(node: Unary) -> bool:
    """`-1` is the literal -1."""
    return not (node.op == "-" and isinstance(node.operand, Literal_) and type(node.operand.value) in (int, float))


def fstrings(e: st.SearchStrategy[Expr]) -> st.SearchStrategy[FString]:
    spec = st.sampled_from([(), (".2f",), (">", Field(Name("a"))), ("%H:%M",), ('"',), ("'\\",)])
    part = st.one_of(TEXTS.filter(bool), st.builds(Field, e, st.sampled_from(["", "r", "s", "a"]), spec))
    return st.lists(part, max_size=3).map(_apart).map(FString)


def _apart(parts: list[str | Field]) -> tuple[str | Field, ...]:
    """No two texts side by side: they would be one."""
    return tuple(p for i, p in enumerate(parts) if not (i and isinstance(p, str) and isinstance(parts[i - 1], str)))


def comprehensions(e: st.SearchStrategy[Expr]) -> st.SearchStrategy[Comprehension]:
    clauses = st.lists(st.builds(Clause, TARGETS, e, st.lists(e, max_size=2).map(tuple)), min_size=1, max_size=2).map(tuple)
    plain = st.builds(Comprehension, st.sampled_from(["list", "set", "generator"]), e, clauses)
    return st.one_of(plain, st.builds(Comprehension, st.just("dict"), e, clauses, e))


def calls(e: st.SearchStrategy[Expr]) -> st.SearchStrategy[Call]:
    func = st.one_of(NAMES.map(Name), st.builds(Attribute, NAMES.map(Name), KEYS), st.builds(Attribute, e, KEYS))
    named = st.dictionaries(NAMES, e, max_size=2).map(lambda d: tuple(d.items()))
    key = st.builds(lambda word, f: ((word, f),), st.sampled_from(["key", "until"]), st.builds(Lambda, NAMES, e))
    spread = e.map(lambda v: ((None, v),))
    return st.builds(Call, func, st.lists(e, max_size=2).map(tuple), st.one_of(named, key, spread, st.just(())))


def _statements() -> st.SearchStrategy[Statement]:
    step = st.builds(
        Call,
        st.one_of(st.builds(Attribute, st.just(Name("crm")), KEYS), st.just(Name("ask"))),
        st.lists(expressions(), max_size=1).map(tuple),
        st.dictionaries(NAMES, expressions(), max_size=2).map(lambda d: tuple(d.items())),
    )
    step = st.one_of(step, st.builds(Call, st.just(Name("poll")), st.just(()), _until()))
    over = st.builds(Clause, TARGETS, expressions(), st.lists(expressions(), max_size=1).map(tuple))
    mapped = st.builds(Comprehension, st.just("list"), step, st.lists(over, min_size=1, max_size=2).map(tuple))
    targets = st.lists(NAMES, min_size=1, max_size=2).map(tuple)
    bind = st.one_of(
        st.builds(Bind, targets, st.one_of(step, mapped, expressions())), st.builds(Bind, st.just(()), st.one_of(step, mapped))
    )
    return st.recursive(bind, _branches, max_leaves=4)


def _until() -> st.SearchStrategy[tuple[tuple[str, Expr], ...]]:
    test = st.one_of(expressions(), st.builds(Lambda, NAMES, expressions()))
    return test.map(lambda t: (("until", t),))


def _branches(inner: st.SearchStrategy[Statement]) -> st.SearchStrategy[Branch]:
    block = st.lists(inner, max_size=2).map(tuple)
    return st.builds(Branch, expressions(), block, block)


_EXPRESSIONS = st.recursive(st.one_of(LITERALS, NAMES.map(Name)), _larger, max_leaves=8)
_STATEMENTS = _statements()


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    return draw(_STATEMENTS)
