"""Trace: where the value of an expression may come from, told before anything runs.

These are the labels that `planner.expression` would compute, or more: at every path they hold at least what a run holds there.
Elements of a list are taken together where a run would tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from planner.hand import Hand
from planner.labels import NO_LABEL, NO_LABELS, Label, Labels, dict_labels, join_all
from planner.syntax import (
    And,
    Attribute,
    Call,
    Clause,
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
    children,
    literals_in,
)

Env = Mapping[str, Labels]
_WRAPPERS = (Clause, Field)  # nodes that hold expressions and are none
_LIGHT = 2_000  # nodes of a tree of labels; a heavier one is one label for the whole


def iterated(labels: Labels) -> Labels:
    """The labels of whatever a `for` over the value may meet: any element of a list, any key of an object."""
    found = any_child(labels)
    return found.under(labels.top()) if any(isinstance(k, str) for k in labels.keys) else found


def any_child(labels: Labels) -> Labels:
    """The labels of whatever stands below the value, one level down."""
    found = labels.child(-1)  # no list has it: what holds for children that are not named
    for key in labels.keys:
        found = found.join(labels.child(key))
    return found


def slim(labels: Labels) -> Labels:
    """The same labels; one label for the whole where the tree has grown too heavy to walk."""
    open_nodes, seen = [labels], 0
    while open_nodes:
        node = open_nodes.pop()
        seen += 1
        if seen > _LIGHT:
            return Labels.of(labels.whole())
        open_nodes.extend(node.keys.values())
        if node.each is not None:
            open_nodes.append(node.each)
    return labels


def clause_labels(clauses: Iterable[Clause], env: Env, hand: Hand, slots: Iterable[str]) -> tuple[Env, Label, Label]:
    """The names inside clauses with the labels of any element; what decides how many there are; what decides which."""
    inner = {**env, **{name: any_child(env[name]) for name in slots if name in env}}
    sizes, decided = NO_LABEL, NO_LABEL
    for number, clause in enumerate(clauses):
        source = static_labels(clause.iterable, inner, hand)
        sizes = sizes.join(source.top())
        decided = decided.join(source.top()) if number else decided
        inner.update(_bound(clause.target, iterated(source)))
        decided = join_all([decided, *(static_labels(c, inner, hand).whole() for c in clause.conditions)])
    return inner, sizes, decided


def _bound(target: Target, labels: Labels) -> dict[str, Labels]:
    if isinstance(target, str):
        return {target: labels}
    bound: dict[str, Labels] = {}
    for index, name in enumerate(target):
        bound |= _bound(name, labels.child(index))
    return bound


def static_labels(node: Expr, env: Env, hand: Hand) -> Labels:
    """The labels of the value that an expression will have."""
    match node:
        case Literal_():
            return hand.labels(node.value)
        case Name():
            return env.get(node.id, NO_LABELS)
        case Attribute():
            return static_labels(node.value, env, hand).child(node.key)
        case Subscript() | Slice():
            return _part(node, env, hand)
        case IfElse():
            sides = static_labels(node.body, env, hand).join(static_labels(node.orelse, env, hand))
            return sides.with_choice(static_labels(node.test, env, hand).whole())
        case And() | Or():
            values = [static_labels(v, env, hand) for v in node.values]
            return _joined(values).with_choice(join_all(v.whole() for v in values))
        case ListOf() | DictOf():
            return _collection(node, env, hand)
        case Comprehension():
            return _comprehension(node, env, hand)
        case Call():
            return _call(node, env, hand)
        case _:  # one value made of all that is in it; a text is made of what the script itself says, too
            parts = join_all(static_labels(c, env, hand).whole() for c in _expressions(node))
            match node:
                case FString():
                    parts = parts.join(hand.label_of_all(p for p in node.parts if isinstance(p, str)))
                case SetOf():
                    parts = parts.join(hand.own)
            return Labels.of(parts)


def _expressions(node: Node) -> Iterable[Expr]:
    for child in children(node):
        if isinstance(child, _WRAPPERS):
            yield from _expressions(child)
        else:
            yield child  # type: ignore[misc]  # a node that is none of those is an expression


def _joined(values: Iterable[Labels]) -> Labels:
    joined = NO_LABELS
    for value in values:
        joined = joined.join(value)
    return joined


def _part(node: Subscript | Slice, env: Env, hand: Hand) -> Labels:
    of = static_labels(node.value, env, hand)
    if isinstance(node, Slice):
        ends = join_all(static_labels(e, env, hand).whole() for e in (node.lower, node.upper) if e is not None)
        decided = of.top().join(ends)
        return Labels(of.own.join(decided.as_choice()), {}, any_child(of), decided)
    index = static_labels(node.index, env, hand).whole()
    if isinstance(node.index, Literal_) and isinstance(node.index.value, str):
        return of.child(node.index.value).with_choice(index)
    return any_child(of).with_choice(index.join(of.top()))


def _collection(node: ListOf | DictOf, env: Env, hand: Hand) -> Labels:
    if isinstance(node, ListOf):
        return slim(
            Labels(
                NO_LABEL,
                {i: static_labels(v, env, hand) for i, v in enumerate(node.items)},
                None,
                hand.label_of_all(literals_in(node.items)),
            )
        )
    values = {k.value if isinstance(k, Literal_) else None: static_labels(v, env, hand) for k, v in node.pairs}
    if all(isinstance(k, str) for k in values):
        return slim(dict_labels({str(k): v for k, v in values.items()}, shape=hand.label_of_all(values)))
    return Labels.of(join_all([hand.own, *(static_labels(c, env, hand).whole() for c in _expressions(node))]))


def _comprehension(node: Comprehension, env: Env, hand: Hand) -> Labels:
    inner, sizes, decided = clause_labels(node.clauses, env, hand, (name for name, _ in node.slots))
    element = static_labels(node.element, inner, hand)
    reached = sizes.join(decided.as_choice())
    if node.kind == "set":
        return Labels.of(element.whole().join(reached))
    if node.value is None:
        return slim(Labels(decided.as_choice(), {}, element, reached))
    names = element.whole().join(reached)  # who goes over the object meets its keys: they stand for each of its values, too
    return slim(Labels(names.as_choice(), {}, static_labels(node.value, inner, hand).under(names), names))


def _call(node: Call, env: Env, hand: Hand) -> Labels:
    args = [static_labels(a, env, hand) for a in node.args]
    match node.func:
        case Name(id=name) if name in _LIST_FUNCTIONS and args:
            return slim(
                _LIST_FUNCTIONS[name](args, *_named(node, iterated(args[0]) if len(args) == 1 else _joined(args), env, hand))
            )
        case Attribute(key="get", value=value) if node.args and isinstance(node.args[0], Literal_):
            of = static_labels(value, env, hand)
            return _joined([of.child(str(node.args[0].value)), *args[1:]]).with_choice(of.top().join(args[0].whole()))
        case Attribute(value=value) if value != Name("re"):
            args.append(static_labels(value, env, hand))
    named, _ = _named(node, NO_LABELS, env, hand)
    return Labels.of(join_all(a.whole() for a in (*args, *named.values())))


def _named(node: Call, element: Labels, env: Env, hand: Hand) -> tuple[Mapping[str, Labels], Label | None]:
    """The labels of the named arguments, and of what `key=` gives for one of the elements."""
    named: dict[str, Labels] = {}
    by_key: Label | None = None
    for name, value in node.keywords:
        if isinstance(value, Lambda):
            by_key = static_labels(value.body, {**env, value.parameter: element}, hand).whole()
        else:
            named[name or "**"] = static_labels(value, env, hand)
    return named, by_key


def _sorted(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    decided = join_all([args[0].whole() if by_key is None else by_key, *(v.whole() for v in named.values())])
    return Labels(decided.as_choice(), {}, iterated(args[0]), args[0].top())


def _listed(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    return Labels(NO_LABEL, {}, iterated(args[0]), args[0].top())


def _only(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    return iterated(args[0]).with_choice(args[0].whole())


def _extreme(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    candidates = args if len(args) > 1 else [iterated(args[0])]
    decided = [a.whole() if by_key is None else a.top() for a in args] + ([] if by_key is None else [by_key])
    return _joined([*candidates, *named.values()]).with_choice(join_all(decided))


def _enumerated(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    start = join_all(v.whole() for v in (*args[1:], *named.values()))
    return Labels(NO_LABEL, {}, Labels(NO_LABEL, {0: Labels.of(start), 1: iterated(args[0])}), args[0].top())


def _zipped(args: list[Labels], named: Mapping[str, Labels], by_key: Label | None) -> Labels:
    row = Labels(NO_LABEL, {i: iterated(a) for i, a in enumerate(args)})
    return Labels(NO_LABEL, {}, row, join_all(a.top() for a in args))


_LIST_FUNCTIONS: Mapping[str, Callable[[list[Labels], Mapping[str, Labels], Label | None], Labels]] = {
    "sorted": _sorted,
    "list": _listed,
    "only": _only,
    "min": _extreme,
    "max": _extreme,
    "enumerate": _enumerated,
    "zip": _zipped,
}
