"""Call: from a call in an expression to a function of the library's table, its arguments evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.bounds import Meter
from planner.clock import Clock
from planner.errors import ExpressionError
from planner.labels import Tagged
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS, Arguments, KeyFunction, LibraryFunction
from planner.syntax import Attribute, Call, Expr, Lambda, Name
from planner.values import kind

Scope = Mapping[str, Tagged]
Evaluate = Callable[[Expr, Scope], Tagged]

_CALLING = 3  # operations that a call is worth


def call(node: Call, scope: Scope, evaluate: Evaluate, meter: Meter, clock: Clock) -> Tagged:
    """The result of a library function or method. Raises ExpressionError for anything else and for a wrong call."""
    meter.work(_CALLING)
    function, receiver = _callee(node, scope, evaluate)
    wrong = function.misuse(len(node.args), tuple(name for name, _ in node.keywords))
    if wrong:
        raise ExpressionError(wrong, hint=f"It is {function.signature}.")
    positional = (*receiver, *(evaluate(argument, scope) for argument in node.args))
    named: dict[str, Tagged] = {}
    key: KeyFunction | None = None
    for name, argument in node.keywords:
        assert name is not None  # misuse() refuses a splat
        if name == "key":
            key = _key_function(argument, scope, evaluate)
        else:
            named[name] = evaluate(argument, scope)
    return function.implementation(Arguments(function.name, positional, named, key, meter, clock))


def _callee(node: Call, scope: Scope, evaluate: Evaluate) -> tuple[LibraryFunction, tuple[Tagged, ...]]:
    """The function that a call names, and the receiver if it is a method."""
    match node.func:
        case Name(id=name) if name in FUNCTIONS:
            return FUNCTIONS[name], ()
        case Attribute(value=Name(id="re"), key=name) if "re" not in scope and name in RE_FUNCTIONS:
            return RE_FUNCTIONS[name], ()
        case Attribute(value=of, key=name) if name in METHODS:
            receiver = evaluate(of, scope)
            if type(receiver.value).__name__ not in METHODS[name].receivers:
                raise ExpressionError(f"{kind(receiver.value).capitalize()} has no method {name}()")
            return METHODS[name], (receiver,)
        case Name(id=name) | Attribute(key=name):
            raise ExpressionError(f"{name}() is not in the library")
        case _:
            raise ExpressionError("Only a function's name can be called")


def _key_function(node: Expr, scope: Scope, evaluate: Evaluate) -> KeyFunction:
    if not isinstance(node, Lambda):
        raise ExpressionError("key= wants a lambda", hint="Write key=lambda x: x.rating.")
    inner = dict(scope)

    def key(element: Tagged) -> Tagged:
        inner[node.parameter] = element
        return evaluate(node.body, inner)

    return key
