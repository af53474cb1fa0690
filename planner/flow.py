"""Flow: where values may come from, told before anything runs, and the labels of what a call gives.

Static labels are the labels that `planner.expression` would compute, with every element of a list taken together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planner.labels import NO_LABEL, NO_LABELS, Label, Labels, Origin, dict_labels, join_all, labels_from_paths
from planner.program import Step
from planner.syntax import (
    And,
    Attribute,
    Call,
    Clause,
    Comprehension,
    DictOf,
    Expr,
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
)
from planner.toolspec import ToolSpec, Trust

Env = Mapping[str, Labels]
PERSON = Origin("person", trusted=True)
_TAKERS = frozenset(("only", "min", "max"))
_LISTERS = frozenset(("sorted", "list", "set"))


def result_labels(spec: ToolSpec, arguments: Label) -> Labels:
    """The labels of what a tool gives.

    A field declared trusted is the tool's own, and its arguments have chosen it; one declared untrusted stems from the tool,
    and like every field of which nothing is declared also from the arguments.
    """

    def label(trust: Trust | None) -> Label:
        if trust == "trusted":
            return _origin(f"tool {spec.name}", trusted=True).join(arguments.as_choice())
        return _origin(f"tool {spec.name}", trusted=trust is None and not spec.open_world).join(arguments)

    declared = {path: label(trust) for path, trust in spec.labels.items() if path}
    return labels_from_paths(label(spec.labels.get("")), declared)


def model_labels(step: str, inputs: Label) -> Labels:
    """The labels of a model's answer: what it was given, and the model."""
    return Labels.of(_origin(f"model {step}", trusted=True).join(inputs))


def person_labels() -> Labels:
    """The labels of a person's answer."""
    return Labels.of(Label(frozenset((PERSON,))))


def _origin(source: str, *, trusted: bool) -> Label:
    return Label(frozenset((Origin(source, trusted),)))


def step_labels(step: Step, env: Env, tools: Mapping[str, ToolSpec], literal: Label) -> Labels:
    """The labels of the value that a step will have; for a map, of its list."""
    inner = env if step.space is None else clause_labels(step.space.clauses, env, literal, step.space.names)
    one = _call_labels(step, inner, tools, literal)
    if step.options.otherwise is not None:
        one = one.join(static_labels(step.options.otherwise, inner, literal))
    guards = join_all(static_labels(g.test, env, literal).whole() for g in step.guards)
    if step.space is None:
        return one.with_choice(guards)
    choice = join_all(static_labels(c, inner, literal).whole() for c in step.conditions)
    source = join_all(static_labels(c.iterable, inner, literal).top() for c in step.space.clauses)
    return Labels(NO_LABEL, {}, one, source.join(choice.as_choice())).with_choice(guards)


def _call_labels(step: Step, env: Env, tools: Mapping[str, ToolSpec], literal: Label) -> Labels:
    given = join_all(static_labels(a, env, literal).whole() for a in step.arguments.values())
    match step.kind:
        case "let" | "answer":
            return static_labels(step.arguments["value"], env, literal)
        case "tool" | "attempt":
            return result_labels(tools[step.tool], given)
        case "pages":
            return Labels(NO_LABEL, {}, result_labels(tools[step.tool], given).child(step.options.items).child(0))
        case "ask":
            return model_labels(step.id, given)
        case "choose":
            chosen = static_labels(step.arguments["items"], env, literal).child(0)
            question = static_labels(step.arguments["question"], env, literal).whole()
            return chosen.with_choice(question.join(_origin(f"model {step.id}", trusted=True)))
        case _:
            return person_labels()


def clause_labels(clauses: Iterable[Clause], env: Env, literal: Label, slots: Iterable[str] = ()) -> Env:
    """The names inside clauses, with the labels of any element."""
    inner = {**env, **{name: env[name].child(0) for name in slots if name in env and name.startswith("$")}}
    for clause in clauses:
        inner.update(_bound(clause.target, static_labels(clause.iterable, inner, literal).child(0)))
    return inner


def _bound(target: Target, labels: Labels) -> dict[str, Labels]:
    if isinstance(target, str):
        return {target: labels}
    bound: dict[str, Labels] = {}
    for index, name in enumerate(target):
        bound |= _bound(name, labels.child(index))
    return bound


def static_labels(node: Expr, env: Env, literal: Label) -> Labels:
    """The labels of the value that an expression will have."""
    match node:
        case Literal_():
            return Labels.of(literal)
        case Name():
            return env.get(node.id, NO_LABELS)
        case Attribute():
            return static_labels(node.value, env, literal).child(node.key)
        case Subscript():
            key = node.index.value if isinstance(node.index, Literal_) and isinstance(node.index.value, str) else 0
            index = static_labels(node.index, env, literal).whole()
            return static_labels(node.value, env, literal).child(key).with_choice(index)
        case Slice():
            return static_labels(node.value, env, literal)
        case IfElse():
            sides = static_labels(node.body, env, literal).join(static_labels(node.orelse, env, literal))
            return sides.with_choice(static_labels(node.test, env, literal).whole())
        case And() | Or():
            return _joined(node.values, env, literal)
        case ListOf() | SetOf():
            return Labels(NO_LABEL, {i: static_labels(v, env, literal) for i, v in enumerate(node.items)})
        case DictOf() if all(isinstance(k, Literal_) for k, _ in node.pairs):
            return dict_labels({str(k.value): static_labels(v, env, literal) for k, v in node.pairs if isinstance(k, Literal_)})
        case Comprehension():
            return _comprehension(node, env, literal)
        case Call():
            return _call(node, env, literal)
        case _:
            return Labels.of(join_all(static_labels(c, env, literal).whole() for c in _expressions(node)))


def _expressions(node: Node) -> Iterable[Expr]:
    for child in children(node):
        if isinstance(child, Expr):
            yield child
        else:
            yield from _expressions(child)


def _joined(nodes: Iterable[Expr], env: Env, literal: Label) -> Labels:
    joined = NO_LABELS
    for node in nodes:
        joined = joined.join(static_labels(node, env, literal))
    return joined


def _comprehension(node: Comprehension, env: Env, literal: Label) -> Labels:
    inner = clause_labels(node.clauses, env, literal, (name for name, _ in node.slots))
    choice = join_all(static_labels(c, inner, literal).whole() for clause in node.clauses for c in clause.conditions)
    source = join_all(static_labels(c.iterable, inner, literal).top() for c in node.clauses)
    element = static_labels(node.element, inner, literal)
    each = element if node.value is None else static_labels(node.value, inner, literal).join(Labels.of(element.whole()))
    return Labels(NO_LABEL, {}, each, source.join(choice.as_choice()))


def _call(node: Call, env: Env, literal: Label) -> Labels:
    args = [static_labels(a, env, literal) for a in node.args]
    keys = [v for _, v in node.keywords if not isinstance(v, Lambda)]
    match node.func:
        case Name(id=name) if name in _TAKERS and len(args) == 1:
            return args[0].child(0).with_choice(args[0].whole())
        case Name(id=name) if name in _LISTERS and args:
            return Labels(NO_LABEL, {}, args[0].child(0), args[0].whole().as_choice())
        case Name(id="enumerate") if args:
            return Labels(NO_LABEL, {}, Labels(NO_LABEL, {0: NO_LABELS, 1: args[0].child(0)}), args[0].top())
        case Name(id="zip"):
            row = Labels(NO_LABEL, {i: a.child(0) for i, a in enumerate(args)})
            return Labels(NO_LABEL, {}, row, join_all(a.top() for a in args))
        case Attribute(key="get", value=value) if node.args and isinstance(node.args[0], Literal_):
            found = static_labels(value, env, literal).child(str(node.args[0].value))
            return found.join(args[1]) if len(args) > 1 else found
        case Attribute(value=value) if value != Name("re"):
            whole = static_labels(value, env, literal).whole()
            return Labels.of(join_all([whole, *(a.whole() for a in args), *(_joined(keys, env, literal).whole(),)]))
        case _:
            return Labels.of(join_all([*(a.whole() for a in args), _joined(keys, env, literal).whole()]))
