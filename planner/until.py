"""Until: the test of a `poll` or a `first`, which looks at the latest result.

It is written with the name that the statement binds (`job = poll(…, until=job.done)`), or as `lambda r: r.done`. A program
holds it as the lambda, a Plan as the name wherever the statement binds one that the test does not use otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from planner.syntax import Bind, Call, Comprehension, Expr, Lambda, Name, Node, rebuild, target_names, walk

UNTIL_STEPS = frozenset(("poll", "first"))


def with_test(call: Call, targets: tuple[str, ...]) -> Call:
    """The call with its `until` as a lambda; as it is, where the statement binds no single name that it could stand for."""
    if len(targets) != 1:
        return call
    return _changed(call, lambda until: until if isinstance(until, Lambda) else _lambda(targets[0], until))


def with_name(bind: Bind) -> Bind:
    """The statement with the `until` of its call in terms of the name that it binds, where that means the same."""
    if not is_until_step(bind.value) or len(bind.targets) != 1:
        return bind
    assert isinstance(bind.value, Call)
    return replace(bind, value=_changed(bind.value, lambda until: _named(until, bind.targets[0])))


def is_until_step(node: Expr) -> bool:
    """Whether the node is a call of a step that has an `until`."""
    return isinstance(node, Call) and isinstance(node.func, Name) and node.func.id in UNTIL_STEPS


def _lambda(name: str, body: Expr) -> Lambda:
    return Lambda(name, body, at=body.at, text=body.text)


def _changed(call: Call, change: Callable[[Expr], Expr]) -> Call:
    return replace(call, keywords=tuple((k, change(v) if k == "until" else v) for k, v in call.keywords))


def _named(until: Expr, name: str) -> Expr:
    if not isinstance(until, Lambda):
        return until
    parameter = until.parameter
    if parameter != name and (name in _names(until.body) or parameter in _bound(until.body)):
        return until
    return _renamed(until.body, parameter, name)  # type: ignore[return-value]  # an expression is rebuilt as an expression


def _renamed(node: Node, old: str, new: str) -> Node:
    if isinstance(node, Name):
        return replace(node, id=new) if node.id == old else node
    return rebuild(node, lambda child: _renamed(child, old, new))


def _names(node: Node) -> frozenset[str]:
    """Every name in the expression, read or bound."""
    return frozenset(n.id for n in walk(node) if isinstance(n, Name)) | _bound(node)


def _bound(node: Node) -> frozenset[str]:
    """The names that comprehensions and lambdas in the expression bind."""
    found = {n.parameter for n in walk(node) if isinstance(n, Lambda)}
    for comprehension in (n for n in walk(node) if isinstance(n, Comprehension)):
        found |= {name for clause in comprehension.clauses for name in target_names(clause.target)}
    return frozenset(found)
